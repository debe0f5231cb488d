#include "storage/batch_filter.h"

#include <limits>

namespace millrace::storage {
namespace {

using protocol::BatchHeaderView;
using protocol::BatchView;
using protocol::RecordView;

// Kafka bounds neither; a batch's own length field bounds what can be written again.
constexpr size_t kRecordBytesMax = std::numeric_limits<int32_t>::max();

protocol::BatchOptions same_options(BatchHeaderView batch, protocol::CompressionLevels levels) {
    protocol::BatchOptions options{.levels = levels,
                                   .base_offset = batch.base_offset(),
                                   .leader_epoch = batch.leader_epoch(),
                                   .producer_id = batch.producer_id(),
                                   .producer_epoch = batch.producer_epoch(),
                                   .base_sequence = batch.base_sequence(),
                                   .transactional = batch.is_transactional(),
                                   .control = batch.is_control(),
                                   .last_offset = batch.last_offset()};
    if (batch.timestamp_type() == protocol::TimestampType::log_append_time)
        options.log_append_time = batch.max_timestamp();
    return options;
}

void append(std::vector<uint8_t>& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

// Whether a producer that is still known needs this batch: its sequence, or the marker that fenced
// it.
bool BatchFilter::ends_producer(BatchHeaderView batch) const {
    if (!batch.has_producer_id()) return false;
    const auto found = producers_.find(batch.producer_id());
    if (found == producers_.end()) return false;
    if (found->second.last_data_offset >= 0)
        return batch.last_offset() == found->second.last_data_offset;
    return batch.is_control() && batch.producer_epoch() == found->second.epoch;
}

Result<BatchFilter::Fate> BatchFilter::judge(BatchView batch) {
    Fate fate;
    if (batch.is_control()) {
        TRY(fate.spent_marker, transactions_.is_spent_marker(batch));
        const auto horizon = batch.delete_horizon();
        fate.drop_records = fate.spent_marker && horizon && *horizon <= rules_.now;
    } else {
        fate.drop_records = transactions_.is_aborted(batch);
    }
    fate.keep_empty = ends_producer(batch) || batch.next_offset() == rules_.round_end;
    return fate;
}

bool BatchFilter::keeps(BatchHeaderView batch, const RecordView& record) {
    if (batch.is_control()) return true;
    if (record.offset >= rules_.mapped_end) return true;
    if (!record.key) {
        ++records_without_key_;
        return false;
    }
    if (record.offset < last_offsets_.find(*record.key)) return false;
    if (record.value) return true;
    const auto horizon = batch.delete_horizon();
    return !horizon || rules_.now < *horizon;
}

Result<void> BatchFilter::apply(BatchView batch, std::vector<uint8_t>& out) {
    TRY(const Fate fate, judge(batch));
    const auto count = static_cast<uint64_t>(batch.record_count());
    if (fate.drop_records) {
        records_read_ += count;
        if (fate.keep_empty) return put_empty(batch, out);
        return {};
    }
    kept_.clear();
    bool tombstones = false;
    TRY_OK(protocol::for_each_record(
        batch, scratch_,
        [&](const RecordView& record) {
            if (!keeps(batch, record)) return;
            tombstones |= !record.value.has_value();
            kept_.push_back(record);
        },
        kRecordBytesMax));
    records_read_ += count;
    records_kept_ += kept_.size();
    if (kept_.empty()) {
        if (fate.keep_empty) return put_empty(batch, out);
        return {};
    }
    const bool new_horizon = (tombstones || fate.spent_marker) && !batch.has_delete_horizon();
    if (kept_.size() == count && !new_horizon) {
        append(out, batch.bytes());
        return {};
    }
    auto horizon = batch.delete_horizon();
    if (new_horizon)
        horizon = rules_.delete_retention_ms > INT64_MAX - rules_.now
                      ? INT64_MAX
                      : rules_.now + rules_.delete_retention_ms;
    return rebuild(batch, horizon, out);
}

Result<void> BatchFilter::rebuild(BatchView batch, std::optional<TimestampMs> horizon,
                                  std::vector<uint8_t>& out) {
    protocol::BatchOptions options = same_options(batch, rules_.levels);
    TRY(options.codec, batch.codec());
    options.delete_horizon = horizon;
    protocol::BatchBuilder builder(options);
    for (const RecordView& record : kept_) builder.append_at(record);
    TRY(const auto bytes, builder.finish());
    append(out, bytes);
    return {};
}

Result<void> BatchFilter::put_empty(BatchView batch, std::vector<uint8_t>& out) {
    protocol::BatchOptions options = same_options(batch, rules_.levels);
    options.emptied_max_timestamp = batch.max_timestamp();
    TRY(const auto bytes, protocol::BatchBuilder(options).finish());
    append(out, bytes);
    return {};
}

}  // namespace millrace::storage
