// A set of partitions by topic id: assignments, targets, what a member owns. The order of topics
// and partitions is fixed, so equal sets compare equal and records come out the same each time.
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"

namespace millrace::group {

// Partitions ascending and without duplicates; no topic with an empty list. add() and the functions
// below keep it so.
using TopicPartitions = std::map<Uuid, std::vector<PartitionIndex>>;

inline void normalize(std::vector<PartitionIndex>& partitions) {
    std::ranges::sort(partitions);
    partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
}

inline void add(TopicPartitions& to, const Uuid& topic, PartitionIndex partition) {
    std::vector<PartitionIndex>& list = to[topic];
    auto at = std::ranges::lower_bound(list, partition);
    if (at == list.end() || *at != partition) list.insert(at, partition);
}

inline bool contains(const TopicPartitions& set, const Uuid& topic, PartitionIndex partition) {
    auto at = set.find(topic);
    return at != set.end() && std::ranges::binary_search(at->second, partition);
}

inline size_t count(const TopicPartitions& set) {
    size_t n = 0;
    for (const auto& [topic, partitions] : set) n += partitions.size();
    return n;
}

// Calls fn(topic, partition) for all.
template <typename Fn>
void each(const TopicPartitions& set, Fn&& fn) {
    for (const auto& [topic, partitions] : set)
        for (PartitionIndex partition : partitions) fn(topic, partition);
}

// Those of `set` for which keep(topic, partition).
template <typename Fn>
TopicPartitions filter(const TopicPartitions& set, Fn&& keep) {
    TopicPartitions out;
    each(set, [&](const Uuid& topic, PartitionIndex partition) {
        if (keep(topic, partition)) out[topic].push_back(partition);
    });
    return out;
}

inline TopicPartitions intersection(const TopicPartitions& a, const TopicPartitions& b) {
    return filter(a, [&](const Uuid& t, PartitionIndex p) { return contains(b, t, p); });
}
inline TopicPartitions difference(const TopicPartitions& a, const TopicPartitions& b) {
    return filter(a, [&](const Uuid& t, PartitionIndex p) { return !contains(b, t, p); });
}
inline void add_all(TopicPartitions& to, const TopicPartitions& from) {
    each(from, [&](const Uuid& t, PartitionIndex p) { add(to, t, p); });
}
inline bool is_subset(const TopicPartitions& a, const TopicPartitions& b) {
    return difference(a, b).empty();
}
inline bool intersects(const TopicPartitions& a, const TopicPartitions& b) {
    return !intersection(a, b).empty();
}

}  // namespace millrace::group
