// ListOffsets: from timestamps to offsets.
#include <fmt/format.h>

#include <algorithm>

#include "storage/log_state.h"

namespace millrace::storage {
namespace {

using protocol::BatchView;
using runtime::Task;

// The first record of `batch` at or after `from` whose timestamp is at least `timestamp`.
Result<std::optional<TimestampOffset>> find_record(BatchView batch, TimestampMs timestamp,
                                                   Offset from) {
    std::optional<TimestampOffset> found;
    std::vector<uint8_t> scratch;
    TRY(protocol::RecordReader reader, batch.records(scratch));
    protocol::RecordView record;
    while (true) {
        TRY(const bool more, reader.next(record));
        if (!more) return found;
        if (record.offset < from || record.timestamp < timestamp) continue;
        return TimestampOffset{record.offset, record.timestamp, batch.leader_epoch()};
    }
}

struct ScanFrom {
    std::shared_ptr<runtime::File> file;
    uint64_t position;
    uint64_t size;
};

// The same over the batches of a file.
Task<Result<std::optional<TimestampOffset>>> scan_records(ScanFrom where, TimestampMs timestamp,
                                                          Offset from) {
    BatchFile batches(std::move(where.file), where.position, where.size);
    while (true) {
        CO_TRY(const bool more, co_await batches.load());
        if (!more) co_return std::nullopt;
        while (const auto batch = batches.next()) {
            if (batch->max_timestamp() < timestamp || batch->last_offset() < from) continue;
            CO_TRY(auto found, find_record(*batch, timestamp, from));
            if (found) co_return found;
        }
    }
}

}  // namespace

// Makes the largest timestamp of the segment at `base` known.
Task<Result<void>> Log::State::know_timestamps(Offset base) {
    Segment* segment = find_segment(base);
    if (!segment || segment->max_timestamp_known() || segment->size() == 0) co_return {};
    if (!segment->times().loaded()) co_return co_await load_times(base);
    co_return {};
}

Task<Result<TimestampOffset>> Log::State::first_at_or_after(TimestampMs timestamp) {
    Offset next_base = segments.front()->base();
    while (true) {
        const auto at = std::ranges::lower_bound(segments, next_base, {},
                                                 [](const auto& s) { return s->base(); });
        if (at == segments.end()) co_return TimestampOffset{};
        const Offset base = (*at)->base();
        next_base = base + 1;
        CO_TRY_OK(co_await know_timestamps(base));
        Segment* segment = find_segment(base);
        if (!segment || segment->size() == 0 || segment->max_timestamp() < timestamp) continue;
        if (!segment->times().loaded()) CO_TRY_OK(co_await load_times(base));
        segment = find_segment(base);
        if (!segment) continue;
        const auto& times = segment->times().all();
        const auto above = std::ranges::upper_bound(times, timestamp, {}, &TimeEntry::timestamp);
        const Offset from = above == times.begin() ? base : base + (above - 1)->offset;
        if (!segment->offsets().loaded()) CO_TRY_OK(co_await load_index(base));
        segment = find_segment(base);
        if (!segment || !segment->offsets().loaded()) continue;
        CO_TRY_OK(drain());
        CO_TRY(auto file, segment->file());
        ScanFrom where{std::move(file), segment->position_before(std::max(from, start)),
                       segment->size()};
        CO_TRY(const auto found, co_await scan_records(std::move(where), timestamp, start));
        if (found) co_return *found;
    }
}

Task<Result<TimestampOffset>> Log::State::largest_timestamp() {
    Offset next_base = segments.front()->base();
    Offset best_base = -1;
    TimestampMs best = -1;
    while (true) {
        const auto at = std::ranges::lower_bound(segments, next_base, {},
                                                 [](const auto& s) { return s->base(); });
        if (at == segments.end()) break;
        const Offset base = (*at)->base();
        next_base = base + 1;
        CO_TRY_OK(co_await know_timestamps(base));
        const Segment* segment = find_segment(base);
        if (!segment || segment->size() == 0 || segment->max_timestamp() <= best) continue;
        best = segment->max_timestamp();
        best_base = base;
    }
    if (best_base < 0) co_return TimestampOffset{};
    Segment* segment = find_segment(best_base);
    if (segment && !segment->offsets().loaded()) CO_TRY_OK(co_await load_index(best_base));
    segment = find_segment(best_base);
    if (!segment || !segment->offsets().loaded()) co_return TimestampOffset{};
    CO_TRY_OK(drain());
    CO_TRY(auto file, segment->file());
    ScanFrom where{std::move(file),
                   segment->position_before(std::max(segment->max_timestamp_offset(), start)),
                   segment->size()};
    CO_TRY(const auto found, co_await scan_records(std::move(where), best, start));
    co_return found.value_or(TimestampOffset{});
}

Task<Result<TimestampOffset>> Log::offset_for_timestamp(TimestampMs timestamp, Offset upper_bound) {
    State& s = *state_;
    s.used = true;
    const State::Busy busy(s);
    CO_TRY_OK(s.check_usable());
    TimestampOffset found;
    switch (timestamp) {
        case kLatestTimestamp:
            co_return TimestampOffset{upper_bound, -1, s.epochs.latest()};
        case kEarliestTimestamp:
        case kEarliestLocalTimestamp:
            co_return TimestampOffset{s.start, -1, s.epochs.epoch_at(s.start)};
        case kLatestTieredTimestamp:
        case kEarliestPendingUploadTimestamp:
            co_return found;  // nothing is tiered
        case kMaxTimestamp: {
            CO_TRY(found, co_await s.largest_timestamp());
            break;
        }
        default: {
            CO_TRY(found, co_await s.first_at_or_after(timestamp));
            break;
        }
    }
    co_return found.offset < upper_bound ? found : TimestampOffset{};
}

}  // namespace millrace::storage
