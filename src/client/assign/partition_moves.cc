#include "client/assign/partition_moves.h"

#include <algorithm>

#include "base/java_text.h"

namespace millrace::client::assign {

Partition PartitionMoves::first(const MovedSet& set) const {
    return *std::ranges::min_element(set.partitions, {}, [&](Partition p) {
        // org.apache.kafka.common.TopicPartition.hashCode
        const auto topic =
            static_cast<uint32_t>(java_string_hash(group_.topics()[group_.topic_of(p)].name));
        const uint32_t hash = 31 * (31 + group_.index_of(p)) + topic;
        return java_bucket(static_cast<int32_t>(hash), set.size_max);
    });
}

Partition PartitionMoves::instead_of(Partition p, Member from, Member to) const {
    if (auto moved = of_partition_.find(p); moved != of_partition_.end()) from = moved->second.from;
    const auto back = by_topic_.find({group_.topic_of(p), Pair{to, from}});
    return back == by_topic_.end() ? p : first(back->second);
}

void PartitionMoves::add(Partition p, Pair pair) {
    of_partition_[p] = pair;
    MovedSet& set = by_topic_[{group_.topic_of(p), pair}];
    set.partitions.push_back(p);
    set.size_max = std::max(set.size_max, set.partitions.size());
}

void PartitionMoves::moved(Partition p, Member from, Member to) {
    const auto before = of_partition_.find(p);
    if (before == of_partition_.end()) {
        add(p, {from, to});
        return;
    }
    const Pair pair = before->second;
    of_partition_.erase(before);
    const auto set = by_topic_.find({group_.topic_of(p), pair});
    std::erase(set->second.partitions, p);
    if (set->second.partitions.empty()) by_topic_.erase(set);
    if (pair.from != to) add(p, {pair.from, to});
}

}  // namespace millrace::client::assign
