// Gives the group coordinator the partitions of __consumer_offsets that this node leads, and what it must know of the cluster.
//
// Owner: server. Loop: the shard's. Loading happens in the background: until a partition is replayed its groups answer
// COORDINATOR_LOAD_IN_PROGRESS.
#pragma once

#include <map>
#include <memory>

#include "broker/coordinator_partition.h"
#include "group/group_coordinator.h"
#include "metadata/image.h"
#include "runtime/scope.h"

namespace millrace::broker {

class CoordinatorHost {
public:
    CoordinatorHost(runtime::Loop& loop, group::GroupCoordinator& groups) : loop_(loop), groups_(groups), scope_(loop) {}

    // Loads what is new among the offsets partitions. `partitions` must outlive stop().
    void on_image(const metadata::ImagePtr& image, Partitions& partitions);
    // Answers what waits, and lets go of the logs.
    runtime::Task<void> stop();

private:
    runtime::Task<void> load(metadata::TopicPtr topic, PartitionIndex index, Partitions& partitions);

    runtime::Loop& loop_;
    group::GroupCoordinator& groups_;
    runtime::Scope scope_;
    Uuid topic_id_;
    // Asked to load; null while the log is being opened.
    std::map<PartitionIndex, std::unique_ptr<CoordinatorPartition>> loaded_;
    bool stopping_ = false;
};

// The image as the group machines see it.
std::shared_ptr<const group::ClusterView> cluster_view(metadata::ImagePtr image);
// Of the broker's configuration.
group::GroupConfig group_config(const config::BrokerConfig& config);

}  // namespace millrace::broker
