// What is kept of a log that was closed because nobody used it: the few numbers that tell when
// background work has something to do in it again, so that it stays closed until then.
//
// Owner: LogManager. Plain data: nothing of it changes while the log is closed, but the clock and
// the topic's configuration do.
#pragma once

#include "storage/log_config.h"

namespace millrace::storage {

struct LogSummary {
    // What of a topic's configuration says when its logs are compacted.
    struct CleanRules {
        bool compact = false;
        double dirty_ratio_min = 0;
        int64_t lag_ms_min = 0;
        int64_t lag_ms_max = 0;
        friend bool operator==(const CleanRules&, const CleanRules&) = default;

        static CleanRules of(const LogConfig& config) {
            if (!config.cleanup_compact) return {};
            return {true, config.min_cleanable_dirty_ratio, config.min_compaction_lag_ms,
                    config.max_compaction_lag_ms};
        }
    };

    uint64_t size_bytes = 0;
    uint64_t first_bytes = 0;      // of the first segment
    TimestampMs first_newest = 0;  // the newest timestamp in it
    bool one_segment = true;
    bool below_start = false;  // whole segments lie below the log start
    // Not before then can it be due for compaction, under `rules`; INT64_MAX: never.
    TimestampMs cleanable_at = INT64_MAX;
    CleanRules rules;

    // Whether retention or compaction may find something to do. When it says no, they would not.
    bool wants_upkeep(const LogConfig& config, TimestampMs now) const;
};

}  // namespace millrace::storage
