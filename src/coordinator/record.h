// A record of a coordinator's log: what a state machine emits, and what it is rebuilt from. Keys
// and values are Kafka's bytes (protocol/coordinator_record.h); a record without a value is a
// tombstone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/units.h"

namespace millrace::coordinator {

struct Record {
    std::vector<uint8_t> key;
    std::optional<std::vector<uint8_t>> value;
    friend bool operator==(const Record&, const Record&) = default;
};

// The same as read back. The views hold for the call that hands it over.
struct RecordView {
    Offset offset = -1;
    ByteView key;
    std::optional<ByteView> value;
};

}  // namespace millrace::coordinator
