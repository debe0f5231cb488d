#include "client/send_schedule.h"

namespace millrace::client {

NodeId SendSchedule::leader_of(const PartitionQueue& queue) const {
    const TopicPtr topic = cluster_.metadata().topic(queue.topic);
    return topic ? topic->leader(queue.partition) : -1;
}

void SendSchedule::look(PartitionQueue& queue) {
    wanted_.set();
    if (queue.listed) return;
    queue.listed = true;
    const NodeId leader = leader_of(queue);
    if (leader < 0) cluster_.request_update();
    listed_[leader].push_back(&queue);
}

void SendSchedule::look_at(runtime::TimePoint when, PartitionQueue& queue) {
    // The sender need only wake earlier than it meant to.
    if (when < next_time()) wanted_.set();
    times_.emplace(when, &queue);
}

void SendSchedule::advance(runtime::TimePoint now) {
    while (!times_.empty() && times_.begin()->first <= now) {
        PartitionQueue& queue = *times_.begin()->second;
        times_.erase(times_.begin());
        look(queue);
    }
}

PartitionQueue* SendSchedule::take(NodeId leader) {
    std::deque<PartitionQueue*>& list = listed_[leader];
    if (list.empty()) return nullptr;
    PartitionQueue* queue = list.front();
    list.pop_front();
    queue->listed = false;
    return queue;
}

std::vector<NodeId> SendSchedule::leaders() const {
    std::vector<NodeId> out;
    for (const auto& [leader, list] : listed_)
        if (leader >= 0 && !list.empty()) out.push_back(leader);
    return out;
}

void SendSchedule::metadata_changed() {
    for (const auto& [leader, list] : std::exchange(listed_, {})) {
        for (PartitionQueue* queue : list) {
            queue->listed = false;
            look(*queue);
        }
    }
}

}  // namespace millrace::client
