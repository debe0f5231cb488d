#include "server/recover.h"

#include "base/log.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/stderr_sink.h"
#include "server/log_output.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"

namespace millrace::server {
namespace {

constexpr size_t kBlockingThreads = 4;
constexpr size_t kProgressEvery = 1000;

// Holes between segments are what compaction leaves, and what the topics' configurations are is not
// looked up here: nothing is dropped because of one.
storage::LogConfig keep_all(const std::string&) {
    return {.cleanup_compact = true, .retention_ms = storage::kUnlimited};
}

struct Recovered {
    storage::LogDirectory directory;
    size_t partitions = 0;
    bool clean = false;  // is now marked as cleanly stopped
};

runtime::Task<Result<std::vector<Recovered>>> run(runtime::Loop& loop, runtime::Disk& disk,
                                                  RecoverOptions options) {
    for (const std::string& path : options.directories) {
        const auto info = disk.info(path);
        if (!info || !info->is_directory)
            co_return fail(ErrorCode::not_found, path + " is no directory");
    }
    storage::LogManagerConfig config;
    config.directories = options.directories;
    CO_TRY(auto logs, co_await storage::LogManager::start(disk, loop.rng(), std::move(config),
                                                          keep_all, loop.wall_ms()));
    std::vector<Recovered> recovered;
    for (const storage::LogDirectory& directory : logs->directories())
        recovered.push_back({.directory = directory});
    const std::vector<TopicPartition> partitions = logs->partitions();
    size_t done = 0;
    for (const TopicPartition& partition : partitions) {
        const size_t directory = logs->directory_of(partition).value_or(0);
        ++recovered[directory].partitions;
        // Opening recovers; what fails here fails again at the stop, which then is no clean one.
        if (const auto log = co_await logs->open(partition, loop.wall_ms()); !log)
            LOG_ERROR("server", "cannot recover: {}", log.error().describe());
        if (++done % kProgressEvery == 0 || done == partitions.size())
            fmt::print(stderr, "millrace: {} of {} partitions looked at\n", done,
                       partitions.size());
    }
    CO_TRY_OK(co_await logs->stop(-1, loop.wall_ms()));
    for (Recovered& r : recovered)
        r.clean = disk.info(storage::join_path(r.directory.path, storage::kCleanShutdownName))
                      .has_value();
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
        for (const std::string& problem : r.directory.replay_problems)
            problems.push_back(json_text(problem));
        rows.push_back(fmt::format(
            R"({{"directory":{},"was_clean":{},"clean":{},"partitions":{},"journal_groups":{},)"
            R"("journal_entries":{},"bytes_written":{},"problems":[{}]}})",
            json_text(r.directory.path), r.directory.clean, r.clean, r.partitions,
            r.directory.replayed_groups, r.directory.replayed_entries, r.directory.replayed_bytes,
            fmt::join(problems, ",")));
    }
    fmt::print("[{}]\n", fmt::join(rows, ","));
}

void print_text(const std::vector<Recovered>& all) {
    for (const Recovered& r : all) {
        fmt::print("{}: {} partitions, {}\n", r.directory.path, r.partitions,
                   r.clean ? "now cleanly stopped" : "NOT clean, see the messages above");
        if (r.directory.clean && r.directory.replayed_groups == 0)
            fmt::print("  it was stopped cleanly before\n");
        fmt::print("  journal: {} groups, {} entries; {} bytes were not in their segments\n",
                   r.directory.replayed_groups, r.directory.replayed_entries,
                   r.directory.replayed_bytes);
        for (const std::string& problem : r.directory.replay_problems)
            fmt::print("  problem: {}\n", problem);
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
        if (!r.directory.replay_problems.empty()) status = 2;
    }
    return status;
}

}  // namespace millrace::server
