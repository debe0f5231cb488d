// The order in which Java's HashMap gives out names: Kafka's tools print what such maps hold, and
// scripts compare. Pure.
// Kafka differs from itself where a bucket holds more than eight names: those are in another order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace millrace {

// String.hashCode of a text in ASCII, which names of topics and nodes are.
inline uint32_t java_hash(std::string_view text) {
    uint32_t hash = 0;
    for (const char c : text) hash = hash * 31 + static_cast<unsigned char>(c);
    return hash;
}

// The capacity of a map that was made for `expected` entries (nothing: by its default) once it
// holds `count`.
inline size_t java_capacity(size_t count, std::optional<size_t> expected = {}) {
    size_t capacity = 16;
    if (expected)
        for (capacity = 1; capacity < *expected;) capacity *= 2;
    while (count > capacity * 3 / 4) capacity *= 2;
    return capacity;
}

// TopicPartition.hashCode.
inline uint32_t java_hash(const TopicPartition& tp) {
    return 31 * (31 + static_cast<uint32_t>(tp.partition)) + java_hash(std::string_view{tp.topic});
}

// Sorts `items`, which are in the order in which they were put into a map, by what `key_of` gives.
template <typename T, typename KeyOf>
void java_order(std::vector<T>& items, KeyOf key_of, std::optional<size_t> expected = {}) {
    const size_t capacity = java_capacity(items.size(), expected);
    std::vector<std::pair<size_t, size_t>> places;
    for (size_t i = 0; i != items.size(); ++i) {
        const uint32_t hash = java_hash(key_of(items[i]));
        places.emplace_back((hash ^ hash >> 16) & (capacity - 1), i);
    }
    std::ranges::sort(places);
    std::vector<T> sorted;
    for (const auto& [bucket, index] : places) sorted.push_back(std::move(items[index]));
    items = std::move(sorted);
}

inline std::vector<std::string> java_ordered(std::vector<std::string> names,
                                             std::optional<size_t> expected = {}) {
    java_order(names, [](const std::string& name) { return std::string_view{name}; }, expected);
    return names;
}

}  // namespace millrace
