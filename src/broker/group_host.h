// What the group coordinator must know of the cluster and of the broker's configuration.
//
// Loop: the shard's.
#pragma once

#include <memory>

#include "config/broker_config.h"
#include "group/group_coordinator.h"
#include "metadata/delta.h"
#include "metadata/image.h"

namespace millrace::broker {

// The image as the group machines see it. `config`: the broker's, with what is set dynamically.
std::shared_ptr<const group::ClusterView> cluster_view(
    metadata::ImagePtr image, std::shared_ptr<const config::BrokerConfig> config);
// Tells the coordinator what changed, if it is anything to it. After the broker has followed.
void follow_image(group::GroupCoordinator& groups, const metadata::ImagePtr& image,
                  const metadata::Delta& delta, std::shared_ptr<const config::BrokerConfig> config);
// Of the broker's configuration.
group::GroupConfig group_config(const config::BrokerConfig& config);

}  // namespace millrace::broker
