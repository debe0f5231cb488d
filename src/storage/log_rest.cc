// How a log that nobody uses is made ready to be closed, and what is kept of it then.
#include <algorithm>

#include "base/log.h"
#include "storage/log_clean.h"
#include "storage/log_keys.h"
#include "storage/log_state.h"
#include "storage/log_summary.h"

namespace millrace::storage {
namespace {

using runtime::Task;

TimestampMs later(TimestampMs time, int64_t by_ms) {
    return time > INT64_MAX - by_ms ? INT64_MAX : time + by_ms;
}

}  // namespace

bool LogSummary::wants_upkeep(const LogConfig& config, TimestampMs now) const {
    if (below_start || rules != CleanRules::of(config) || now >= cleanable_at) return true;
    // As Log::State::count_expired() does it, for the first segment. An empty log has nothing.
    if (!config.cleanup_delete || (one_segment && first_bytes == 0)) return false;
    if (config.retention_bytes >= 0 &&
        size_bytes - first_bytes >= static_cast<uint64_t>(config.retention_bytes))
        return true;
    return config.retention_ms >= 0 && now - first_newest > config.retention_ms;
}

// Everything is durable, and where a start looks for it, once this succeeds; unless appends came
// meanwhile. With disk_work.
Task<Result<void>> Log::State::finish() {
    CO_TRY_OK(check_usable());
    CO_TRY_OK(drain());
    if (active().index_unsaved() || changed) CO_TRY_OK(active().finish_indexes());
    if (changed) CO_TRY_OK(co_await save());
    // Not when it is being read: that may take long, and the older file serves as well.
    if (keys && !keys->work.locked())
        if (const auto saved = co_await save_keys(); !saved)
            LOG_WARN("storage", "{}: the index of keys is not saved: {}", directory,
                     saved.error().describe());
    co_return {};
}

// When, at the earliest, a log that stays as it is can be due for compaction.
Task<Result<TimestampMs>> Log::cleanable_at(TimestampMs now) {
    State& s = *state_;
    const LogConfig config = s.config;
    if (!config.cleanup_compact) co_return INT64_MAX;
    CO_TRY(const CleanableRange range, co_await cleanable(now));
    if (range.is_due(config)) co_return now;
    TimestampMs at = INT64_MAX;
    if (range.cleanable_bytes > 0 && config.max_compaction_lag_ms != INT64_MAX) {
        CO_TRY(const TimestampMs oldest,
               co_await s.oldest_timestamp(range.first_dirty, range.first_uncleanable));
        at = later(oldest, std::max<int64_t>(config.max_compaction_lag_ms, 0));
    }
    // What min.compaction.lag.ms still protects comes to it then.
    if (range.first_uncleanable < s.active().base()) {
        CO_TRY_OK(co_await s.know_timestamps(range.first_uncleanable));
        const Segment& next = *s.segments[s.segment_index(range.first_uncleanable)];
        at = std::min(at, later(next.newest(), std::max<int64_t>(config.min_compaction_lag_ms, 0)));
    }
    co_return at;
}

Task<Result<LogSummary>> Log::rest(TimestampMs now) {
    State& s = *state_;
    const State::Busy busy(s);
    const auto alone = co_await s.disk_work.lock();
    CO_TRY_OK(co_await s.finish());
    CO_TRY(const TimestampMs cleanable_at, co_await this->cleanable_at(now));
    CO_TRY_OK(co_await s.know_timestamps(s.segments.front()->base()));
    const Segment& first = *s.segments.front();
    co_return LogSummary{.size_bytes = size_bytes(),
                         .first_bytes = first.size(),
                         .first_newest = first.newest(),
                         .one_segment = s.segments.size() == 1,
                         .below_start = s.segments.size() > 1 && s.segments[1]->base() <= s.start,
                         .cleanable_at = cleanable_at,
                         .rules = LogSummary::CleanRules::of(s.config)};
}

bool Log::at_rest() const {
    const State& s = *state_;
    if (s.tasks > 0 || s.disk_work.locked() || !s.check_usable()) return false;
    const Segment& active = *s.segments.back();
    if (s.changed || s.waiting_bytes > 0 || active.index_unsaved()) return false;
    if (s.progress->flushed < s.end || s.progress->written < s.end) return false;
    // Known only to the log: an open transaction, and that older snapshots may go once the
    // checkpoint file has the recovery point.
    return !s.producers.first_unstable() &&
           std::ranges::none_of(s.saved_snapshots, [&](Offset offset) {
               return offset < s.recovery_point && !s.find_segment(offset);
           });
}

int64_t Log::unused_ms(TimestampMs now) {
    State& s = *state_;
    s.looked_at = now;
    if (std::exchange(s.used, false)) s.unused_since = now;
    return s.unused_since == kNeverUsed ? INT64_MAX : now - s.unused_since;
}

void Log::note_use() {
    state_->used = true;
}

TimestampMs Log::looked_at() const {
    return state_->looked_at;
}

bool Log::new_directory() const {
    return state_->new_directory;
}

}  // namespace millrace::storage
