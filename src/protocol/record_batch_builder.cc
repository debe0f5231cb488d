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

}  // namespace

BatchBuilder::BatchBuilder(BatchOptions options)
    : options_(std::move(options)), next_offset_(options_.base_offset) {}

// Every varint here fits 32 bits or is a timestamp delta; a zigzag of the wider type gives the same
// bytes for both.
void BatchBuilder::put_varint(int64_t n) {
    uint8_t buffer[kUvarint64BytesMax];
    uint8_t* const end = write_uvarint(buffer, zigzag64(n));
    records_.insert(records_.end(), buffer, end);
}

void BatchBuilder::put(ByteView bytes) {
    records_.insert(records_.end(), bytes.begin(), bytes.end());
}

void BatchBuilder::put_nullable(std::optional<ByteView> bytes) {
    put_varint(bytes ? static_cast<int64_t>(bytes->size()) : -1);
    if (bytes) put(*bytes);
}

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
    put_varint(static_cast<int64_t>(1 + varint_size(timestamp_delta) + varint_size(offset_delta) +
                                    nullable_size(key) + nullable_size(value) +
                                    varint_size(header_count) + header_bytes));
    records_.push_back(0);
    put_varint(timestamp_delta);
    put_varint(offset_delta);
    put_nullable(key);
    put_nullable(value);
    put_varint(header_count);
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
        put_nullable(as_bytes(header.key));
        put_nullable(header.value);
    }
}

void BatchBuilder::append_at(const RecordView& record) {
    put_record(record.offset, record.timestamp, record.key, record.value, record.headers.size(),
               record.headers.raw().size());
    put(record.headers.raw());
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
    if (records_.size() > kBytesMax - kBatchHeaderBytes) {
        return fail(ErrorCode::record_list_too_large, "a record batch cannot exceed 2 GiB");
    }
    const Offset last_offset = options_.last_offset.value_or(next_offset_ - 1);
    INVARIANT(last_offset >= std::max(next_offset_ - 1, options_.base_offset));
    std::vector<uint8_t> out(kBatchHeaderBytes);
    out.reserve(kBatchHeaderBytes + records_.size());
    if (options_.codec == Codec::none || count_ == 0) {
        out.insert(out.end(), records_.begin(), records_.end());
    } else {
        TRY_OK(compress(options_.codec, options_.levels.of(options_.codec), records_, out));
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
