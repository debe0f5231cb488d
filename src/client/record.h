// A record on its way to a producer: views, which must live until the producer has taken it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/units.h"
#include "protocol/record_batch.h"

namespace millrace::client {

using protocol::RecordHeader;

struct Record {
    std::string_view topic;
    std::optional<ByteView> key;
    std::optional<ByteView> value;
    std::span<const RecordHeader> headers;
    // -1: the partitioner decides.
    PartitionIndex partition = -1;
    // -1: now.
    TimestampMs timestamp = -1;
};

// Where a record is. The offset is -1 with acks=0, and when the broker recognised a repetition of
// something that it has forgotten the offset of.
struct RecordPlace {
    PartitionIndex partition = -1;
    Offset offset = -1;
    TimestampMs append_time = -1;  // of a topic with log append time, else -1
};

}  // namespace millrace::client
