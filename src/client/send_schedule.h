// When a producer looks at which partition, and for which broker: lists of partitions that may have
// something to send now, by leader, and a clock for those that will later.
//
// Being listed promises nothing: the sender looks at the queue itself. Owner: Producer. Pure state
// but for the event that it sets.
#pragma once

#include <deque>
#include <map>

#include "client/cluster.h"
#include "client/partition_queue.h"

namespace millrace::client {

class SendSchedule {
public:
    explicit SendSchedule(Cluster& cluster) : cluster_(cluster) {}

    // Lists the queue now, or at that time.
    void look(PartitionQueue& queue);
    void look_at(runtime::TimePoint when, PartitionQueue& queue);

    // Lists what is due.
    void advance(runtime::TimePoint now);
    // The next in that broker's list, which is not listed any more; nullptr at its end.
    PartitionQueue* take(NodeId leader);
    // Those with a list that is not empty.
    std::vector<NodeId> leaders() const;
    // Lists everything under the leader that it has now.
    void metadata_changed();

    runtime::TimePoint next_time() const {
        return times_.empty() ? runtime::kNever : times_.begin()->first;
    }
    // Somebody has something to look at.
    runtime::Event& wanted() { return wanted_; }

private:
    NodeId leader_of(const PartitionQueue& queue) const;

    Cluster& cluster_;
    std::map<NodeId, std::deque<PartitionQueue*>> listed_;  // under -1: without a known leader
    std::multimap<runtime::TimePoint, PartitionQueue*> times_;
    runtime::Event wanted_;
};

}  // namespace millrace::client
