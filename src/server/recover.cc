#include "server/recover.h"

#include <algorithm>

#include "base/log.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/scope.h"
#include "runtime/stderr_sink.h"
#include "server/log_output.h"
#include "storage/file_names.h"
#include "storage/journal_replay.h"
#include "storage/log_manager.h"

namespace millrace::server {
namespace {

using runtime::Task;

constexpr size_t kBlockingThreads = 4;
constexpr Duration kProgressEvery = std::chrono::seconds(1);

// Holes between segments are what compaction leaves, and what the topics' configurations are is not
// looked up here: nothing is dropped because of one.
storage::LogConfig keep_all(const std::string&) {
    return {.cleanup_compact = true, .retention_ms = storage::kUnlimited};
}

struct Recovered {
    std::string path;
    bool needed = true;  // false: it was cleanly stopped, and nothing was touched
    bool clean = false;  // is now marked as cleanly stopped
    std::string failure;
    size_t partitions = 0;
    uint64_t groups = 0, entries = 0, bytes = 0;  // of the journal
    std::vector<std::string> problems;
};

// Only what a node has formatted: anything else would be marked as a log directory here.
Result<void> check_directory(runtime::Disk& disk, const std::string& path) {
    const auto info = disk.info(path);
    if (!info && info.code() != ErrorCode::not_found) return std::move(info).error();
    if (!info) return fail(ErrorCode::not_found, path + " does not exist");
    if (!info->is_directory) return fail(ErrorCode::not_found, path + " is no directory");
    const auto meta = disk.info(storage::join_path(path, storage::kMetaPropertiesName));
    if (meta.code() == ErrorCode::not_found)
        return fail(ErrorCode::not_found,
                    fmt::format("{} is no log directory: there is no {} in it", path,
                                storage::kMetaPropertiesName));
    if (!meta) return std::move(meta).error();
    return {};
}

// Whether there is something to do; refuses a directory that somebody uses.
Result<bool> needs_recovery(runtime::Disk& disk, const std::string& path) {
    TRY_OK(check_directory(disk, path));
    TRY(const auto lock, disk.lock(storage::join_path(path, storage::kLockName)));
    const auto clean = disk.info(storage::join_path(path, storage::kCleanShutdownName));
    if (!clean && clean.code() != ErrorCode::not_found) return std::move(clean).error();
    TRY(const auto names, disk.list(path));
    return !clean || std::ranges::any_of(names, [](const runtime::DirEntry& entry) {
        return storage::is_journal_file(entry.name);
    });
}

// Opening recovers; what fails here fails again at the stop, which then is no clean one.
Task<void> open_all(runtime::Loop& loop, storage::LogManager& logs) {
    const std::vector<TopicPartition> partitions = logs.partitions();
    runtime::TimePoint next_word = loop.now() + kProgressEvery;
    for (size_t done = 0; done != partitions.size(); ++done) {
        const TopicPartition& partition = partitions[done];
        if (loop.now() >= next_word) {
            next_word = loop.now() + kProgressEvery;
            fmt::print(stderr, "millrace: {} of {} partitions recovered\n", done,
                       partitions.size());
        }
        const auto records = logs.holds_records(partition);
        if (records && !*records) continue;
        if (const auto log = co_await logs.open(partition, loop.wall_ms()); !log)
            LOG_ERROR("server", "cannot recover: {}", log.error().describe());
    }
}

// Closing syncs each log, which takes most of the time.
Task<void> tell_of_closing(runtime::Loop& loop, const storage::LogManager& logs) {
    const size_t all = logs.partitions().size();
    for (;;) {
        co_await loop.sleep_for(kProgressEvery);
        fmt::print(stderr, "millrace: {} of {} partitions synced\n", all - logs.logs_to_close(),
                   all);
    }
}

Recovered summary_of(runtime::Disk& disk, const storage::LogManager& logs, size_t index) {
    const storage::LogDirectory& directory = logs.directories()[index];
    const std::string clean = storage::join_path(directory.path, storage::kCleanShutdownName);
    Recovered out{.path = directory.path,
                  .clean = disk.info(clean).has_value(),
                  .failure = directory.failure,
                  .groups = directory.replayed_groups,
                  .entries = directory.replayed_entries,
                  .bytes = directory.replayed_bytes,
                  .problems = directory.replay_problems};
    for (const TopicPartition& partition : logs.partitions())
        if (logs.directory_of(partition) == index) ++out.partitions;
    for (const std::string& damage : logs.damage())
        if (damage.starts_with(directory.path + "/")) out.problems.push_back(damage);
    return out;
}

Task<Result<std::vector<Recovered>>> run(runtime::Loop& loop, runtime::Disk& disk,
                                         RecoverOptions options) {
    std::vector<Recovered> recovered;
    storage::LogManagerConfig config;
    config.all_directories = false;
    for (std::string& path : options.directories) {
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        CO_TRY(const bool needed, needs_recovery(disk, path));
        if (needed)
            config.directories.push_back(path);
        else
            recovered.push_back({.path = path, .needed = false, .clean = true});
    }
    if (config.directories.empty()) co_return recovered;
    CO_TRY(auto logs, co_await storage::LogManager::start(disk, loop.rng(), std::move(config),
                                                          keep_all, loop.wall_ms()));
    co_await open_all(loop, *logs);
    {
        runtime::DroppingScope beside{loop};
        beside.spawn(tell_of_closing(loop, *logs));
        CO_TRY_OK(co_await logs->stop(-1, loop.wall_ms()));
    }
    for (size_t i = 0; i != logs->directories().size(); ++i)
        recovered.push_back(summary_of(disk, *logs, i));
    co_return recovered;
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<int>(c));
        else
            out += c;
    }
    return out + '"';
}

void print_json(const std::vector<Recovered>& all) {
    std::vector<std::string> rows;
    for (const Recovered& r : all) {
        std::vector<std::string> problems;
        for (const std::string& problem : r.problems) problems.push_back(json_text(problem));
        rows.push_back(fmt::format(
            R"({{"directory":{},"was_clean":{},"clean":{},"failure":{},"partitions":{},)"
            R"("journal_groups":{},"journal_entries":{},"bytes_written":{},"problems":[{}]}})",
            json_text(r.path), !r.needed, r.clean, json_text(r.failure), r.partitions, r.groups,
            r.entries, r.bytes, fmt::join(problems, ",")));
    }
    fmt::print("[{}]\n", fmt::join(rows, ","));
}

void print_text(const std::vector<Recovered>& all) {
    for (const Recovered& r : all) {
        if (!r.needed) {
            fmt::print("{}: nothing to do, it was stopped cleanly\n", r.path);
            continue;
        }
        if (!r.failure.empty())
            fmt::print("{}: NOT recovered: {}\n", r.path, r.failure);
        else if (!r.clean)
            fmt::print("{}: NOT recovered, the messages above say why\n", r.path);
        else
            fmt::print(
                "{}: {} partitions are recovered, the directory is marked as cleanly "
                "stopped\n",
                r.path, r.partitions);
        if (r.groups != 0)
            fmt::print(
                "  the journal had {} appends in {} groups; {} bytes of them were not in "
                "their segments\n",
                r.entries, r.groups, r.bytes);
        for (const std::string& problem : r.problems) fmt::print("  damaged: {}\n", problem);
    }
}

}  // namespace

int recover(const RecoverOptions& options) {
    log::set_sink(log_sink(LogFormat::text, runtime::system_wall_ms, runtime::write_stderr));
    runtime::LinuxLoop loop;
    runtime::BlockingPool pool(kBlockingThreads);
    runtime::LinuxDisk disk(pool);
    const auto recovered = loop.run_for_result(run(loop, disk, options));
    if (!recovered) {
        const Error& error = recovered.error();
        fmt::print(stderr, "millrace: {}\n",
                   error.message.empty() ? std::string{error_text(error.code)} : error.message);
        return 1;
    }
    if (options.json)
        print_json(*recovered);
    else
        print_text(*recovered);
    int status = 0;
    for (const Recovered& r : *recovered) {
        if (!r.clean) return 1;
        if (!r.problems.empty()) status = 2;
    }
    return status;
}

}  // namespace millrace::server
