#include "storage/cleaner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"

namespace millrace::storage {
namespace {

using runtime::Task;

constexpr int64_t kRetryMsMax = 3'600'000;
// How many logs one look opens that nobody has touched since the start.
constexpr size_t kOpensPerLook = 64;
constexpr size_t kPieceBytesMin = 64u << 10;

double seconds_between(runtime::TimePoint from, runtime::TimePoint to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Cleaner::Cleaner(runtime::Loop& loop, runtime::Workers& workers, LogManager& logs, Config config)
    : loop_(loop),
      workers_(workers),
      logs_(logs),
      config_(std::move(config)),
      budget_(loop, stop_.token()),
      hasher_(KeyHasher::random(loop.rng())),
      stats_(logs.directories().size()) {}

CleanerStats* Cleaner::stats_of(const TopicPartition& name) {
    const auto directory = logs_.directory_of(name);
    return directory ? &stats_[*directory] : nullptr;
}

Task<void> Cleaner::run() {
    runtime::Scope scope{loop_};
    scope_ = &scope;
    scope.spawn(work(working_++));
    co_await scope.join();
    scope_ = nullptr;
}

// The first one works for ever, and starts the others; they end when the configuration says so.
Task<void> Cleaner::work(size_t index) {
    while (!stop_.cancelled()) {
        const CleanerConfig config = config_();
        if (index > 0 && index >= config.threads) break;
        if (index == 0)
            while (working_ < config.threads) scope_->spawn(work(working_++));
        const bool cleaned = config.threads > 0 && co_await clean_one();
        if (cleaned) continue;
        // At least a moment: a backoff of 0 must not keep the loop from everything else.
        const int64_t wait = std::max<int64_t>(config.backoff_ms, 10);
        (void)co_await runtime::sleep_for(loop_, std::chrono::milliseconds{wait}, stop_.token());
    }
    --working_;
}

// Logs that were dirty when the node stopped are cleaned without anyone touching them first.
Task<void> Cleaner::open_some() {
    if (!unopened_) unopened_ = logs_.partitions();
    size_t count = 0;
    while (!unopened_->empty() && count < kOpensPerLook && !stop_.cancelled()) {
        const TopicPartition name = std::move(unopened_->back());
        unopened_->pop_back();
        if (logs_.find(name) || !logs_.contains(name)) continue;
        if (!logs_.config_of(name.topic).cleanup_compact) continue;
        const auto records = logs_.holds_records(name);
        if (!records || !*records) continue;
        ++count;
        if (const auto opened = co_await logs_.open_briefly(name, loop_.wall_ms()); !opened)
            LOG_ERROR("storage", "cannot open {}-{} to clean it: {}", name.topic, name.partition,
                      opened.error().describe());
    }
}

Task<std::optional<Cleaner::Candidate>> Cleaner::dirtiest() {
    co_await open_some();
    const TimestampMs now = loop_.wall_ms();
    for (CleanerStats& stats : stats_) {
        stats.dirty_ratio_max = 0;
        stats.overdue_ms_max = 0;
        stats.last_look = now;
    }
    std::erase_if(failures_, [&](const auto& f) { return !logs_.contains(f.first); });
    std::optional<Candidate> best;
    for (const TopicPartition& name : logs_.opened()) {
        Log* log = logs_.find(name);
        if (!log || !log->config().cleanup_compact || cleaning_.contains(name)) continue;
        const auto range = co_await log->cleanable(now);
        if (stop_.cancelled()) co_return std::nullopt;
        if (logs_.find(name) != log) continue;
        if (!range) {
            if (!failures_.contains(name)) note_failure({name, log, {}}, range.error());
            continue;
        }
        const double ratio = range->dirty_ratio();
        CleanerStats& stats = *stats_of(name);
        stats.dirty_ratio_max = std::max(stats.dirty_ratio_max, ratio);
        stats.overdue_ms_max = std::max(stats.overdue_ms_max, range->overdue_ms);
        if (const auto failed = failures_.find(name); failed != failures_.end()) {
            failed->second.cleanable_bytes = range->cleanable_bytes;
            if (now < failed->second.retry_at) continue;
            // Whatever it was, there is nothing to try any more.
            if (range->cleanable_bytes == 0) failures_.erase(failed);
        }
        if (!range->is_due(log->config()) || cleaning_.contains(name)) continue;
        if (!best || ratio > best->range.dirty_ratio()) best = Candidate{name, log, *range};
    }
    count_uncleanable();
    // It may have been removed while others were looked at.
    if (best && logs_.find(best->name) != best->log) best.reset();
    co_return best;
}

Task<bool> Cleaner::clean_one() {
    // One looks at a time, so that two do not find the same log.
    if (looking_) co_return false;
    looking_ = true;
    auto found = co_await dirtiest();
    looking_ = false;
    if (!found) co_return false;
    co_await clean(*std::move(found));
    co_return true;
}

Task<void> Cleaner::clean(Candidate candidate) {
    const CleanerConfig config = config_();
    budget_.set_rate(config.bytes_per_second_max);
    const size_t share = std::max<size_t>(config.threads, 1);
    CleanTools tools{.workers = workers_,
                     .budget = budget_,
                     .hasher = hasher_,
                     .map_bytes = config.dedupe_buffer_bytes / share,
                     .load_factor = config.load_factor,
                     .piece_bytes = std::max(kPieceBytesMin, config.io_buffer_bytes / share / 2)};
    cleaning_.insert(candidate.name);
    const auto begun = loop_.now();
    const auto report = co_await candidate.log->clean(candidate.range, tools, loop_.wall_ms());
    cleaning_.erase(candidate.name);
    if (!report) {
        if (report.code() != ErrorCode::cancelled) note_failure(candidate, report.error());
        co_return;
    }
    note_done(candidate, *report, seconds_between(begun, loop_.now()));
    if (const auto written = co_await logs_.checkpoint(); !written)
        LOG_ERROR("storage", "cannot write checkpoints: {}", written.error().describe());
}

void Cleaner::note_failure(const Candidate& candidate, const Error& cause) {
    Failure& failure = failures_[candidate.name];
    const int64_t first = std::max<int64_t>(config_().backoff_ms, 1000);
    const int64_t wait = std::min(first << std::min(failure.times, 20), kRetryMsMax);
    ++failure.times;
    failure.retry_at = loop_.wall_ms() + wait;
    failure.cleanable_bytes = candidate.range.cleanable_bytes;
    LOG_ERROR("storage", "{}-{} cannot be cleaned ({} times now), next try in {} s: {}",
              candidate.name.topic, candidate.name.partition, failure.times, wait / 1000,
              cause.describe());
    if (CleanerStats* stats = stats_of(candidate.name)) ++stats->failures;
    count_uncleanable();
}

void Cleaner::count_uncleanable() {
    for (CleanerStats& stats : stats_) stats.uncleanable_partitions = stats.uncleanable_bytes = 0;
    for (const auto& [name, failure] : failures_) {
        CleanerStats* stats = stats_of(name);
        if (!stats) continue;
        ++stats->uncleanable_partitions;
        stats->uncleanable_bytes += failure.cleanable_bytes;
    }
}

void Cleaner::note_done(const Candidate& candidate, const CleanReport& report, double seconds) {
    if (failures_.erase(candidate.name) > 0) count_uncleanable();
    const auto& [topic, partition] = candidate.name;
    const auto read = static_cast<double>(report.bytes_read);
    const double recopied = read > 0 ? static_cast<double>(report.bytes_written) / read : 0;
    LOG_INFO("storage",
             "cleaned {}-{} to {}: {} of {} records and {} of {} bytes kept, {} segments of {}, "
             "keys fill {:.1f}% of the memory, {:.3f} s",
             topic, partition, report.cleaned_to, report.records_kept, report.records_read,
             report.bytes_written, report.bytes_read, report.segments_after, report.segments_before,
             report.map_fill * 100, seconds);
    if (report.records_without_key > 0)
        LOG_WARN("storage", "{}-{}: {} records without key were dropped", topic, partition,
                 report.records_without_key);
    CleanerStats* stats = stats_of(candidate.name);
    if (!stats) return;
    stats->recopy_ratio = recopied;
    stats->clean_seconds = seconds;
    stats->map_fill = report.map_fill;
    ++stats->cleanings;
    stats->bytes_read += report.mapped_bytes + report.bytes_read;
    stats->bytes_written += report.bytes_written;
    stats->records_without_key += report.records_without_key;
}

}  // namespace millrace::storage
