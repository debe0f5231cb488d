// Deletes from repartition topics what has been processed: nobody reads it again.
//
// Owner: StreamThread. Kafka: TaskManager.maybePurgeCommittedRecords.
#pragma once

#include <set>

#include "client/admin.h"
#include "client/offset_commits.h"
#include "runtime/scope.h"

namespace millrace::streams {

class RepartitionPurge {
public:
    // At most once in `interval` (repartition.purge.interval.ms).
    RepartitionPurge(client::Cluster& cluster, std::chrono::milliseconds interval)
        : cluster_(cluster),
          interval_(interval),
          next_(cluster.loop().now() + interval),
          deleting_(cluster.loop()) {}

    void set_topics(std::set<std::string> topics) { topics_ = std::move(topics); }
    // These offsets are committed. The deletion is not waited for; what fails is tried again with a
    // later commit.
    void committed(const client::CommittedOffsets& offsets);

private:
    runtime::Task<void> delete_records(std::map<TopicPartition, Offset> before);

    client::Cluster& cluster_;
    const std::chrono::milliseconds interval_;
    std::set<std::string> topics_;
    std::map<TopicPartition, Offset> processed_;
    runtime::TimePoint next_;
    bool under_way_ = false;
    runtime::DroppingScope deleting_;
};

}  // namespace millrace::streams
