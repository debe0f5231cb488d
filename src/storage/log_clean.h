// Compaction of one log: what can be cleaned, what a cleaning is given, and what it did.
//
// Kafka: LogToClean, Cleaner, CleanerStats. Cleaner (cleaner.h) decides when.
#pragma once

#include "runtime/workers.h"
#include "storage/io_budget.h"
#include "storage/key_hash.h"
#include "storage/log_config.h"

namespace millrace::storage {

// From `first_dirty` on records were not cleaned yet; from `first_uncleanable` on, the start of a
// segment, they cannot be: the active segment, an open transaction, or min.compaction.lag.ms.
struct CleanableRange {
    Offset first_dirty = 0;
    Offset first_uncleanable = 0;
    uint64_t clean_bytes = 0;
    uint64_t cleanable_bytes = 0;
    int64_t overdue_ms = 0;  // since when max.compaction.lag.ms has passed; 0 = it has not

    double dirty_ratio() const {
        const auto all = static_cast<double>(clean_bytes + cleanable_bytes);
        return all > 0 ? static_cast<double>(cleanable_bytes) / all : 0;
    }
    bool is_due(const LogConfig& config) const {
        return cleanable_bytes > 0 &&
               (overdue_ms > 0 || dirty_ratio() > config.min_cleanable_dirty_ratio);
    }
};

struct CleanTools {
    runtime::Workers& workers;
    IoBudget& budget;
    KeyHasher hasher;
    size_t map_bytes;
    double load_factor;
    size_t piece_bytes;
};

struct CleanReport {
    Offset cleaned_to = 0;
    uint64_t mapped_bytes = 0;  // read to learn the keys
    uint64_t bytes_read = 0;    // read to be written again
    uint64_t bytes_written = 0;
    uint64_t records_read = 0;
    uint64_t records_kept = 0;
    uint64_t records_without_key = 0;
    size_t segments_before = 0;
    size_t segments_after = 0;
    double map_fill = 0;  // of what it may hold
};

}  // namespace millrace::storage
