// What a partition's leader checks in the records of a Produce request (and the coordinator of its
// own) before they go to the log, and how it changes them: LogAppendTime, a wrong max timestamp,
// another codec by topic configuration.
//
// An uncompressed batch costs one pass of CRC and one walk over the records' lengths; nothing is
// copied or allocated. A compressed one is decompressed to a thread-local buffer (bounded, see
// below). Base offset and leader epoch are not touched: stamp them with MutableBatchView when the
// append's place is known. Producer epochs and sequences against the log's state are storage's
// business (producer state). Kafka: ProduceRequest.validateRecords,
// UnifiedLog.analyzeAndValidateRecords, LogValidator.
#pragma once

#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error_code.h"
#include "base/units.h"
#include "protocol/record_batch.h"

namespace millrace::protocol {

// Who appends. Kafka: AppendOrigin.
enum class AppendOrigin : uint8_t { client, coordinator };

struct AppendRules {
    AppendOrigin origin = AppendOrigin::client;
    // Produce request version, for zstd (7 and up). Only looked at for clients.
    int16_t produce_version = std::numeric_limits<int16_t>::max();
    size_t batch_bytes_max = 1048588;  // max.message.bytes
    bool compacted = false;            // cleanup.policy has compact: null keys are refused
    bool log_append_time = false;      // message.timestamp.type
    TimestampMs now = 0;
    int64_t timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
    int64_t timestamp_after_max_ms = 3600000;
    std::optional<Codec> compression;  // compression.type; empty = producer's own
    CompressionLevels levels;          // for recompression
    size_t decompressed_bytes_max = kDecompressedBytesMax;
};

// As ProduceResponse's RecordErrors: index of the record in the batch, and a sentence.
struct RecordError {
    int32_t batch_index = -1;
    std::string message;
    friend bool operator==(const RecordError&, const RecordError&) = default;
};

struct AppendError {
    ErrorCode code = ErrorCode::unknown_server_error;
    std::string message;
    std::vector<RecordError> record_errors;
};

struct ValidatedBatch {
    // The batch to append: in the caller's bytes, or in `rewritten` when the codec was changed.
    MutableBatchView batch;
    std::vector<uint8_t> rewritten;
    TimestampMs max_timestamp = -1;
    // First offset delta that has max_timestamp (last offset delta with log append time): for the
    // time index.
    int32_t max_timestamp_delta = 0;
};

// `records` is the whole records field of one partition; it must hold exactly one batch. May change
// bytes in place (attributes, max timestamp, CRC); on an error none has changed. Wire codes:
// corrupt_message, invalid_record, invalid_timestamp, message_too_large,
// unsupported_compression_type, record_list_too_large (decompressed size above the limit).
std::expected<ValidatedBatch, AppendError> validate_for_append(MutableByteView records,
                                                               const AppendRules& rules);

}  // namespace millrace::protocol
