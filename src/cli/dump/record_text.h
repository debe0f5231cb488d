// What the records of a log say, as text: a user's records as they are, the system's own decoded to
// JSON. Pure.
// Kafka: DumpLogSegments' message parsers.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "protocol/record_batch.h"

namespace millrace::cli {

enum class Decoder : uint8_t {
    text,          // keys and values as UTF-8
    metadata,      // the metadata log and its snapshots
    offsets,       // __consumer_offsets
    transactions,  // __transaction_state
    share_state,   // __share_group_state
};

struct RecordText {
    std::optional<std::string> key;
    std::optional<std::string> payload;
};
// Never fails: what cannot be read is told in the text. invalid_request: the decoder needs a key,
// and there is none.
Result<RecordText> record_text(Decoder decoder, const protocol::RecordView& record);

// A coordinator's record in its parts; the value is missing in a tombstone.
struct CoordinatorParts {
    int16_t type = -1;
    std::string key;
    int16_t version = -1;
    std::optional<std::string> value;
};
// Of a record with a key. Nothing: of a type that is not known. malformed, unsupported_version.
// What groups hold inside their values stays as it is: bytes in base64.
Result<std::optional<CoordinatorParts>> coordinator_parts(Decoder decoder,
                                                          const protocol::RecordView& record);

// What a control record says: " endTxnMarker: COMMIT coordinatorEpoch: 0". Errors: malformed.
Result<std::string> control_text(const protocol::RecordView& record);

}  // namespace millrace::cli
