#include "sim/client/cluster/replicated_log.h"

#include <algorithm>

#include "base/check.h"
#include "protocol/record_batch.h"

namespace millrace::sim {

using protocol::BatchView;

Result<ReplicatedLog::Appended> ReplicatedLog::append(std::vector<uint8_t> bytes, LeaderEpoch epoch,
                                                      const storage::ProducerState::Append& how) {
    TRY(auto batch, protocol::MutableBatchView::parse(bytes));
    if (batch.size_bytes() != bytes.size() || !batch.verify_crc())
        return fail(ErrorCode::corrupt_message);
    batch.set_base_offset(end_);
    batch.set_leader_epoch(epoch);
    TRY(const auto marker, storage::find_marker(batch));
    TRY(const auto duplicate, producers_.check(batch, marker, how));
    if (duplicate) return Appended{duplicate->first_offset, duplicate->last_offset, true};
    epochs_.assign(epoch, end_);
    take_in(batch);
    const Appended out{batch.base_offset(), batch.last_offset(), false};
    end_ = batch.next_offset();
    batches_.push_back({std::move(bytes), out.first, out.last});
    return out;
}

void ReplicatedLog::take_in(BatchView batch) {
    const auto marker = storage::find_marker(batch);
    INVARIANT(marker.has_value());
    if (const auto ended = producers_.apply(batch, *marker)) ended_.push_back(*ended);
}

void ReplicatedLog::elect(LeaderEpoch epoch, Offset keep) {
    while (!batches_.empty() && batches_.back().last >= keep) batches_.pop_back();
    const Offset end = batches_.empty() ? 0 : batches_.back().last + 1;
    if (end != end_) {
        end_ = end;
        epochs_.truncate_from_end(end_);
        producers_.clear();
        ended_.clear();
        for (Batch& batch : batches_) take_in(*BatchView::parse(batch.bytes));
    }
    high_watermark_ = std::min(high_watermark_, end_);
    producers_.advance_high_watermark(high_watermark_);
    epochs_.assign(epoch, end_);
    changed.notify();
}

void ReplicatedLog::replicated(Offset to) {
    to = std::min(to, end_);
    if (to <= high_watermark_) return;
    high_watermark_ = to;
    producers_.advance_high_watermark(to);
    changed.notify();
}

Offset ReplicatedLog::last_stable() const {
    return std::min(high_watermark_, producers_.first_unstable().value_or(high_watermark_));
}

std::vector<uint8_t> ReplicatedLog::read(Offset from, Offset upper, size_t bytes_max,
                                         Offset& next) const {
    std::vector<uint8_t> out;
    next = from;
    auto at = std::ranges::lower_bound(batches_, from, {}, &Batch::last);
    for (; at != batches_.end() && at->last < upper; ++at) {
        if (!out.empty() && out.size() + at->bytes.size() > bytes_max) break;
        out.insert(out.end(), at->bytes.begin(), at->bytes.end());
        next = at->last + 1;
    }
    return out;
}

std::vector<storage::AbortedTransaction> ReplicatedLog::aborted(Offset from, Offset to) const {
    std::vector<storage::AbortedTransaction> out;
    for (const auto& ended : ended_)
        if (ended.abort && ended.last_offset >= from && ended.first_offset < to)
            out.push_back({ended.producer_id, ended.first_offset});
    return out;
}

storage::TimestampOffset ReplicatedLog::first_since(TimestampMs time, Offset upper) const {
    std::vector<uint8_t> scratch;
    storage::TimestampOffset out;
    for (const Batch& each : batches_) {
        const auto batch = *BatchView::parse(each.bytes);
        if (each.last >= upper || out.offset >= 0) break;
        if (batch.max_timestamp() < time) continue;
        const auto read =
            protocol::for_each_record(batch, scratch, [&](const protocol::RecordView& record) {
                if (out.offset < 0 && record.timestamp >= time)
                    out = {record.offset, record.timestamp, batch.leader_epoch()};
            });
        INVARIANT(read.has_value());
    }
    return out;
}

std::vector<ReplicatedLog::Record> ReplicatedLog::records() const {
    std::vector<Record> out;
    std::vector<uint8_t> scratch;
    for (const Batch& each : batches_) {
        const auto batch = *BatchView::parse(each.bytes);
        if (batch.is_control()) continue;
        const auto within = [&](const storage::CompletedTransaction& t) {
            return t.producer_id == batch.producer_id() && t.first_offset <= each.first &&
                   each.last < t.last_offset;
        };
        const auto ended = std::ranges::find_if(ended_, within);
        const bool known = batch.is_transactional() && ended != ended_.end();
        const auto read =
            protocol::for_each_record(batch, scratch, [&](const protocol::RecordView& record) {
                out.push_back({.offset = record.offset,
                               .epoch = batch.leader_epoch(),
                               .key = std::string(as_text(record.key.value_or(ByteView{}))),
                               .value = std::string(as_text(record.value.value_or(ByteView{}))),
                               .aborted = known && ended->abort,
                               .open = batch.is_transactional() && !known});
            });
        INVARIANT(read.has_value());
    }
    return out;
}

}  // namespace millrace::sim
