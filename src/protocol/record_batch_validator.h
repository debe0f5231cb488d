// What a partition's leader checks in the records of a Produce request (and the coordinator of its
// own) before they go to the log, and how it changes them: LogAppendTime, a wrong max timestamp,
// another codec by topic configuration.
//
// An uncompressed batch costs one pass of CRC and one walk over the records' lengths; nothing is
// copied or allocated. A compressed one is decompressed to a thread-local buffer (bounded).
//
// Base offset and leader epoch are not touched: stamp them with MutableBatchView when the append's
// place is known. Producer epochs and sequences against the log's state are storage's business.
//
// Kafka: ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords, LogValidator.
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
    std::string detail;  // for our log; never empty
    // ProduceResponse's ErrorMessage: Kafka sends one for some of these errors and null for the
    // others.
    std::optional<std::string> wire_message;
    std::vector<RecordError> record_errors;
    // Refused as a request, before the partition's log was looked at: Kafka tells no log start
    // then.
    bool of_request = false;
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

// `records` is the whole records field of one partition; it must hold exactly one whole batch,
// after which a cut one is ignored. May change bytes in place (attributes, max timestamp, CRC); on
// an error none has changed.
//
// Checked in Kafka's order, with Kafka's code (each measured on 4.3.1):
//   corrupt_message               size below 14, magic above 2, wrong CRC
//   invalid_record                no whole batch, magic 0 or 1, more than one batch; base offset
//                                 not 0; counts that disagree or are not positive; control bit;
//                                 producer id without sequence; damaged records; null key in a
//                                 compacted topic (then with record_errors)
//   unsupported_compression_type  zstd before version 7
//   message_too_large             above batch_bytes_max as sent or as recompressed; above
//                                 decompressed_bytes_max
//   invalid_timestamp             outside the bounds, or of type log append time where the topic
//                                 has that type too (with record_errors)
//   unknown_server_error          codecs 5..7; a block that its codec cannot decompress; a length
//                                 that no batch can have
// Kafka differs, and stores what its readers then choke on: offset deltas that are not 0, 1, 2...;
// in compressed batches a record length that does not match the fields; lengths below -1. All of
// these are invalid_record here.
std::expected<ValidatedBatch, AppendError> validate_for_append(MutableByteView records,
                                                               const AppendRules& rules);

}  // namespace millrace::protocol
