#include "raft/snapshot_file.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/check.h"
#include "protocol/codec.h"
#include "protocol/records/snapshot_footer_record.h"
#include "protocol/records/snapshot_header_record.h"

namespace millrace::raft {
namespace {

constexpr std::string_view kSuffix = ".checkpoint";
constexpr size_t kOffsetDigits = 20;
constexpr size_t kEpochDigits = 10;
constexpr size_t kBatchBytes = 64u << 10;

template <typename T>
bool read_digits(std::string_view digits, T& out) {
    if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) return false;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc{} && end == digits.data() + digits.size();
}

Error damaged(std::string_view why) {
    return fail(ErrorCode::corrupt_message, fmt::format("the snapshot is damaged: {}", why));
}

}  // namespace

std::string snapshot_file_name(const SnapshotId& id) {
    return fmt::format("{:020}-{:010}{}", id.end_offset, id.epoch, kSuffix);
}

std::optional<SnapshotId> parse_snapshot_file_name(std::string_view name) {
    if (name.size() != kOffsetDigits + 1 + kEpochDigits + kSuffix.size()) return std::nullopt;
    if (name[kOffsetDigits] != '-' || !name.ends_with(kSuffix)) return std::nullopt;
    SnapshotId id;
    if (!read_digits(name.substr(0, kOffsetDigits), id.end_offset)) return std::nullopt;
    if (!read_digits(name.substr(kOffsetDigits + 1, kEpochDigits), id.epoch)) return std::nullopt;
    return id;
}

bool is_snapshot_leftover(std::string_view name) {
    return name.ends_with(".checkpoint.part") || name.ends_with(".checkpoint.deleted") ||
           name.ends_with(".checkpoint.tmp");
}

SnapshotWriter::SnapshotWriter(Options options) : options_(std::move(options)) {
    protocol::BatchBuilder& batch = batch_.emplace(batch_options(true));
    protocol::SnapshotHeaderRecord header;
    header.last_contained_log_timestamp = options_.last_contained_timestamp;
    auto bytes = protocol::encode_to_bytes(header, 0);
    INVARIANT(bytes.has_value());
    batch.append_control(options_.now, protocol::ControlType::snapshot_header, *bytes);
    if (options_.kraft_version >= 1) {
        append_kraft_version(batch, options_.now, options_.kraft_version);
        append_voters(batch, options_.now, options_.voters);
    }
    close_batch();
}

protocol::BatchOptions SnapshotWriter::batch_options(bool control) const {
    protocol::BatchOptions options;
    options.base_offset = next_offset_;
    options.leader_epoch = options_.epoch;
    options.control = control;
    return options;
}

void SnapshotWriter::append(ByteView record) {
    if (!batch_) batch_.emplace(batch_options(false));
    batch_->append(options_.now, std::nullopt, record);
    if (batch_->size_bytes() >= kBatchBytes) close_batch();
}

void SnapshotWriter::close_batch() {
    if (!batch_) return;
    next_offset_ = batch_->next_offset();
    auto bytes = batch_->finish();
    INVARIANT(bytes.has_value());
    out_.append(as_text(*bytes));
    batch_.reset();
}

Result<std::string> SnapshotWriter::finish() {
    close_batch();
    protocol::BatchBuilder& batch = batch_.emplace(batch_options(true));
    TRY(const auto body, protocol::encode_to_bytes(protocol::SnapshotFooterRecord{}, 0));
    batch.append_control(options_.now, protocol::ControlType::snapshot_footer, body);
    close_batch();
    return std::move(out_);
}

Result<SnapshotContent> read_snapshot(
    ByteView file, const std::function<Result<void>(ByteView record)>& on_record) {
    SnapshotContent content;
    bool header = false;
    bool footer = false;
    std::vector<uint8_t> scratch;

    auto take_control = [&](const protocol::RecordView& record) -> Result<void> {
        if (!record.key || !record.value) return damaged("a control record without key or value");
        TRY(const auto type, protocol::decode_control_key(*record.key));
        if (type == protocol::ControlType::snapshot_footer) {
            footer = true;
        } else if (type == protocol::ControlType::snapshot_header) {
            TRY(auto body, protocol::decode<protocol::SnapshotHeaderRecord>(*record.value, 0));
            content.last_contained_timestamp = body.last_contained_log_timestamp;
            header = true;
        }
        return take_control_record(record, content.control);
    };
    auto take_batch = [&](protocol::BatchView batch) -> Result<void> {
        if (footer) return damaged("something follows the footer");
        if (!batch.verify_crc()) return damaged("a batch has a wrong checksum");
        return protocol::for_each_record(batch, scratch,
                                         [&](const protocol::RecordView& record) -> Result<void> {
                                             if (batch.is_control()) return take_control(record);
                                             if (!header)
                                                 return damaged("it does not begin with a header");
                                             if (!record.value)
                                                 return damaged("a record without a value");
                                             return on_record(*record.value);
                                         });
    };
    TRY(const size_t read, protocol::for_each_batch(file, take_batch));
    if (read != file.size() || !header || !footer) return damaged("it is cut short");
    return content;
}

}  // namespace millrace::raft
