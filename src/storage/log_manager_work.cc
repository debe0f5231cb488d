#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/log_manager_state.h"
#include "storage/segment.h"

namespace millrace::storage {
namespace {

using runtime::Task;

// How many partitions one call of maintain() recovers, and looks at for retention.
constexpr size_t kRecoveriesPerCall = 256;
constexpr size_t kRetentionsPerCall = 1024;
// A log is looked at so many times before it has been idle for long enough, and so many logs are
// looked at by one call.
constexpr int64_t kIdleLooks = 4;
constexpr size_t kIdleLooksPerCall = 1024;
// Logs that wait for the disk together: while clients do too, and in a clean stop.
constexpr size_t kSavesAtOnce = 8;
constexpr size_t kClosesAtOnce = 64;
// Files and trees: each may take the file system many milliseconds.
constexpr size_t kDeletionsPerCall = 64;

}  // namespace

LogManager::State::Written LogManager::State::checkpoint_texts(size_t directory) const {
    OffsetCheckpointText recovery_points;
    OffsetCheckpointText log_starts;
    OffsetCheckpointText high_watermarks;
    OffsetCheckpointText cleaned;
    const auto add = [&](const TopicPartition& name, const Partition& partition) {
        if (partition.directory != directory) return;
        const Log* log = partition.log.get();
        recovery_points.add(name, log ? log->recovery_point() : partition.recovery_point);
        high_watermarks.add(name, log ? log->high_watermark() : partition.high_watermark);
        const Offset start = log ? log->start_offset() : partition.log_start;
        if (log ? start > log->first_file_offset() : start > 0) log_starts.add(name, start);
        if (const auto to = log ? log->cleaned_to() : partition.cleaned_to) cleaned.add(name, *to);
    };
    for (const auto& [name, partition] : partitions) add(name, partition);
    for (const auto& [name, partition] : futures) add(name, partition);
    return {recovery_points.finish(), log_starts.finish(), high_watermarks.finish(),
            cleaned.finish()};
}

Task<Result<void>> LogManager::State::write_checkpoints(size_t directory) {
    std::vector<std::pair<TopicPartition, Offset>> saved;
    for (const auto& [name, partition] : partitions)
        if (partition.directory == directory && partition.log && partition.log->wants_checkpoint())
            saved.emplace_back(name, partition.log->recovery_point());
    const Written texts = checkpoint_texts(directory);
    const std::string& path = directories[directory].path;
    Written& last = written[directory];
    struct File {
        std::string_view name;
        const std::string& text;
        std::string& last;
    };
    const std::array files{File{kLogStartName, texts.log_starts, last.log_starts},
                           File{kHighWatermarkName, texts.high_watermarks, last.high_watermarks},
                           File{kCleanerName, texts.cleaned, last.cleaned},
                           File{kRecoveryPointName, texts.recovery_points, last.recovery_points}};
    for (const File& file : files) {
        if (file.text == file.last) continue;
        auto done = co_await disk.replace_file(join_path(path, file.name), file.text);
        if (!done) co_return storage_error(std::move(done).error());
        file.last = file.text;
    }
    for (const auto& [name, recovery_point] : saved)
        if (const auto at = partitions.find(name); at != partitions.end() && at->second.log)
            at->second.log->checkpointed(recovery_point);
    co_return {};
}

Task<Result<void>> LogManager::State::checkpoint() {
    // Two at once would write the same temporary files.
    const auto guard = co_await checkpointing.lock();
    Result<void> result;
    for (size_t i = 0; i < directories.size(); ++i) {
        if (directories[i].failed()) continue;
        // A directory that fails now takes only its own partitions with it.
        if (auto done = co_await write_checkpoints(i); !done && !directories[i].failed())
            result = std::move(done);
    }
    co_return result;
}

Result<bool> LogManager::State::holds_records(const TopicPartition& name) const {
    const auto found = partitions.find(name);
    if (found == partitions.end()) return false;
    TRY(const auto entries, disk.list(path_of(name, found->second)));
    return std::ranges::any_of(
        entries, [](const auto& entry) { return parse_offset_file(entry.name).has_value(); });
}

Task<Result<void>> LogManager::State::recover_one(TopicPartition name, TimestampMs now) {
    const auto found = partitions.find(name);
    if (found == partitions.end() || found->second.clean || found->second.log) co_return {};
    if (failed(found->second)) co_return {};
    CO_TRY(const bool records, holds_records(name));
    if (records) {
        const auto opened = co_await open(std::move(name), now);
        if (!opened) co_return opened.error();
    } else {
        found->second.clean = true;
    }
    co_return {};
}

Task<void> LogManager::State::recover_some(size_t count, TimestampMs now) {
    for (; count > 0 && !unrecovered.empty(); --count) {
        const TopicPartition name = std::move(unrecovered.back());
        unrecovered.pop_back();
        if (const auto done = co_await recover_one(name, now); !done)
            LOG_ERROR("storage", "cannot recover: {}", done.error().describe());
    }
}

Task<void> LogManager::State::work_off(std::vector<TopicPartition>& names, LogWork work,
                                       TimestampMs now) {
    while (!names.empty()) {
        TopicPartition name = std::move(names.back());
        names.pop_back();
        co_await (this->*work)(std::move(name), now);
    }
}

Task<void> LogManager::State::for_each_log(std::vector<TopicPartition>& names, size_t at_once,
                                           LogWork work, TimestampMs now) {
    std::vector<Task<void>> tasks;
    for (size_t i = std::min(at_once, names.size()); i > 0; --i)
        tasks.push_back(work_off(names, work, now));
    co_await runtime::all(runtime::Loop::current(), std::move(tasks));
}

Task<void> LogManager::State::save_log(TopicPartition name, TimestampMs now) {
    const auto found = partitions.find(name);
    if (found == partitions.end() || !found->second.log) co_return;
    // It stays even when it is removed meanwhile: maintain() buries it later.
    Log& log = *found->second.log;
    const bool keys = log.wants_save_keys();
    const auto done = log.wants_save(now) ? co_await log.save() : co_await log.flush();
    if (!done) LOG_ERROR("storage", "cannot flush: {}", done.error().describe());
    if (!done || !keys) co_return;
    if (const auto saved = co_await log.save_keys(); !saved)
        LOG_ERROR("storage", "cannot save the index of keys: {}", saved.error().describe());
}

Task<void> LogManager::State::save_logs(TimestampMs now) {
    std::vector<TopicPartition> due;
    open_logs.for_each([&](const Log& log) {
        if (log.wants_save(now) || log.flush_due(now) || log.wants_save_keys())
            due.push_back(log.partition());
    });
    co_await for_each_log(due, kSavesAtOnce, &State::save_log, now);
}

// Whether a partition whose log is not open must be looked at by retention and compaction.
bool LogManager::State::wants_upkeep(const TopicPartition& name, const Partition& partition,
                                     TimestampMs now,
                                     std::unordered_map<std::string, LogConfig>& configs) const {
    if (!partition.summary) {
        const auto records = holds_records(name);
        return records && *records;
    }
    auto known = configs.find(name.topic);
    if (known == configs.end()) known = configs.emplace(name.topic, config_of(name.topic)).first;
    return partition.summary->wants_upkeep(known->second, now);
}

Task<void> LogManager::State::retain_some(size_t count, TimestampMs now) {
    std::unordered_map<std::string, LogConfig> configs;
    for (; count > 0 && !unchecked.empty(); --count) {
        const TopicPartition name = std::move(unchecked.back());
        unchecked.pop_back();
        const auto found = partitions.find(name);
        if (found == partitions.end() || failed(found->second)) continue;
        const bool was_open = found->second.log != nullptr;
        if (!was_open && !wants_upkeep(name, found->second, now, configs)) continue;
        const auto opened = co_await open(name, now);
        if (!opened) {
            LOG_ERROR("storage", "cannot open: {}", opened.error().describe());
            continue;
        }
        (*opened)->set_config(config_of(name.topic));
        (*opened)->expire_producers(now);
        if (const auto done = co_await (*opened)->apply_retention(now); !done)
            LOG_ERROR("storage", "cannot apply retention: {}", done.error().describe());
        if (!was_open && config.idle_ms > 0) co_await close_if_idle(name, now);
    }
}

Task<void> LogManager::State::close_idle(TimestampMs now) {
    if (config.idle_ms <= 0) co_return;
    const int64_t round_ms = std::max<int64_t>(1, config.idle_ms / kIdleLooks);
    std::vector<TopicPartition> unused;
    for (size_t count = 0; count < kIdleLooksPerCall && !open_logs.empty(); ++count) {
        Log& log = open_logs.front();
        if (const int64_t waited = now - log.looked_at(); waited >= 0 && waited < round_ms) break;
        log.unlink();
        open_logs.push_back(log);
        if (log.unused_ms(now) >= config.idle_ms) unused.push_back(log.partition());
    }
    co_await for_each_log(unused, kSavesAtOnce, &State::close_if_idle, now);
}

// A log is made ready to be closed while it stays open; then, without a wait, it is looked at
// whether it still is, and is closed.
Task<void> LogManager::State::close_if_idle(TopicPartition name, TimestampMs now) {
    auto found = partitions.find(name);
    if (found == partitions.end() || !found->second.log || futures.contains(name)) co_return;
    Log& log = *found->second.log;
    if (log.unused_ms(now) < config.idle_ms || !log.idle()) co_return;
    const auto summary = co_await log.rest(now);
    if (!summary) {
        LOG_WARN("storage", "{}-{} stays open: {}", name.topic, name.partition,
                 summary.error().describe());
        co_return;
    }
    found = partitions.find(name);
    if (found == partitions.end() || found->second.log.get() != &log || futures.contains(name))
        co_return;
    if (summary->cleanable_at <= now || log.unused_ms(now) < config.idle_ms || !log.at_rest())
        co_return;
    if (lets_go && !lets_go(name))
        log.note_use();
    else
        put_away(found->second, *summary);
}

void LogManager::State::put_away(Partition& partition, const LogSummary& summary) {
    const Log& log = *partition.log;
    partition.recovery_point = log.recovery_point();
    partition.high_watermark = log.high_watermark();
    // Where the first file says it, nothing else must; an empty log may have none.
    const bool told = log.start_offset() == log.first_file_offset() && log.size_bytes() > 0;
    partition.log_start = told ? 0 : log.start_offset();
    partition.cleaned_to = log.cleaned_to();
    partition.is_new = log.new_directory();
    partition.summary = summary;
    partition.log.reset();
    ++put_away_count;
}

void LogManager::State::bury_removed(TimestampMs now) {
    std::erase_if(removed, [&](const Removed& r) { return r.due <= now && r.log->idle(); });
}

Task<void> LogManager::maintain(TimestampMs now) {
    State& s = *state_;
    s.look_at_directories(now);
    s.bury_removed(now);
    co_await s.shard.delete_due(now, kDeletionsPerCall);
    for (const auto& journal : s.journals)
        if (journal) co_await journal->maintain(now);
    co_await s.recover_some(kRecoveriesPerCall, now);
    co_await s.save_logs(now);
    if (now >= s.next_retention) {
        s.next_retention = now + s.config.retention_check_ms;
        s.unchecked = partitions();
    }
    co_await s.retain_some(kRetentionsPerCall, now);
    co_await s.close_idle(now);
    if (now < s.next_checkpoint) co_return;
    s.next_checkpoint = now + s.config.checkpoint_ms;
    if (const auto done = co_await s.checkpoint(); !done)
        LOG_ERROR("storage", "cannot write checkpoints: {}", done.error().describe());
}

Task<Result<void>> LogManager::checkpoint() {
    co_return co_await state_->checkpoint();
}

// For stop(): a log that cannot be closed makes its directory an unclean one.
Task<void> LogManager::State::close_log(TopicPartition name, TimestampMs now) {
    Result<void> closed = co_await recover_one(name, now);
    const auto found = partitions.find(name);
    if (found == partitions.end() || failed(found->second)) co_return;
    const size_t directory = found->second.directory;
    if (closed && found->second.log) closed = co_await found->second.log->close();
    if (closed || directories[directory].failed()) co_return;
    LOG_ERROR("storage", "cannot close cleanly: {}", closed.error().describe());
    closed_cleanly[directory] = false;
}

size_t LogManager::logs_to_close() const {
    return state_->to_close.size();
}

Task<Result<void>> LogManager::stop(int64_t broker_epoch, TimestampMs now) {
    State& s = *state_;
    // A directory is clean only if every log in it is: what a crash left is recovered first. One
    // that cannot be makes the next start an unclean one.
    std::vector<bool>& clean = s.closed_cleanly;
    clean.assign(s.directories.size(), true);
    for (const auto& [name, partition] : s.partitions) s.to_close.push_back(name);
    co_await s.for_each_log(s.to_close, kClosesAtOnce, &State::close_log, now);
    for (auto& [name, future] : s.futures)
        if (future.log && !s.failed(future))
            if (const auto closed = co_await future.log->close(); !closed)
                clean[future.directory] = false;
    CO_TRY_OK(co_await s.checkpoint());
    for (size_t i = 0; i < s.directories.size(); ++i) {
        if (s.directories[i].failed()) continue;
        // While a log needs the journal, the stop is not a clean one.
        if (clean[i] && s.journals[i])
            if (const auto closed = co_await s.journals[i]->close(); !closed) {
                LOG_ERROR("storage", "cannot stop cleanly: {}", closed.error().describe());
                clean[i] = false;
            }
        if (!clean[i]) continue;
        const std::string path = join_path(s.directories[i].path, kCleanShutdownName);
        auto done = co_await s.disk.replace_file(path, format_clean_shutdown(broker_epoch));
        if (!done) co_return storage_error(std::move(done).error());
    }
    s.locks.clear();
    co_return {};
}

}  // namespace millrace::storage
