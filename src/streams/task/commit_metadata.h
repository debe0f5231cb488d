// What stands beside a committed offset: the partition's time, and numbers of the task's nodes.
// Kafka: TopicPartitionMetadata, ProcessorMetadata.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/units.h"

namespace millrace::streams {

struct CommitMetadata {
    TimestampMs partition_time = -1;
    std::map<std::string, int64_t> numbers;
    friend bool operator==(const CommitMetadata&, const CommitMetadata&) = default;
};

// Base64 of: version 2 (1), partition time (8) and, if there are numbers, their count (4) and for
// each its name's length (4), name and value (8).
std::string encode_commit_metadata(const CommitMetadata& metadata);
// Also of version 1, which ends after the time. What it cannot read stands for nothing known, as
// in Kafka.
CommitMetadata decode_commit_metadata(std::string_view text);

}  // namespace millrace::streams
