// Decides which compacted log is cleaned next, cleans it, and keeps count.
//
// A log is cleaned when the dirty part of it is above min.cleanable.dirty.ratio, or when something
// in it is older than max.compaction.lag.ms; the dirtiest first. log.cleaner.threads cleanings run
// at once, all under one budget of bytes a second; when there is nothing to do they look again after
// log.cleaner.backoff.ms. Where a log's next cleaning begins is written to
// cleaner-offset-checkpoint. A log that cannot be cleaned is named in our log, counted, and tried
// again, with waits that double up to an hour: nothing is given up.
//
// Owner: server. Loop: that of the logs. Kafka: LogCleaner, LogCleanerManager; which gives up a log
// that failed, until its next start.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "runtime/scope.h"
#include "runtime/workers.h"
#include "storage/log_clean.h"
#include "storage/log_manager.h"

namespace millrace::storage {

// Kafka's log.cleaner.*; asked for again before each cleaning.
struct CleanerConfig {
    size_t threads = 1;                       // 0: nothing is cleaned
    size_t dedupe_buffer_bytes = 128u << 20;  // for the keys; all cleanings together
    double load_factor = 0.9;                 // how far it is filled
    size_t io_buffer_bytes = 512u << 10;      // all cleanings together
    double bytes_per_second_max = 1.7976931348623157e308;
    int64_t backoff_ms = 15'000;
};

// What the last look over all logs found, and what cleanings did since the start.
struct CleanerStats {
    size_t uncleanable_partitions = 0;
    uint64_t uncleanable_bytes = 0;
    double dirty_ratio_max = 0;
    int64_t overdue_ms_max = 0;  // of max.compaction.lag.ms
    TimestampMs last_look = 0;
    // Of the last cleaning.
    double recopy_ratio = 0;  // bytes written to bytes read
    double clean_seconds = 0;
    double map_fill = 0;
    // Of all.
    uint64_t cleanings = 0;
    uint64_t failures = 0;
    uint64_t bytes_read = 0;
    uint64_t bytes_written = 0;
    uint64_t records_without_key = 0;
};

class Cleaner {
public:
    using Config = std::function<CleanerConfig()>;

    Cleaner(runtime::Loop& loop, runtime::Workers& workers, LogManager& logs, Config config);

    // Until stop(); a cleaning that is under way then ends at its next piece. Before logs are
    // stopped.
    runtime::Task<void> run();
    void stop() { stop_.cancel(); }

    // Cleans the dirtiest log that needs it; false when none does. For tests, and for run().
    runtime::Task<bool> clean_one();

    // For each log directory.
    const std::vector<CleanerStats>& stats() const { return stats_; }

private:
    struct Failure {
        int times = 0;
        TimestampMs retry_at = 0;
        uint64_t cleanable_bytes = 0;
    };
    struct Candidate {
        TopicPartition name;
        Log* log = nullptr;
        CleanableRange range;
    };

    runtime::Task<void> work(size_t index);
    runtime::Task<void> open_some();
    runtime::Task<std::optional<Candidate>> dirtiest();
    runtime::Task<void> clean(Candidate candidate);
    void note_failure(const Candidate& candidate, const Error& cause);
    void note_done(const Candidate& candidate, const CleanReport& report, double seconds);
    void count_uncleanable();
    CleanerStats* stats_of(const TopicPartition& name);

    runtime::Loop& loop_;
    runtime::Workers& workers_;
    LogManager& logs_;
    const Config config_;
    runtime::CancelSource stop_;
    IoBudget budget_;
    const KeyHasher hasher_;
    runtime::Scope* scope_ = nullptr;  // of run()
    size_t working_ = 0;
    bool looking_ = false;
    std::unordered_set<TopicPartition> cleaning_;
    std::unordered_map<TopicPartition, Failure> failures_;
    std::optional<std::vector<TopicPartition>> unopened_;  // compacted or not, since the start
    std::vector<CleanerStats> stats_;
};

}  // namespace millrace::storage
