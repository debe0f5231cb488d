// A record on its way through a topology, as the engine sees it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/units.h"
#include "streams/core/bytes.h"
#include "streams/core/value.h"

namespace millrace::streams {

struct Header {
    std::string key;
    NullableBytes value;
    friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

// Views of a key and a value that live until the call returns. The headers are one object for all
// who are given this very record; what a node makes of it is forwarded with a copy.
struct RawRecord {
    Ref key = nullptr;
    Ref value = nullptr;
    TimestampMs timestamp = 0;
    Headers* headers = nullptr;  // never null in flight

    RawRecord with_value(Ref other) const { return {key, other, timestamp, headers}; }
    RawRecord with_key(Ref other) const { return {other, value, timestamp, headers}; }
    RawRecord at(TimestampMs other) const { return {key, value, other, headers}; }
};

// What flows out of a table: the value of the key, and the one before it where an operation
// downstream asked for it (else null).
struct Change {
    Ref new_value = nullptr;
    Ref old_value = nullptr;
    // False for a change in the past of a versioned table.
    bool is_latest = true;
};

// Where the record that is being processed came from. Kafka: RecordContext.
struct RecordContext {
    std::string_view topic;  // empty in a punctuation
    PartitionIndex partition = -1;
    Offset offset = -1;
    // That of the record as it was last forwarded.
    TimestampMs timestamp = -1;
    Headers* headers = nullptr;
    // As read from the source topic; null in a punctuation.
    NullableView raw_key;
    NullableView raw_value;
};

// S_P: sub-topology and partition.
struct TaskId {
    int32_t subtopology = 0;
    PartitionIndex partition = 0;
    std::string to_string() const { return fmt::format("{}_{}", subtopology, partition); }
    friend auto operator<=>(const TaskId&, const TaskId&) = default;
};

}  // namespace millrace::streams
