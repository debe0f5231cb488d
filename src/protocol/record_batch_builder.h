// Builds one magic-2 record batch, record by record.
//
//   BatchBuilder builder({.codec = Codec::zstd, .base_offset = 42});
//   builder.append(now_ms, key, value);
//   TRY(std::vector<uint8_t> batch, builder.finish());
//
// Owner: whoever fills it. Memory: the uncompressed batch; with a codec also the finished one.
// Kafka: MemoryRecordsBuilder.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "protocol/control_record.h"
#include "protocol/record_batch.h"

namespace millrace::protocol {

struct BatchOptions {
    Codec codec = Codec::none;
    CompressionLevels levels;
    Offset base_offset = 0;
    LeaderEpoch leader_epoch = -1;
    ProducerId producer_id = -1;
    ProducerEpoch producer_epoch = -1;
    int32_t base_sequence = -1;
    bool transactional = false;
    bool control = false;
    // Set: the batch has log append time, and this is its max timestamp.
    std::optional<TimestampMs> log_append_time;
    // Set: stands where the base timestamp stands, and record deltas count from it (compaction
    // only).
    std::optional<TimestampMs> delete_horizon;
    // Set: the last offset, where it is not that of the last record (compaction keeps it).
    std::optional<Offset> last_offset;
    // Set: the max timestamp of a batch without records (compaction keeps it).
    std::optional<TimestampMs> emptied_max_timestamp;
};

class BatchBuilder {
public:
    explicit BatchBuilder(BatchOptions options = {});

    // Offset: the one after the previous record's, from base_offset on.
    void append(TimestampMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
                std::span<const RecordHeader> headers = {});
    // With a gap before it. Precondition: offset is above the previous record's and within 2^31-1
    // of base_offset.
    void append_at(Offset offset, TimestampMs timestamp, std::optional<ByteView> key,
                   std::optional<ByteView> value, std::span<const RecordHeader> headers = {});
    // The same record at its own offset; headers are copied unread.
    void append_at(const RecordView& record);
    // A control record; the options must say `control`.
    void append_control(TimestampMs timestamp, ControlType type, ByteView body);

    // Of a batch that was begun before these were known; until finish().
    void set_producer(ProducerId id, ProducerEpoch epoch, int32_t base_sequence) {
        options_.producer_id = id;
        options_.producer_epoch = epoch;
        options_.base_sequence = base_sequence;
    }
    // Room for a batch of so many bytes, uncompressed.
    void reserve(size_t size_bytes) { bytes_.reserve(size_bytes); }

    int32_t count() const { return count_; }
    bool empty() const { return count_ == 0; }
    // Batch size if it were finished now without compression. `record_size_max` tells what one more
    // record would add at most.
    size_t size_bytes() const { return bytes_.size(); }
    static size_t record_size_max(size_t key_bytes, size_t value_bytes,
                                  std::span<const RecordHeader> headers = {});
    Offset next_offset() const { return next_offset_; }
    TimestampMs max_timestamp() const { return max_timestamp_; }

    // The batch, CRC and all; the builder is spent afterwards. Without records: a bare header whose
    // base timestamp is -1, as compaction leaves it (last_offset must be set then). Errors:
    // record_list_too_large (above 2^31-1 bytes).
    Result<std::vector<uint8_t>> finish();

private:
    void put_record(Offset offset, TimestampMs timestamp, std::optional<ByteView> key,
                    std::optional<ByteView> value, int64_t header_count, size_t header_bytes);

    BatchOptions options_;
    std::vector<uint8_t> bytes_;  // room for the header, then the records, uncompressed
    int32_t count_ = 0;
    Offset next_offset_;
    TimestampMs base_timestamp_ = -1;
    TimestampMs max_timestamp_ = -1;
};

}  // namespace millrace::protocol
