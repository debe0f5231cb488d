// Names for the numbers that cross room borders. They are aliases, not distinct types
// (docs/decisions/0002): the name in the signature tells the meaning, and the wire structs, which
// are made of plain integers, need no conversion.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace millrace {

using Offset = int64_t;          // a record's place in its partition, from 0; -1 = none
using LeaderEpoch = int32_t;     // -1 = none
using PartitionIndex = int32_t;  // from 0
using NodeId = int32_t;          // broker or controller id; -1 = none
using ProducerId = int64_t;      // -1 = none
using ProducerEpoch = int16_t;   // -1 = none
using TimestampMs = int64_t;     // wall clock, milliseconds since 1970; -1 = none

using Duration = std::chrono::nanoseconds;

struct TopicPartition {
    std::string topic;
    PartitionIndex partition = 0;
    friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace millrace

template <>
struct std::hash<millrace::TopicPartition> {
    size_t operator()(const millrace::TopicPartition& tp) const noexcept {
        return std::hash<std::string>{}(tp.topic) * 31 + static_cast<size_t>(tp.partition);
    }
};
