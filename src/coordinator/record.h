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
    // Of the transaction that the record is part of: it takes effect with that producer's next
    // marker. -1: of none.
    ProducerId producer_id = -1;
};

// Who appends records as part of a transaction.
struct TransactionalWriter {
    ProducerId producer_id = -1;
    ProducerEpoch producer_epoch = -1;
    // What says that the transaction is open and has the partition in it
    // (storage::Log::begin_verification); 0 when the log knows that already.
    uint64_t verification = 0;
    bool must_be_verified = true;
};

// The end of a producer's transaction in one partition.
struct Marker {
    ProducerId producer_id = -1;
    ProducerEpoch producer_epoch = -1;
    int32_t coordinator_epoch = -1;
    bool commit = false;
    // Of the transaction: from 2 on the marker's epoch is above that of the records (KIP-1228).
    int16_t transaction_version = 0;
    Offset offset = -1;  // where it stands, when read back or applied
};

}  // namespace millrace::coordinator
