// Record batches, magic 2: how records travel in Produce and Fetch, and how they lie in segment
// files and the metadata log.
//
//    0  int64   base offset
//    8  int32   length of what follows this field: the whole batch is 12 more
//   12  int32   partition leader epoch; -1 from clients, set by the leader
//   16  int8    magic = 2
//   17  uint32  CRC-32C of bytes 21..end: the fields above can be stamped without touching it
//   21  int16   attributes: bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control,
//               6 has delete horizon
//   23  int32   last offset delta: last offset - base offset; survives compaction
//   27  int64   base timestamp, ms: record deltas count from it; or, by bit 6, the delete horizon
//   35  int64   max timestamp, ms
//   43  int64   producer id, -1 = none
//   51  int16   producer epoch, -1 = none
//   53  int32   base sequence, -1 = none
//   57  int32   record count
//   61          records, one after the other; one compressed block when a codec is set
//
//   record: varint length of the rest, int8 attributes, varlong timestamp delta, varint offset
//   delta, varint key length (-1 null), key, varint value length (-1 null), value, varint header
//   count, per header: varint key length, UTF-8 key, varint value length (-1 null), value.
//
// A view does not own its bytes and is two words: pass it by value. Nothing here allocates unless
// it says so.
//
// Errors: corrupt_message (too short, wrong CRC, damaged), unsupported_for_message_format (magic 0
// or 1: old, but sound as far as one can see), would_block (cut: more bytes are needed),
// record_list_too_large (decompressed size above the limit).
//
// Kafka: DefaultRecordBatch, DefaultRecord, MemoryRecords.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "protocol/compression.h"

namespace millrace::protocol {

inline constexpr size_t kBatchHeaderBytes = 61;
// Base offset and length: what must be read to know how long a batch is.
inline constexpr size_t kBatchPrefixBytes = 12;
// Up to and with the magic byte: what must be read to know the format.
inline constexpr size_t kBatchMagicEnd = 17;
inline constexpr size_t kBatchCrcStart = 21;
inline constexpr int8_t kBatchMagic = 2;
// A batch's records after decompression; larger ones are refused, so that a small request cannot
// make the node run out of memory. Kafka differs: no limit, since it decompresses piece by piece.
inline constexpr size_t kDecompressedBytesMax = size_t{128} << 20;

enum class TimestampType : uint8_t { create_time = 0, log_append_time = 1 };

struct RecordHeader {
    std::string_view key;  // may be empty, may repeat
    std::optional<ByteView> value;
};

// The headers of one record: a range over checked bytes, decoded while iterating.
class RecordHeaders {
public:
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = RecordHeader;
        using difference_type = std::ptrdiff_t;
        using pointer = const RecordHeader*;
        using reference = const RecordHeader&;

        Iterator() = default;
        const RecordHeader& operator*() const { return current_; }
        const RecordHeader* operator->() const { return &current_; }
        Iterator& operator++();
        void operator++(int) { ++*this; }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

    private:
        friend class RecordHeaders;
        Iterator(ByteView raw, int32_t left);
        void read();

        const uint8_t* p_ = nullptr;
        const uint8_t* end_ = nullptr;
        int32_t left_ = 0;  // headers from the current one on
        RecordHeader current_;
    };

    RecordHeaders() = default;
    // `raw` must hold exactly `count` well-formed headers: RecordReader has checked them.
    RecordHeaders(ByteView raw, int32_t count) : raw_(raw), count_(count) {}
    Iterator begin() const { return {raw_, count_}; }
    Iterator end() const { return {}; }
    int32_t size() const { return count_; }
    bool empty() const { return count_ == 0; }
    // The encoded headers, for copying them unread.
    ByteView raw() const { return raw_; }

private:
    ByteView raw_;
    int32_t count_ = 0;
};

// Points into the batch, or into the buffer that its records were decompressed to.
struct RecordView {
    Offset offset = -1;
    TimestampMs timestamp = -1;  // the batch's max timestamp when its type is log append time
    int32_t sequence = -1;       // -1 when the batch has none; wraps from 2^31-1 to 0
    std::optional<ByteView> key;
    std::optional<ByteView> value;
    RecordHeaders headers;
};

// The 61 bytes before the records, read in place.
class BatchHeaderView {
public:
    BatchHeaderView() = default;
    // `bytes` holds at least the header of a batch, whose records need not be there: for scanning
    // files. Checks length >= 49, magic, record count and last offset delta not negative.
    // would_block when `bytes` is too short to tell.
    static Result<BatchHeaderView> parse(ByteView bytes);

    Offset base_offset() const { return load_be<int64_t>(data_); }
    // Whole batch, header included.
    size_t size_bytes() const {
        return static_cast<size_t>(load_be<int32_t>(data_ + 8)) + kBatchPrefixBytes;
    }
    LeaderEpoch leader_epoch() const { return load_be<int32_t>(data_ + 12); }
    int8_t magic() const { return static_cast<int8_t>(data_[16]); }
    uint32_t crc() const { return load_be<uint32_t>(data_ + 17); }
    uint16_t attributes() const { return load_be<uint16_t>(data_ + 21); }
    int32_t last_offset_delta() const { return load_be<int32_t>(data_ + 23); }
    TimestampMs base_timestamp() const { return load_be<int64_t>(data_ + 27); }
    TimestampMs max_timestamp() const { return load_be<int64_t>(data_ + 35); }
    ProducerId producer_id() const { return load_be<int64_t>(data_ + 43); }
    ProducerEpoch producer_epoch() const { return load_be<int16_t>(data_ + 51); }
    int32_t base_sequence() const { return load_be<int32_t>(data_ + 53); }
    int32_t record_count() const { return load_be<int32_t>(data_ + 57); }

    Offset last_offset() const { return base_offset() + last_offset_delta(); }
    Offset next_offset() const { return last_offset() + 1; }
    // -1 when the batch has no sequence; wraps from 2^31-1 to 0.
    int32_t last_sequence() const;
    // corrupt_message for the unused numbers 5..7.
    Result<Codec> codec() const;
    bool is_compressed() const { return (attributes() & 7) != 0; }
    TimestampType timestamp_type() const {
        return static_cast<TimestampType>(attributes() >> 3 & 1);
    }
    bool is_transactional() const { return (attributes() & 0x10) != 0; }
    bool is_control() const { return (attributes() & 0x20) != 0; }
    bool has_delete_horizon() const { return (attributes() & 0x40) != 0; }
    std::optional<TimestampMs> delete_horizon() const;
    bool has_producer_id() const { return producer_id() >= 0; }

protected:
    explicit BatchHeaderView(const uint8_t* data) : data_(data) {}
    static Result<BatchHeaderView> parse_frame(ByteView bytes);
    Result<void> check_counts() const;
    const uint8_t* data_ = nullptr;
};

class RecordReader;

// Exactly one whole batch.
class BatchView : public BatchHeaderView {
public:
    BatchView() = default;
    // The first batch of `bytes`; more may follow. Checks what BatchHeaderView::parse does, and
    // that the batch is whole (would_block when it is cut); not the CRC.
    static Result<BatchView> parse(ByteView bytes);
    // The same without a look at the counts: for the produce validation, which has its own error
    // for them.
    static Result<BatchView> parse_frame(ByteView bytes);

    ByteView bytes() const { return {data_, size_}; }
    ByteView header_bytes() const { return {data_, kBatchHeaderBytes}; }
    // What follows the header: compressed when a codec is set.
    ByteView payload() const { return {data_ + kBatchHeaderBytes, size_ - kBatchHeaderBytes}; }
    bool verify_crc() const;
    uint32_t computed_crc() const;

    // The records' bytes: inside the batch when no codec is set, else decompressed into `scratch`,
    // which must outlive the view.
    Result<ByteView> record_bytes(std::vector<uint8_t>& scratch,
                                  size_t decompressed_bytes_max = kDecompressedBytesMax) const;
    // Reader over the records; views it yields live as long as the batch's bytes and `scratch`.
    Result<RecordReader> records(std::vector<uint8_t>& scratch,
                                 size_t decompressed_bytes_max = kDecompressedBytesMax) const;

protected:
    BatchView(const uint8_t* data, size_t size) : BatchHeaderView(data), size_(size) {}

private:
    size_t size_ = 0;
};

// Decodes records one by one and insists on the format: a record's length must match its fields,
// and record_count() records must fill the bytes exactly. Offset deltas may have gaps (compaction)
// but must ascend and stay within last_offset_delta.
class RecordReader {
public:
    RecordReader(BatchHeaderView batch, ByteView records);
    // False after the last record. After an error the reader stays failed.
    Result<bool> next(RecordView& out);
    int32_t remaining() const { return left_; }

private:
    Result<bool> finish() const;
    bool failed_ = false;
    const uint8_t* p_;
    const uint8_t* end_;
    int32_t left_;
    int32_t base_sequence_;
    int64_t last_delta_ = -1;
    int32_t delta_max_;
    Offset base_offset_;
    TimestampMs base_timestamp_;
    std::optional<TimestampMs> append_time_;
};

// Calls fn(const RecordView&) for every record; stops at the first error (also fn's own, when it
// returns Result<void>).
template <typename Fn>
Result<void> for_each_record(BatchView batch, std::vector<uint8_t>& scratch, Fn&& fn,
                             size_t decompressed_bytes_max = kDecompressedBytesMax) {
    TRY(RecordReader reader, batch.records(scratch, decompressed_bytes_max));
    RecordView record;
    while (true) {
        TRY(const bool more, reader.next(record));
        if (!more) return {};
        if constexpr (std::is_void_v<std::invoke_result_t<Fn&, const RecordView&>>) {
            fn(record);
        } else {
            TRY_OK(fn(record));
        }
    }
}

// A batch in memory that its holder may still change. Only the stamps below are allowed; each keeps
// the batch valid.
class MutableBatchView : public BatchView {
public:
    MutableBatchView() = default;
    static Result<MutableBatchView> parse(MutableByteView bytes);
    static Result<MutableBatchView> parse_frame(MutableByteView bytes);

    // Both lie outside the CRC: no other byte changes.
    void set_base_offset(Offset offset) { store_be(mutable_data(), offset); }
    void set_leader_epoch(LeaderEpoch epoch) { store_be(mutable_data() + 12, epoch); }
    // Sets type and max timestamp and computes the CRC anew, unless both already have these values.
    void set_max_timestamp(TimestampType type, TimestampMs timestamp);
    // Producer id, epoch and base sequence; computes the CRC anew.
    void set_producer(ProducerId id, ProducerEpoch epoch, int32_t base_sequence);

private:
    uint8_t* mutable_data() { return const_cast<uint8_t*>(data_); }
    explicit MutableBatchView(BatchView view) : BatchView(view) {}
    void refresh_crc();
};

// Walks batches that lie back to back.
class BatchReader {
public:
    explicit BatchReader(ByteView bytes) : bytes_(bytes) {}
    // False at the end, also when the rest is a cut batch (normal at the end of a fetch and of a
    // file read in pieces); position() then tells where the cut batch begins.
    Result<bool> next(BatchView& out);
    // Bytes of the whole batches returned so far.
    size_t position() const { return position_; }

private:
    ByteView bytes_;
    size_t position_ = 0;
};

// Calls fn(BatchView) for every whole batch and returns how many bytes they take; a cut batch at
// the end is left out, without an error. Stops at the first damaged batch or at fn's own error,
// when fn returns Result<void>.
template <typename Fn>
Result<size_t> for_each_batch(ByteView bytes, Fn&& fn) {
    BatchReader reader(bytes);
    BatchView batch;
    while (true) {
        TRY(const bool more, reader.next(batch));
        if (!more) return reader.position();
        if constexpr (std::is_void_v<std::invoke_result_t<Fn&, BatchView>>) {
            fn(batch);
        } else {
            TRY_OK(fn(batch));
        }
    }
}

}  // namespace millrace::protocol
