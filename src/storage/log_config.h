// What the log needs to know of a topic's configuration; names and defaults are Kafka's topic
// configs. The broker fills it from the metadata image's resolved config and hands in a new one
// when it changes (Log::set_config).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/units.h"
#include "protocol/compression.h"

namespace millrace::storage {

constexpr int64_t kUnlimited = -1;

struct LogConfig {
    int32_t segment_bytes = 1 << 30;
    int64_t segment_ms = 7LL * 24 * 3600 * 1000;
    int64_t segment_jitter_ms = 0;
    int32_t segment_index_bytes = 10 << 20;
    int32_t index_interval_bytes = 4096;

    bool cleanup_delete = true;
    bool cleanup_compact = false;
    int64_t retention_ms = 7LL * 24 * 3600 * 1000;  // kUnlimited: no limit
    int64_t retention_bytes = kUnlimited;
    int64_t file_delete_delay_ms = 60'000;

    int64_t delete_retention_ms = 86'400'000;
    int64_t min_compaction_lag_ms = 0;
    int64_t max_compaction_lag_ms = INT64_MAX;
    double min_cleanable_dirty_ratio = 0.5;

    int64_t flush_messages = INT64_MAX;
    int64_t flush_ms = INT64_MAX;

    int32_t max_message_bytes = 1048588;
    bool log_append_time = false;  // message.timestamp.type
    int64_t timestamp_before_max_ms = INT64_MAX;
    int64_t timestamp_after_max_ms = 3'600'000;
    std::optional<protocol::Codec> compression;  // compression.type; empty = the producer's own
    protocol::CompressionLevels compression_levels;
    bool key_index = false;  // millrace.key.index.enable: conditions on keys can be judged

    // How long a segment stays the active one: what is to be compacted by max.compaction.lag.ms must
    // not be in it any more by then.
    int64_t roll_ms() const {
        return cleanup_compact && max_compaction_lag_ms > 0
                   ? std::min(segment_ms, max_compaction_lag_ms)
                   : segment_ms;
    }
};

}  // namespace millrace::storage
