#include "protocol/record_batch_validator.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/crc32c.h"
#include "protocol/record_batch_parse.h"

namespace millrace::protocol {
namespace {

// What a thread keeps of its decompression buffer between batches.
constexpr size_t kScratchKeptBytes = size_t{4} << 20;
constexpr size_t kRecordSizeMin = 14;
constexpr int32_t kLengthMax =
    std::numeric_limits<int32_t>::max() - static_cast<int32_t>(kBatchPrefixBytes);
constexpr int16_t kZstdProduceVersion = 7;

using Failure = std::unexpected<AppendError>;

Failure refuse(ErrorCode code, std::string detail) {
    return Failure(AppendError{.code = code, .detail = std::move(detail)});
}

// An error whose sentence Kafka also sends to the client.
Failure refuse_aloud(ErrorCode code, std::string detail) {
    AppendError error{.code = code, .detail = std::move(detail)};
    error.wire_message = error.detail;
    return Failure(std::move(error));
}

enum class Frame : uint8_t { none, cut, whole };

// The little that can be said about the batch at the front of `bytes` without its being whole.
std::expected<Frame, AppendError> look_at_frame(ByteView bytes) {
    if (bytes.size() < kBatchPrefixBytes) return Frame::none;
    const auto length = load_be<int32_t>(bytes.data() + 8);
    if (length < static_cast<int32_t>(kRecordSizeMin)) {
        return refuse_aloud(
            ErrorCode::corrupt_message,
            fmt::format("record size {} is below the least possible ({})", length, kRecordSizeMin));
    }
    if (bytes.size() < kBatchMagicEnd) return Frame::cut;
    const auto magic = static_cast<int8_t>(bytes[kBatchMagicEnd - 1]);
    if (magic < 0 || magic > kBatchMagic) {
        return refuse_aloud(ErrorCode::corrupt_message, fmt::format("unknown magic {}", magic));
    }
    return bytes.size() - kBatchPrefixBytes < static_cast<size_t>(length) ? Frame::cut
                                                                          : Frame::whole;
}

// Exactly one whole batch of magic 2; what a client may send.
std::expected<MutableBatchView, AppendError> find_batch(MutableByteView records,
                                                        const AppendRules& rules) {
    const auto first = look_at_frame(records);
    if (!first) return Failure(first.error());
    if (*first == Frame::cut && load_be<int32_t>(records.data() + 8) > kLengthMax) {
        return refuse(ErrorCode::unknown_server_error, "no batch can be this long");
    }
    if (*first != Frame::whole) {
        return refuse(ErrorCode::invalid_record, "the records hold no whole batch");
    }
    auto batch = MutableBatchView::parse_frame(records);
    if (!batch) {
        if (batch.code() == ErrorCode::unsupported_for_message_format) {
            return refuse(ErrorCode::invalid_record, "only record batches of magic 2 are taken");
        }
        return refuse(batch.code(), batch.error().message);
    }
    if (rules.origin == AppendOrigin::client && (batch->attributes() & 7) == 4 &&
        rules.produce_version < kZstdProduceVersion) {
        return refuse(ErrorCode::unsupported_compression_type, "zstd needs Produce version 7");
    }
    const auto second = look_at_frame(records.subspan(batch->bytes().size()));
    if (!second) return Failure(second.error());
    if (*second == Frame::whole) {
        return refuse(ErrorCode::invalid_record, "more than one record batch for a partition");
    }
    return *batch;
}

std::expected<void, AppendError> check_header(BatchView batch, const AppendRules& rules) {
    const auto invalid = [](std::string why) {
        return refuse(ErrorCode::invalid_record, std::move(why));
    };
    const int64_t count = batch.record_count();
    if (count <= 0) return invalid("a batch without records");
    if (count != int64_t{batch.last_offset_delta()} + 1) {
        return invalid("record count and last offset delta disagree");
    }
    if (rules.origin != AppendOrigin::client) return {};
    if (batch.is_control()) return invalid("clients may not write control records");
    if (batch.has_producer_id() && batch.base_sequence() < 0) {
        return invalid("a producer id without a sequence");
    }
    return {};
}

// One walk over the records, and what comes out of it.
class Walk {
public:
    Walk(BatchView batch, const AppendRules& rules)
        : batch_(batch),
          rules_(rules),
          base_(batch.base_timestamp()),
          typed_(batch.timestamp_type() == TimestampType::log_append_time),
          // Differences wrap, so that every bound and every timestamp is legal input.
          oldest_(static_cast<int64_t>(static_cast<uint64_t>(rules.now) -
                                       static_cast<uint64_t>(rules.timestamp_before_max_ms))),
          newest_(static_cast<int64_t>(static_cast<uint64_t>(rules.now) +
                                       static_cast<uint64_t>(rules.timestamp_after_max_ms))),
          clean_(!rules.compacted && !(rules.log_append_time && typed_)) {}

    std::expected<void, AppendError> run(ByteView records) {
        const uint8_t* p = records.data();
        const uint8_t* const end = p + records.size();
        const int32_t count = batch_.record_count();
        for (int32_t i = 0; i < count; ++i) {
            RawRecord record;
            p = parse_record(p, end, record);
            if (p == nullptr) [[unlikely]] {
                return refuse(ErrorCode::invalid_record, fmt::format("record {} is damaged", i));
            }
            if (record.offset_delta != i) [[unlikely]] {
                return refuse(ErrorCode::invalid_record,
                              fmt::format("record {} has offset delta {}", i, record.offset_delta));
            }
            const TimestampMs timestamp =
                typed_ ? batch_.max_timestamp()
                       : static_cast<int64_t>(static_cast<uint64_t>(base_) +
                                              static_cast<uint64_t>(record.timestamp_delta));
            if (timestamp > max_timestamp_) {
                max_timestamp_ = timestamp;
                max_delta_ = i;
            }
            if (!clean_ || out_of_bounds(timestamp)) [[unlikely]]
                check_record(i, record, timestamp);
        }
        if (p != end) {
            return refuse(ErrorCode::invalid_record, "more bytes than the record count tells");
        }
        if (!errors_.empty()) return record_failure();
        return {};
    }

    TimestampMs max_timestamp() const { return max_timestamp_; }
    int32_t max_delta() const { return max_delta_; }

private:
    bool out_of_bounds(TimestampMs timestamp) const {
        if (rules_.log_append_time || timestamp == -1) return false;
        const auto age = static_cast<int64_t>(static_cast<uint64_t>(rules_.now) -
                                              static_cast<uint64_t>(timestamp));
        const auto lead = static_cast<int64_t>(static_cast<uint64_t>(timestamp) -
                                               static_cast<uint64_t>(rules_.now));
        return age > rules_.timestamp_before_max_ms || lead > rules_.timestamp_after_max_ms;
    }

    void check_record(int32_t index, const RawRecord& record, TimestampMs timestamp) {
        if (rules_.compacted && record.key_length < 0) {
            errors_.push_back({index, "a compacted topic takes no record without a key"});
        } else if (rules_.log_append_time && typed_) {
            timestamp_error_ = true;
            errors_.push_back({index, "the producer may not set log append time"});
        } else if (out_of_bounds(timestamp)) {
            timestamp_error_ = true;
            errors_.push_back({index, fmt::format("timestamp {} lies outside [{}, {}]", timestamp,
                                                  oldest_, newest_)});
        }
    }

    Failure record_failure() {
        Failure failure = refuse_aloud(
            timestamp_error_ ? ErrorCode::invalid_timestamp : ErrorCode::invalid_record,
            fmt::format("{} of {} records were refused, the first (index {}) because: {}",
                        errors_.size(), batch_.record_count(), errors_.front().batch_index,
                        errors_.front().message));
        failure.error().record_errors = std::move(errors_);
        return failure;
    }

    BatchView batch_;
    const AppendRules& rules_;
    TimestampMs base_;
    bool typed_;  // the producer says log append time
    TimestampMs oldest_;
    TimestampMs newest_;
    bool clean_;  // nothing but the bounds needs a look at each record
    TimestampMs max_timestamp_ = -1;
    int32_t max_delta_ = 0;
    bool timestamp_error_ = false;
    std::vector<RecordError> errors_;
};

std::expected<std::vector<uint8_t>, AppendError> recompress(BatchView batch, ByteView records,
                                                            Codec codec, TimestampType type,
                                                            TimestampMs max_timestamp,
                                                            const AppendRules& rules) {
    std::vector<uint8_t> out(batch.bytes().begin(), batch.bytes().begin() + kBatchHeaderBytes);
    if (auto done = compress(codec, rules.levels.of(codec), records, out); !done) {
        return refuse(ErrorCode::message_too_large, done.error().message);
    }
    if (out.size() > rules.batch_bytes_max) {
        return refuse(ErrorCode::message_too_large, "the recompressed batch is too large");
    }
    const auto attributes =
        static_cast<uint16_t>((batch.attributes() & ~0x0f) | static_cast<uint16_t>(codec) |
                              static_cast<uint16_t>(type) << 3);
    store_be(out.data() + 8, static_cast<int32_t>(out.size() - kBatchPrefixBytes));
    store_be(out.data() + 21, attributes);
    store_be(out.data() + 35, max_timestamp);
    store_be(out.data() + 17, crc32c(ByteView{out}.subspan(kBatchCrcStart)));
    return out;
}

std::expected<ByteView, AppendError> unpack(BatchView batch, Codec codec,
                                            std::vector<uint8_t>& scratch,
                                            const AppendRules& rules) {
    if (codec == Codec::none) return batch.payload();
    auto records = decompress(codec, batch.payload(), scratch, rules.decompressed_bytes_max);
    if (records) return *records;
    return refuse(records.code() == ErrorCode::record_list_too_large
                      ? ErrorCode::message_too_large
                      : ErrorCode::unknown_server_error,
                  records.error().message);
}

std::expected<ValidatedBatch, AppendError> validate(MutableByteView records,
                                                    const AppendRules& rules,
                                                    std::vector<uint8_t>& scratch) {
    auto batch = find_batch(records, rules);
    if (!batch) {
        batch.error().of_request = true;
        return Failure(std::move(batch.error()));
    }
    if (rules.origin == AppendOrigin::client && batch->base_offset() != 0) {
        return refuse(ErrorCode::invalid_record, "the base offset of a produced batch must be 0");
    }
    if (batch->bytes().size() > rules.batch_bytes_max) {
        return refuse(ErrorCode::message_too_large,
                      fmt::format("the batch has {} bytes, above the limit of {}",
                                  batch->bytes().size(), rules.batch_bytes_max));
    }
    if (!batch->verify_crc()) {
        return refuse(ErrorCode::corrupt_message, "the batch's checksum is wrong");
    }
    const auto codec = batch->codec();
    if (!codec) return refuse(ErrorCode::unknown_server_error, codec.error().message);
    if (auto ok = check_header(*batch, rules); !ok) return Failure(std::move(ok.error()));
    const auto raw = unpack(*batch, *codec, scratch, rules);
    if (!raw) return Failure(raw.error());
    Walk walk(*batch, rules);
    if (auto ok = walk.run(*raw); !ok) return Failure(std::move(ok.error()));

    ValidatedBatch out;
    out.max_timestamp = rules.log_append_time ? rules.now : walk.max_timestamp();
    out.max_timestamp_delta = rules.log_append_time ? batch->last_offset_delta() : walk.max_delta();
    const TimestampType type =
        rules.log_append_time ? TimestampType::log_append_time : TimestampType::create_time;
    const Codec target = rules.compression.value_or(*codec);
    if (target == *codec) {
        batch->set_max_timestamp(type, out.max_timestamp);
        out.batch = *batch;
        return out;
    }
    auto rewritten = recompress(*batch, *raw, target, type, out.max_timestamp, rules);
    if (!rewritten) return Failure(std::move(rewritten.error()));
    out.rewritten = std::move(*rewritten);
    out.batch = *MutableBatchView::parse(out.rewritten);
    return out;
}

}  // namespace

std::expected<ValidatedBatch, AppendError> validate_for_append(MutableByteView records,
                                                               const AppendRules& rules) {
    static thread_local std::vector<uint8_t> scratch;
    auto result = validate(records, rules, scratch);
    if (scratch.size() > kScratchKeptBytes) std::vector<uint8_t>().swap(scratch);
    return result;
}

}  // namespace millrace::protocol
