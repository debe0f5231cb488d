#include "protocol/record_batch_builder.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/varint.h"

namespace millrace::protocol {
namespace {

size_t varint_size(int64_t n) {
    return static_cast<size_t>(uvarint_size(zigzag64(n)));
}

size_t nullable_size(std::optional<ByteView> bytes) {
    return bytes ? varint_size(static_cast<int64_t>(bytes->size())) + bytes->size() : 1;
}

size_t headers_size(std::span<const RecordHeader> headers) {
    size_t size = 0;
    for (const RecordHeader& header : headers) {
        size += nullable_size(as_bytes(header.key)) + nullable_size(header.value);
    }
    return size;
}

int64_t wrapping_difference(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// Varints and lengths of one record, put together before they are copied behind the others in one
// piece. Every varint here fits 32 bits or is a timestamp delta; a zigzag of the wider type gives
// the same bytes for both.
class Piece {
public:
    void varint(int64_t n) { end_ = write_uvarint(end_, zigzag64(n)); }
    void byte(uint8_t b) { *end_++ = b; }
    void length(const std::optional<ByteView>& bytes) {
        varint(bytes ? static_cast<int64_t>(bytes->size()) : -1);
    }
    void move_to(std::vector<uint8_t>& out) {
        out.insert(out.end(), bytes_, end_);
        end_ = bytes_;
    }

private:
    uint8_t bytes_[1 + 5 * kUvarint64BytesMax];
    uint8_t* end_ = bytes_;
};

void put(std::vector<uint8_t>& out, const std::optional<ByteView>& bytes) {
    if (bytes) out.insert(out.end(), bytes->begin(), bytes->end());
}

}  // namespace

BatchBuilder::BatchBuilder(BatchOptions options)
    : options_(std::move(options)), bytes_(kBatchHeaderBytes), next_offset_(options_.base_offset) {}

void BatchBuilder::put_record(Offset offset, TimestampMs timestamp, std::optional<ByteView> key,
                              std::optional<ByteView> value, int64_t header_count,
                              size_t header_bytes) {
    INVARIANT(offset >= next_offset_);
    INVARIANT(offset - options_.base_offset <= std::numeric_limits<int32_t>::max());
    if (count_ == 0) {
        base_timestamp_ = options_.delete_horizon.value_or(timestamp);
        max_timestamp_ = timestamp;
    }
    max_timestamp_ = std::max(max_timestamp_, timestamp);
    const int64_t timestamp_delta = wrapping_difference(timestamp, base_timestamp_);
    const int64_t offset_delta = offset - options_.base_offset;
    Piece piece;
    piece.varint(static_cast<int64_t>(1 + varint_size(timestamp_delta) + varint_size(offset_delta) +
                                      nullable_size(key) + nullable_size(value) +
                                      varint_size(header_count) + header_bytes));
    piece.byte(0);
    piece.varint(timestamp_delta);
    piece.varint(offset_delta);
    piece.length(key);
    if (key && !key->empty()) {
        piece.move_to(bytes_);
        put(bytes_, key);
    }
    piece.length(value);
    if (value && !value->empty()) {
        piece.move_to(bytes_);
        put(bytes_, value);
    }
    piece.varint(header_count);
    piece.move_to(bytes_);
    ++count_;
    next_offset_ = offset + 1;
}

void BatchBuilder::append(TimestampMs timestamp, std::optional<ByteView> key,
                          std::optional<ByteView> value, std::span<const RecordHeader> headers) {
    append_at(next_offset_, timestamp, key, value, headers);
}

void BatchBuilder::append_at(Offset offset, TimestampMs timestamp, std::optional<ByteView> key,
                             std::optional<ByteView> value, std::span<const RecordHeader> headers) {
    put_record(offset, timestamp, key, value, static_cast<int64_t>(headers.size()),
               headers_size(headers));
    for (const RecordHeader& header : headers) {
        Piece piece;
        piece.length(as_bytes(header.key));
        piece.move_to(bytes_);
        put(bytes_, as_bytes(header.key));
        piece.length(header.value);
        piece.move_to(bytes_);
        put(bytes_, header.value);
    }
}

void BatchBuilder::append_at(const RecordView& record) {
    put_record(record.offset, record.timestamp, record.key, record.value, record.headers.size(),
               record.headers.raw().size());
    put(bytes_, record.headers.raw());
}

void BatchBuilder::append_control(TimestampMs timestamp, ControlType type, ByteView body) {
    INVARIANT(options_.control);
    const auto key = encode_control_key(type);
    append(timestamp, ByteView{key}, body);
}

size_t BatchBuilder::record_size_max(size_t key_bytes, size_t value_bytes,
                                     std::span<const RecordHeader> headers) {
    // Length, attributes, timestamp delta, offset delta, key and value lengths, header count.
    constexpr size_t kOverheadMax = 5 + 1 + 10 + 5 + 5 + 5 + 5;
    return kOverheadMax + key_bytes + value_bytes + headers_size(headers);
}

Result<std::vector<uint8_t>> BatchBuilder::finish() {
    constexpr size_t kBytesMax = std::numeric_limits<int32_t>::max();
    if (bytes_.size() > kBytesMax) {
        return fail(ErrorCode::record_list_too_large, "a record batch cannot exceed 2 GiB");
    }
    const Offset last_offset = options_.last_offset.value_or(next_offset_ - 1);
    INVARIANT(last_offset >= std::max(next_offset_ - 1, options_.base_offset));
    std::vector<uint8_t> out = std::move(bytes_);
    if (options_.codec != Codec::none && count_ != 0) {
        std::vector<uint8_t> compressed(kBatchHeaderBytes);
        compressed.reserve(out.size() / 2);
        TRY_OK(compress(options_.codec, options_.levels.of(options_.codec),
                        ByteView{out}.subspan(kBatchHeaderBytes), compressed));
        out = std::move(compressed);
    }
    if (out.size() > kBytesMax) {
        return fail(ErrorCode::record_list_too_large, "a record batch cannot exceed 2 GiB");
    }
    uint16_t attributes = static_cast<uint16_t>(options_.codec);
    if (options_.log_append_time) attributes |= 0x08;
    if (options_.transactional) attributes |= 0x10;
    if (options_.control) attributes |= 0x20;
    if (options_.delete_horizon) attributes |= 0x40;
    uint8_t* const p = out.data();
    store_be(p, options_.base_offset);
    store_be(p + 8, static_cast<int32_t>(out.size() - kBatchPrefixBytes));
    store_be(p + 12, options_.leader_epoch);
    p[16] = static_cast<uint8_t>(kBatchMagic);
    store_be(p + 21, attributes);
    store_be(p + 23, static_cast<int32_t>(last_offset - options_.base_offset));
    store_be(p + 27, count_ == 0 ? options_.delete_horizon.value_or(-1) : base_timestamp_);
    const TimestampMs max_timestamp =
        count_ == 0 ? options_.emptied_max_timestamp.value_or(-1) : max_timestamp_;
    store_be(p + 35, options_.log_append_time.value_or(max_timestamp));
    store_be(p + 43, options_.producer_id);
    store_be(p + 51, options_.producer_epoch);
    store_be(p + 53, options_.base_sequence);
    store_be(p + 57, count_);
    store_be(p + 17, crc32c(ByteView{out}.subspan(kBatchCrcStart)));
    return out;
}

}  // namespace millrace::protocol
