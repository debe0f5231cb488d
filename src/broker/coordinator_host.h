// Gives a coordinator the partitions of its internal topic that this node leads.
//
// Owner: server, one for each coordinator. Loop: the shard's. Loading happens in the background:
// until a partition is replayed its keys answer COORDINATOR_LOAD_IN_PROGRESS.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "broker/coordinator_partition.h"
#include "coordinator/shards.h"
#include "metadata/image.h"
#include "runtime/scope.h"

namespace millrace::broker {

constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
constexpr std::string_view kTransactionsTopic = "__transaction_state";

class CoordinatorHost {
public:
    CoordinatorHost(runtime::Loop& loop, std::string topic, coordinator::Coordinator& coordinator,
                    Partitions& partitions)
        : loop_(loop),
          topic_(std::move(topic)),
          coordinator_(coordinator),
          partitions_(partitions),
          scope_(loop) {}

    // With the first image; then with each one that follows.
    void start(const metadata::ImagePtr& image);
    void on_image(const metadata::ImagePtr& image, const metadata::Delta& delta);
    // Answers what waits, and lets go of the logs.
    runtime::Task<void> stop();

private:
    void follow(const metadata::ImagePtr& image);
    runtime::Task<void> take(metadata::TopicPtr topic);
    runtime::Task<void> load(metadata::TopicPtr topic, PartitionIndex index);

    runtime::Loop& loop_;
    const std::string topic_;
    coordinator::Coordinator& coordinator_;
    Partitions& partitions_;
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

}  // namespace millrace::broker
