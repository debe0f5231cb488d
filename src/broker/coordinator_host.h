// Gives the group coordinator the partitions of __consumer_offsets that this node leads, and what
// it must know of the cluster.
//
// Owner: server. Loop: the shard's. Loading happens in the background: until a partition is
// replayed its groups answer COORDINATOR_LOAD_IN_PROGRESS.
#pragma once

#include <map>
#include <memory>

#include "broker/broker.h"
#include "broker/coordinator_partition.h"
#include "group/group_coordinator.h"
#include "metadata/image.h"
#include "runtime/scope.h"

namespace millrace::broker {

class CoordinatorHost {
public:
    explicit CoordinatorHost(Broker& broker)
        : loop_(broker.loop()), broker_(broker), groups_(broker.groups()), scope_(loop_) {}

    // With the first image; then with each one that follows, after the broker.
    void start(const metadata::ImagePtr& image);
    void on_image(const metadata::ImagePtr& image, const metadata::Delta& delta);
    // Answers what waits, and lets go of the logs.
    runtime::Task<void> stop();

private:
    void follow(const metadata::ImagePtr& image);
    runtime::Task<void> take(metadata::TopicPtr topic);
    runtime::Task<void> load(metadata::TopicPtr topic, PartitionIndex index);

    runtime::Loop& loop_;
    Broker& broker_;
    group::GroupCoordinator& groups_;
    runtime::Scope scope_;
    bool stopping_ = false;
    // What the newest image says.
    Uuid topic_id_;
    size_t partition_count_ = 0;
    // What the coordinator has, changed by one task at a time.
    runtime::AsyncMutex changing_;
    Uuid loaded_id_;
    std::map<PartitionIndex, std::unique_ptr<CoordinatorPartition>> loaded_;
};

// The image as the group machines see it. `config`: the broker's, with what is set dynamically.
std::shared_ptr<const group::ClusterView> cluster_view(
    metadata::ImagePtr image, std::shared_ptr<const config::BrokerConfig> config);
// Of the broker's configuration.
group::GroupConfig group_config(const config::BrokerConfig& config);

}  // namespace millrace::broker
