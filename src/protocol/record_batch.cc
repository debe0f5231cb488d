#include "protocol/record_batch.h"

#include <limits>

#include "base/crc32c.h"
#include "base/varint.h"
#include "protocol/record_batch_parse.h"

namespace millrace::protocol {
namespace {

Error corrupt(const char* why) {
    return fail(ErrorCode::corrupt_message, why);
}

// Sequences count from 0 to 2^31-1 and go on at 0.
int32_t add_sequence(int32_t base, int64_t delta) {
    return base < 0 ? -1 : static_cast<int32_t>((base + delta) & 0x7fffffff);
}

}  // namespace

bool headers_fill(const uint8_t* p, const uint8_t* end, int32_t count) {
    // A header takes two bytes at the least, so a count beyond that is a lie.
    if (count < 0 || count > (end - p) / 2) return false;
    for (int32_t i = 0; i < count; ++i) {
        const uint8_t* data;
        int32_t length;
        p = read_blob(p, end, data, length);
        if (p == nullptr || length < 0) return false;
        p = read_blob(p, end, data, length);
        if (p == nullptr) return false;
    }
    return p == end;
}

RecordHeaders::Iterator::Iterator(ByteView raw, int32_t left)
    : p_(raw.data()), end_(raw.data() + raw.size()), left_(left) {
    if (left_ > 0) read();
}

RecordHeaders::Iterator& RecordHeaders::Iterator::operator++() {
    if (--left_ > 0) read();
    return *this;
}

void RecordHeaders::Iterator::read() {
    const uint8_t* data = nullptr;
    int32_t length = 0;
    p_ = read_blob(p_, end_, data, length);
    current_.key = as_text({data, static_cast<size_t>(length)});
    p_ = read_blob(p_, end_, data, length);
    current_.value.reset();
    if (length >= 0) current_.value = ByteView{data, static_cast<size_t>(length)};
}

Result<BatchHeaderView> BatchHeaderView::parse(ByteView bytes) {
    TRY(const BatchHeaderView view, parse_frame(bytes));
    TRY_OK(view.check_counts());
    return view;
}

Result<BatchHeaderView> BatchHeaderView::parse_frame(ByteView bytes) {
    if (bytes.size() < kBatchMagicEnd) return fail(ErrorCode::would_block);
    const BatchHeaderView view(bytes.data());
    const auto length = load_be<int32_t>(bytes.data() + 8);
    // The smallest record of magic 0 takes 14 bytes after the length.
    if (length < 14) return corrupt("batch length is below the smallest possible");
    if (view.magic() == 0 || view.magic() == 1) {
        return fail(ErrorCode::unsupported_for_message_format, "records of magic 0 or 1");
    }
    if (view.magic() != kBatchMagic) return corrupt("unknown magic of a record batch");
    if (length < static_cast<int32_t>(kBatchHeaderBytes - kBatchPrefixBytes)) {
        return corrupt("batch length is below the size of the header");
    }
    if (bytes.size() < kBatchHeaderBytes) return fail(ErrorCode::would_block);
    return view;
}

Result<void> BatchHeaderView::check_counts() const {
    if (record_count() < 0) return corrupt("negative record count");
    if (last_offset_delta() < 0) return corrupt("negative last offset delta");
    if (base_offset() >= std::numeric_limits<Offset>::max() - last_offset_delta()) {
        return corrupt("offsets beyond the largest there is");
    }
    return {};
}

int32_t BatchHeaderView::last_sequence() const {
    return add_sequence(base_sequence(), last_offset_delta());
}

Result<Codec> BatchHeaderView::codec() const {
    const int number = attributes() & 7;
    if (number >= kCodecCount) return corrupt("unknown compression codec");
    return static_cast<Codec>(number);
}

std::optional<TimestampMs> BatchHeaderView::delete_horizon() const {
    if (!has_delete_horizon()) return std::nullopt;
    return base_timestamp();
}

Result<BatchView> BatchView::parse(ByteView bytes) {
    TRY(const BatchView view, parse_frame(bytes));
    TRY_OK(view.check_counts());
    return view;
}

Result<BatchView> BatchView::parse_frame(ByteView bytes) {
    TRY(const BatchHeaderView header, BatchHeaderView::parse_frame(bytes));
    const size_t size = header.size_bytes();
    if (bytes.size() < size) return fail(ErrorCode::would_block);
    return BatchView(bytes.data(), size);
}

uint32_t BatchView::computed_crc() const {
    return crc32c(bytes().subspan(kBatchCrcStart));
}

bool BatchView::verify_crc() const {
    return crc() == computed_crc();
}

Result<ByteView> BatchView::record_bytes(std::vector<uint8_t>& scratch,
                                         size_t decompressed_bytes_max) const {
    TRY(const Codec used, codec());
    return decompress(used, payload(), scratch, decompressed_bytes_max);
}

Result<RecordReader> BatchView::records(std::vector<uint8_t>& scratch,
                                        size_t decompressed_bytes_max) const {
    // Batches without records are bare headers: a codec bit may still be set, but there is no
    // compressed block.
    if (record_count() == 0 && payload().empty()) return RecordReader(*this, {});
    TRY(const ByteView raw, record_bytes(scratch, decompressed_bytes_max));
    return RecordReader(*this, raw);
}

RecordReader::RecordReader(BatchHeaderView batch, ByteView records)
    : p_(records.data()),
      end_(records.data() + records.size()),
      left_(batch.record_count()),
      base_sequence_(batch.base_sequence()),
      delta_max_(batch.last_offset_delta()),
      base_offset_(batch.base_offset()),
      base_timestamp_(batch.base_timestamp()) {
    if (batch.timestamp_type() == TimestampType::log_append_time) {
        append_time_ = batch.max_timestamp();
    }
}

Result<bool> RecordReader::next(RecordView& out) {
    if (failed_) return corrupt("records are damaged");
    failed_ = true;
    if (left_ == 0) {
        if (p_ != end_) return corrupt("more bytes than the record count tells");
        failed_ = false;
        return false;
    }
    RawRecord raw;
    const uint8_t* const after = parse_record(p_, end_, raw);
    if (after == nullptr) return corrupt("a record's length does not match its fields");
    if (raw.offset_delta <= last_delta_) return corrupt("offsets do not ascend");
    if (raw.offset_delta > delta_max_) return corrupt("an offset lies beyond the batch's last");
    last_delta_ = raw.offset_delta;
    p_ = after;
    --left_;
    failed_ = false;

    out.offset = base_offset_ + raw.offset_delta;
    // Wraps instead of overflowing: the delta is whatever the writer says.
    out.timestamp = append_time_.value_or(static_cast<int64_t>(
        static_cast<uint64_t>(base_timestamp_) + static_cast<uint64_t>(raw.timestamp_delta)));
    out.sequence = add_sequence(base_sequence_, raw.offset_delta);
    out.key.reset();
    if (raw.key_length >= 0) out.key = ByteView{raw.key, static_cast<size_t>(raw.key_length)};
    out.value.reset();
    if (raw.value_length >= 0) {
        out.value = ByteView{raw.value, static_cast<size_t>(raw.value_length)};
    }
    out.headers = RecordHeaders({raw.headers, raw.end}, raw.header_count);
    return true;
}

Result<MutableBatchView> MutableBatchView::parse(MutableByteView bytes) {
    TRY(const BatchView view, BatchView::parse(bytes));
    return MutableBatchView(view);
}

Result<MutableBatchView> MutableBatchView::parse_frame(MutableByteView bytes) {
    TRY(const BatchView view, BatchView::parse_frame(bytes));
    return MutableBatchView(view);
}

void MutableBatchView::set_max_timestamp(TimestampType type, TimestampMs timestamp) {
    if (timestamp_type() == type && max_timestamp() == timestamp) return;
    const auto bit = static_cast<uint16_t>(static_cast<uint16_t>(type) << 3);
    const auto attributes_now = static_cast<uint16_t>((attributes() & ~0x08) | bit);
    store_be(mutable_data() + 21, attributes_now);
    store_be(mutable_data() + 35, timestamp);
    refresh_crc();
}

void MutableBatchView::set_producer(ProducerId id, ProducerEpoch epoch, int32_t base_sequence) {
    store_be(mutable_data() + 43, id);
    store_be(mutable_data() + 51, epoch);
    store_be(mutable_data() + 53, base_sequence);
    refresh_crc();
}

void MutableBatchView::refresh_crc() {
    store_be(mutable_data() + 17, computed_crc());
}

Result<bool> BatchReader::next(BatchView& out) {
    auto batch = BatchView::parse(bytes_.subspan(position_));
    if (batch.code() == ErrorCode::would_block) return false;
    TRY(out, std::move(batch));
    position_ += out.bytes().size();
    return true;
}

}  // namespace millrace::protocol
