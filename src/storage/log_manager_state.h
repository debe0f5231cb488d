// The inside of a LogManager, shared by log_manager.cc (partitions) and log_manager_work.cc
// (checkpoints, background work, stop). Nothing outside includes it.
#pragma once

#include <list>
#include <memory_resource>
#include <unordered_map>

#include "runtime/event.h"
#include "runtime/scope.h"
#include "storage/checkpoint_files.h"
#include "storage/file_names.h"
#include "storage/journal.h"
#include "storage/journal_replay.h"
#include "storage/log_manager.h"
#include "storage/log_summary.h"
#include "storage/shard.h"

namespace millrace::storage {

struct LogManager::State final : Checkpoints, runtime::DeviceObserver {
    State(runtime::Disk& disk_used, Rng& rng_used, LogManagerConfig config_used, ConfigOf topics)
        : disk(disk_used),
          rng(rng_used),
          config(std::move(config_used)),
          config_of(std::move(topics)),
          shard(disk, {config.open_files_max, config.tail_cache_bytes, config.index_cache_bytes,
                       config.unflushed_bytes_max, config.unflushed_ms_max}) {
        shard.checkpoints = this;
        disk.observe_devices(this);
    }
    ~State() override {
        disk.observe_devices(nullptr);
        for (const auto& journal : journals)
            if (journal) journal->abandon();
    }

    struct Partition {
        size_t directory = 0;
        // From the checkpoint files, or from the log as it was closed; an open one knows better.
        Offset recovery_point = 0;
        Offset log_start = 0;
        Offset high_watermark = 0;
        std::optional<Offset> cleaned_to;
        bool clean = true;    // needs no recovery
        bool is_new = false;  // its directory may not be durable yet
        std::unique_ptr<Log> log;
        std::optional<LogSummary> summary;        // none: was not open since the start, or is now
        std::shared_ptr<runtime::Event> opening;  // set when the open that is under way has ended
    };
    // The offset checkpoints of a directory, as they were written last.
    struct Written {
        std::string recovery_points;
        std::string log_starts;
        std::string high_watermarks;
        std::string cleaned;
    };
    struct Removed {
        std::unique_ptr<Log> log;
        TimestampMs due;
    };

    runtime::Disk& disk;
    Rng& rng;
    const LogManagerConfig config;
    const ConfigOf config_of;
    Shard shard;
    std::vector<LogDirectory> directories;
    std::vector<std::unique_ptr<Journal>> journals;  // one for each directory; null = none
    std::vector<std::shared_ptr<void>> locks;
    // Partitions stay, what their logs have goes: in pages of their own, so that those can go back
    // to the system.
    std::pmr::unsynchronized_pool_resource partition_memory{
        {.max_blocks_per_chunk = 4096, .largest_required_pool_block = 1024}};
    struct Name {
        std::pmr::string topic;
        PartitionIndex partition;
        operator TopicPartition() const { return {std::string{topic}, partition}; }
    };
    struct NameHash {
        using is_transparent = void;
        size_t operator()(const auto& name) const {
            return std::hash<std::string_view>{}(name.topic) * 31 +
                   static_cast<size_t>(name.partition);
        }
    };
    struct NameEqual {
        using is_transparent = void;
        bool operator()(const auto& a, const auto& b) const {
            return a.partition == b.partition && std::string_view{a.topic} == b.topic;
        }
    };
    std::pmr::unordered_map<Name, Partition, NameHash, NameEqual> partitions{&partition_memory};
    Name own(const TopicPartition& name) {
        return {std::pmr::string{name.topic, &partition_memory}, name.partition};
    }
    std::unordered_map<TopicPartition, Partition> futures;
    std::unordered_map<TopicPartition, std::string> future_names;  // of their directories
    // Of `partitions`. unused_ms() was called longest ago for the first one.
    runtime::List<Log> open_logs;
    LetsGo lets_go;
    uint64_t put_away_count = 0;
    runtime::Signal directory_failed;
    std::list<Removed> removed;
    std::vector<Written> written;
    std::vector<TopicPartition> unrecovered;  // to be opened by maintain()
    std::vector<TopicPartition> to_close;     // by stop()
    std::vector<bool> closed_cleanly;         // of each directory, by stop()
    runtime::AsyncMutex checkpointing;
    std::vector<TopicPartition> unchecked;  // partitions that this round of retention has not seen
    TimestampMs next_checkpoint = 0;
    TimestampMs next_retention = 0;

    std::string path_of(const TopicPartition& name, const Partition& partition) const {
        return join_path(directories[partition.directory].path, partition_directory_name(name));
    }

    bool failed(const Partition& partition) const {
        return directories[partition.directory].failed();
    }

    // log_manager_directories.cc
    void device_failed(const std::string& path, const Error& error) override;
    void fail_directory(size_t index, std::string_view why);
    void look_at_directories(TimestampMs now);
    Result<void> take_in_futures(size_t directory, const std::vector<runtime::DirEntry>& names);
    Result<void> settle_futures(TimestampMs now);
    Result<void> check_directory(size_t index) const;

    // log_manager.cc
    runtime::Task<Result<void>> start_directory(std::string path, TimestampMs now);
    runtime::Task<Result<std::set<std::string>>> replay(
        LogDirectory& directory, const std::vector<runtime::DirEntry>& names);
    Result<void> take_in(size_t directory, const std::vector<runtime::DirEntry>& names,
                         const std::set<std::string>& replayed);
    runtime::Task<Result<Log*>> open(TopicPartition name, TimestampMs now);
    Result<void> take_away(const TopicPartition& name, std::string_view mark, TimestampMs now);

    // log_manager_work.cc
    runtime::Task<Result<void>> checkpoint() override;
    runtime::Task<Result<void>> write_checkpoints(size_t directory);
    Written checkpoint_texts(size_t directory) const;
    Result<bool> holds_records(const TopicPartition& name) const;
    runtime::Task<Result<void>> recover_one(TopicPartition name, TimestampMs now);
    runtime::Task<void> recover_some(size_t count, TimestampMs now);
    runtime::Task<void> save_logs(TimestampMs now);
    runtime::Task<void> save_log(TopicPartition name, TimestampMs now);
    runtime::Task<void> retain_some(size_t count, TimestampMs now);
    bool wants_upkeep(const TopicPartition& name, const Partition& partition, TimestampMs now,
                      std::unordered_map<std::string, LogConfig>& configs) const;
    runtime::Task<void> close_idle(TimestampMs now);
    runtime::Task<void> close_if_idle(TopicPartition name, TimestampMs now);
    void put_away(Partition& partition, const LogSummary& summary);
    void bury_removed(TimestampMs now);
    runtime::Task<void> close_log(TopicPartition name, TimestampMs now);
    // Work on each of `names`, which it empties, on some of them at once.
    using LogWork = runtime::Task<void> (State::*)(TopicPartition, TimestampMs);
    runtime::Task<void> for_each_log(std::vector<TopicPartition>& names, size_t at_once,
                                     LogWork work, TimestampMs now);
    runtime::Task<void> work_off(std::vector<TopicPartition>& names, LogWork work, TimestampMs now);
};

}  // namespace millrace::storage
