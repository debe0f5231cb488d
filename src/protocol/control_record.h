// Control records: what the system itself writes between the users' records, in batches whose
// control bit is set.
//
//   key:   int16 version (0), int16 type
//   value: types 0 and 1: int16 version (0), int32 coordinator epoch
//          others: a stored structure (protocol/records/...) at version 0
//
// Types not listed here are to be ignored by readers.
// Kafka: ControlRecordType, EndTransactionMarker.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace millrace::protocol {

enum class ControlType : int16_t {
    abort = 0,            // transaction aborted
    commit = 1,           // transaction committed
    leader_change = 2,    // LeaderChangeMessage: first batch of each epoch of the metadata log
    snapshot_header = 3,  // SnapshotHeaderRecord
    snapshot_footer = 4,  // SnapshotFooterRecord
    kraft_version = 5,    // KRaftVersionRecord
    kraft_voters = 6,     // VotersRecord
};

std::array<uint8_t, 4> encode_control_key(ControlType type);
// The type may be one that ControlType does not name. Errors: corrupt_message (shorter than 4
// bytes, negative version).
Result<ControlType> decode_control_key(ByteView key);

// Value of a commit or abort record.
std::array<uint8_t, 6> encode_end_txn_marker(int32_t coordinator_epoch);
// The coordinator epoch. Errors: corrupt_message.
Result<int32_t> decode_end_txn_marker(ByteView value);

}  // namespace millrace::protocol
