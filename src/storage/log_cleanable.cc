// Which part of a log can be cleaned now, and how much of it is dirty.
// Kafka: LogCleanerManager.cleanableOffsets, LogToClean.
#include <algorithm>

#include "storage/cold_reads.h"
#include "storage/log_clean.h"
#include "storage/log_state.h"

namespace millrace::storage {

using runtime::Task;

// The first segment that must not be touched before `uncleanable`, as far as the compaction lag
// and the active segment allow.
Task<Result<Offset>> Log::State::lagging_from(Offset first_dirty, TimestampMs now) {
    if (config.min_compaction_lag_ms <= 0) co_return INT64_MAX;
    Offset base = segments[segment_index(first_dirty)]->base();
    while (base < active().base()) {
        CO_TRY_OK(co_await know_timestamps(base));
        const Segment& segment = *segments[segment_index(base)];
        if (segment.newest() > now - config.min_compaction_lag_ms) co_return segment.base();
        base = segments[std::min(segment_index(base) + 1, segments.size() - 1)]->base();
    }
    co_return INT64_MAX;
}

// The smallest of the first timestamps of the segments in [from, to); none is INT64_MAX.
Task<Result<TimestampMs>> Log::State::oldest_timestamp(Offset from, Offset to) {
    TimestampMs oldest = INT64_MAX;
    ColdReads cold;
    for (size_t i = segment_index(from); i < segments.size() && segments[i]->base() < to; ++i) {
        if (segments[i]->size() == 0) continue;
        const Offset base = segments[i]->base();
        const auto header = HeaderScan(tail, *segments[i], cold).at(0);
        if (header) {
            if (header->max_timestamp() > 0) oldest = std::min(oldest, header->max_timestamp());
            continue;
        }
        if (header.code() != ErrorCode::would_block) co_return header.error();
        CO_TRY_OK(co_await wait_for(cold));
        i = segment_index(base) - 1;  // once more
    }
    co_return oldest;
}

Task<Result<CleanableRange>> Log::cleanable(TimestampMs now) {
    State& s = *state_;
    const State::Busy busy(s);
    CO_TRY_OK(s.check_usable());
    CleanableRange range;
    range.first_dirty = s.cleaned_to.value_or(s.start);
    if (range.first_dirty < s.start || range.first_dirty > s.end) range.first_dirty = s.start;
    CO_TRY(const Offset lagging, co_await s.lagging_from(range.first_dirty, now));
    const Offset limit =
        std::min({std::max(lagging, range.first_dirty), last_stable_offset(), s.active().base()});
    range.first_uncleanable = s.segments[s.segment_index(limit)]->base();
    for (size_t i = 0; i < s.segments.size(); ++i) {
        const Segment& segment = *s.segments[i];
        if (segment.base() < range.first_dirty) range.clean_bytes += segment.size();
        const bool dirty = s.segment_end(i) > range.first_dirty;
        if (dirty && segment.base() < range.first_uncleanable)
            range.cleanable_bytes += segment.size();
    }
    if (s.config.max_compaction_lag_ms == INT64_MAX || range.cleanable_bytes == 0) co_return range;
    const TimestampMs until = now - std::max<int64_t>(s.config.max_compaction_lag_ms, 0);
    CO_TRY(const TimestampMs oldest,
           co_await s.oldest_timestamp(range.first_dirty, range.first_uncleanable));
    if (oldest < until) range.overdue_ms = until - oldest;
    co_return range;
}

}  // namespace millrace::storage
