#include "storage/log_manager.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/log_manager_state.h"
#include "storage/segment.h"

namespace millrace::storage {
namespace {

using runtime::Task;

constexpr size_t kCheckpointBytesMax = size_t{1} << 30;
constexpr size_t kPropertiesBytesMax = 1 << 20;

// A small file's content; none when it is not there.
Result<std::optional<std::string>> read_optional(runtime::Disk& disk, const std::string& path,
                                                 size_t size_max) {
    auto text = disk.read_file(path, size_max);
    if (text) return std::optional{*std::move(text)};
    if (text.code() == ErrorCode::not_found) return std::optional<std::string>{};
    return storage_error(std::move(text).error());
}

Error in_file(std::string_view path, const Error& cause) {
    return fail(ErrorCode::kafka_storage_error, fmt::format("{}: {}", path, cause.describe()));
}

Result<OffsetMap> read_offsets(runtime::Disk& disk, const std::string& path) {
    TRY(const auto text, read_optional(disk, path, kCheckpointBytesMax));
    if (!text) return OffsetMap{};
    auto offsets = parse_offset_checkpoint(*text);
    if (!offsets) return in_file(path, offsets.error());
    return offsets;
}

Offset offset_or_zero(const OffsetMap& offsets, const TopicPartition& partition) {
    const auto found = offsets.find(partition);
    return found == offsets.end() ? 0 : found->second;
}

}  // namespace

LogManager::LogManager(std::unique_ptr<State> state) : state_(std::move(state)) {}
LogManager::~LogManager() = default;

Task<Result<void>> LogManager::State::start_directory(std::string path, TimestampMs now) {
    if (auto made = disk.make_directories(path); !made) co_return storage_error(made.error());
    auto lock = disk.lock(join_path(path, kLockName));
    if (lock.code() == ErrorCode::already_exists) co_return std::move(lock).error();
    if (!lock) co_return storage_error(std::move(lock).error());
    locks.push_back(*std::move(lock));

    LogDirectory directory{
        .path = path, .room = std::make_shared<DiskRoom>(disk, path, config.disk_reserve_bytes)};
    CO_TRY_OK(directory.room->look(now));
    const std::string meta_path = join_path(path, kMetaPropertiesName);
    CO_TRY(const auto meta, read_optional(disk, meta_path, kPropertiesBytesMax));
    if (meta) {
        auto parsed = MetaProperties::parse(*meta);
        if (!parsed) co_return in_file(meta_path, parsed.error());
        directory.meta = *std::move(parsed);
    }
    const std::string clean_path = join_path(path, kCleanShutdownName);
    CO_TRY(const auto clean, read_optional(disk, clean_path, kPropertiesBytesMax));
    if (clean) {
        directory.clean = true;
        // Only the broker epoch would be lost with it.
        if (const auto epoch = parse_clean_shutdown(*clean)) directory.broker_epoch = *epoch;
    }
    auto names = disk.list(path);
    if (!names) co_return storage_error(names.error());
    for (const runtime::DirEntry& entry : *names)
        if (entry.is_directory && is_marked_directory(entry.name, "-delete"))
            shard.delete_later(join_path(path, entry.name), now);
    CO_TRY(const auto replayed, co_await replay(directory, *names));
    directories.push_back(std::move(directory));
    written.emplace_back();
    co_return take_in(directories.size() - 1, *names, replayed);
}

// The answer is the names of the partitions that need recovery whatever the last stop was.
Task<Result<std::set<std::string>>> LogManager::State::replay(
    LogDirectory& directory, const std::vector<runtime::DirEntry>& names) {
    // Our own clean stop leaves none: Apache Kafka ran here after a crash of ours, and may have
    // written where the entries would go.
    if (directory.clean)
        for (const runtime::DirEntry& entry : names) {
            if (entry.is_directory || !is_journal_file(entry.name)) continue;
            const std::string path = join_path(directory.path, entry.name);
            LOG_WARN("storage", "{} is dropped: it is older than the last clean stop", path);
            if (auto gone = disk.remove(path); !gone) co_return storage_error(gone.error());
        }
    auto replayed = co_await replay_journal(
        disk, directory.path, directory.clean ? std::vector<runtime::DirEntry>{} : names);
    if (!replayed) co_return storage_error(std::move(replayed).error());
    for (const std::string& problem : replayed->problems) LOG_WARN("storage", "{}", problem);
    if (!replayed->found.files.empty())
        LOG_INFO("storage", "{}: replayed {} groups of the journal, {} bytes were not in place",
                 directory.path, replayed->groups, replayed->bytes_written);
    directory.replayed_groups = replayed->groups;
    directory.replayed_entries = replayed->entries;
    directory.replayed_bytes = replayed->bytes_written;
    directory.replay_problems = std::move(replayed->problems);
    auto journal =
        std::make_unique<Journal>(disk, runtime::Loop::current(), directory.path,
                                  JournalLimits{config.journal_bytes, config.journal_memory_bytes},
                                  std::move(replayed->found));
    // Without one, the files go as soon as what they held is safe.
    if (config.journal_bytes == 0) {
        CO_TRY_OK(co_await journal->close());
        journal.reset();
    } else if (auto done = co_await journal->take_back(std::move(replayed->dropped)); !done) {
        co_return storage_error(std::move(done).error());
    }
    journals.push_back(std::move(journal));
    co_return std::move(replayed->directories);
}

Result<void> LogManager::State::take_in(size_t directory,
                                        const std::vector<runtime::DirEntry>& names,
                                        const std::set<std::string>& replayed) {
    const std::string& path = directories[directory].path;
    TRY(const auto recovery_points, read_offsets(disk, join_path(path, kRecoveryPointName)));
    TRY(const auto log_starts, read_offsets(disk, join_path(path, kLogStartName)));
    TRY(const auto high_watermarks, read_offsets(disk, join_path(path, kHighWatermarkName)));
    TRY(const auto cleaned, read_offsets(disk, join_path(path, kCleanerName)));
    for (const runtime::DirEntry& entry : names) {
        if (!entry.is_directory) continue;
        const auto name = parse_partition_directory(entry.name);
        if (!name || name->topic == kMetadataTopic) continue;
        const auto [at, is_new] = partitions.try_emplace(own(*name));
        Partition& partition = at->second;
        if (!is_new)
            return fail(ErrorCode::invalid_config,
                        fmt::format("{} is in {} and in {}", entry.name,
                                    directories[partition.directory].path, path));
        partition.directory = directory;
        partition.recovery_point = offset_or_zero(recovery_points, *name);
        partition.log_start = offset_or_zero(log_starts, *name);
        partition.high_watermark = offset_or_zero(high_watermarks, *name);
        if (const auto found = cleaned.find(*name); found != cleaned.end())
            partition.cleaned_to = found->second;
        partition.clean = directories[directory].clean && !replayed.contains(entry.name);
        if (!partition.clean) unrecovered.push_back(*name);
    }
    TRY_OK(take_in_futures(directory, names));
    // From here on a crash must not look like the clean stop that was.
    if (directories[directory].clean)
        if (auto gone = disk.remove(join_path(path, kCleanShutdownName)); !gone)
            return storage_error(gone.error());
    return {};
}

Result<void> LogManager::State::take_in_futures(size_t directory,
                                                const std::vector<runtime::DirEntry>& names) {
    const std::string& path = directories[directory].path;
    for (const runtime::DirEntry& entry : names) {
        const auto name = entry.is_directory ? parse_future_directory(entry.name) : std::nullopt;
        if (!name) continue;
        TRY(const auto recovery_points, read_offsets(disk, join_path(path, kRecoveryPointName)));
        TRY(const auto log_starts, read_offsets(disk, join_path(path, kLogStartName)));
        TRY(const auto high_watermarks, read_offsets(disk, join_path(path, kHighWatermarkName)));
        futures[*name] = {.directory = directory,
                          .recovery_point = offset_or_zero(recovery_points, *name),
                          .log_start = offset_or_zero(log_starts, *name),
                          .high_watermark = offset_or_zero(high_watermarks, *name),
                          .clean = false};
        future_names[*name] = entry.name;
    }
    return {};
}

Task<Result<std::unique_ptr<LogManager>>> LogManager::start(runtime::Disk& disk, Rng& rng,
                                                            LogManagerConfig config,
                                                            ConfigOf config_of, TimestampMs now) {
    auto state = std::make_unique<State>(disk, rng, std::move(config), std::move(config_of));
    State& s = *state;
    for (const std::string& path : s.config.directories) {
        const size_t index = s.directories.size();
        auto started = co_await s.start_directory(path, now);
        if (started && s.directories[index].clean)
            if (auto synced = co_await disk.sync_directory(path); !synced)
                started = storage_error(synced.error());
        if (started) continue;
        if (started.code() != ErrorCode::kafka_storage_error) co_return started.error();
        if (s.directories.size() == index) {
            s.directories.push_back({.path = path});
            s.written.emplace_back();
        }
        s.journals.resize(s.directories.size());
        s.fail_directory(index, started.error().message);
    }
    if (std::ranges::all_of(s.directories, &LogDirectory::failed))
        co_return fail(ErrorCode::kafka_storage_error, s.directories.empty()
                                                           ? "no log directory is configured"
                                                           : s.directories.front().failure);
    CO_TRY_OK(s.settle_futures(now));
    s.next_checkpoint = now + s.config.checkpoint_ms;
    s.next_retention = now + s.config.retention_check_ms;
    co_return std::unique_ptr<LogManager>(new LogManager(std::move(state)));
}

void LogManager::set_holder(LetsGo lets_go) {
    state_->lets_go = std::move(lets_go);
}

uint64_t LogManager::logs_put_away() const {
    return state_->put_away_count;
}

const std::vector<LogDirectory>& LogManager::directories() const {
    return state_->directories;
}
const Journal* LogManager::journal(size_t index) const {
    return state_->journals[index].get();
}
Shard& LogManager::shard() {
    return state_->shard;
}
const std::vector<std::string>& LogManager::damage() const {
    return state_->shard.damage();
}
uint64_t LogManager::damages() const {
    return state_->shard.damages();
}

std::vector<TopicPartition> LogManager::partitions() const {
    std::vector<TopicPartition> names;
    names.reserve(state_->partitions.size());
    for (const auto& [name, partition] : state_->partitions) names.push_back(name);
    return names;
}

std::vector<TopicPartition> LogManager::opened() const {
    std::vector<TopicPartition> names;
    state_->open_logs.for_each([&](const Log& log) { names.push_back(log.partition()); });
    return names;
}

bool LogManager::contains(const TopicPartition& partition) const {
    return state_->partitions.contains(partition);
}

std::optional<size_t> LogManager::directory_of(const TopicPartition& partition) const {
    const auto found = state_->partitions.find(partition);
    if (found == state_->partitions.end()) return {};
    return found->second.directory;
}

Result<bool> LogManager::holds_records(const TopicPartition& partition) const {
    return state_->holds_records(partition);
}

LogConfig LogManager::config_of(const std::string& topic) const {
    return state_->config_of(topic);
}

Log* LogManager::find(const TopicPartition& partition) const {
    const auto found = state_->partitions.find(partition);
    return found == state_->partitions.end() ? nullptr : found->second.log.get();
}

Task<Result<Log*>> LogManager::State::open(TopicPartition name, TimestampMs now) {
    while (true) {
        const auto found = partitions.find(name);
        if (found == partitions.end())
            co_return fail(ErrorCode::not_found,
                           fmt::format("no log of {}-{}", name.topic, name.partition));
        Partition& partition = found->second;
        CO_TRY_OK(check_directory(partition.directory));
        if (partition.log) co_return partition.log.get();
        if (!partition.opening) break;
        const auto opening = partition.opening;
        co_await opening->wait();
    }
    const auto opening = std::make_shared<runtime::Event>();
    Partition& entry = partitions.find(name)->second;
    entry.opening = opening;
    LogOpen how{.directory = path_of(name, entry),
                .partition = name,
                .config = config_of(name.topic),
                .log_start = entry.log_start,
                .recovery_point = entry.recovery_point,
                .high_watermark = entry.high_watermark,
                .clean = entry.clean,
                // A run that was killed may not have got to syncing it.
                .new_directory = entry.is_new || !entry.clean,
                .journal = journals[entry.directory].get(),
                .now = now,
                .producer_id_expiration_ms = config.producer_id_expiration_ms,
                .cleaned_to = entry.cleaned_to};
    auto opened = co_await Log::open(shard, std::move(how));
    // The partition may have been removed, and made anew, meanwhile.
    const auto found = partitions.find(name);
    const bool still_there = found != partitions.end() && found->second.opening == opening;
    if (still_there) found->second.opening.reset();
    opening->set();
    if (!opened) co_return std::move(opened).error();
    if (!still_there)
        co_return fail(ErrorCode::not_found,
                       fmt::format("{}-{} was removed", name.topic, name.partition));
    found->second.log = *std::move(opened);
    found->second.clean = true;
    found->second.summary.reset();
    open_logs.push_back(*found->second.log);
    co_return found->second.log.get();
}

Task<Result<Log*>> LogManager::open(TopicPartition partition, TimestampMs now) {
    auto opened = co_await state_->open(std::move(partition), now);
    if (opened) (*opened)->note_use();
    co_return opened;
}

Task<Result<Log*>> LogManager::open_briefly(TopicPartition partition, TimestampMs now) {
    co_return co_await state_->open(std::move(partition), now);
}

Task<Result<Log*>> LogManager::create(TopicPartition partition, Uuid topic_id, TimestampMs now,
                                      size_t directory) {
    State& s = *state_;
    if (directory >= s.directories.size())
        co_return fail(ErrorCode::log_dir_not_found, fmt::format("no log directory {}", directory));
    CO_TRY_OK(s.check_directory(directory));
    const auto [at, is_new] = s.partitions.try_emplace(s.own(partition));
    if (!is_new)
        co_return fail(ErrorCode::already_exists,
                       fmt::format("{}-{} has a log", partition.topic, partition.partition));
    at->second.directory = directory;
    at->second.is_new = true;
    const std::string path = s.path_of(partition, at->second);
    auto made = s.disk.make_directories(path);
    if (made)
        made = s.disk.write_file(join_path(path, kPartitionMetadataName),
                                 format_partition_metadata(topic_id));
    if (!made) {
        s.partitions.erase(at);
        co_return storage_error(std::move(made).error());
    }
    co_return co_await open(std::move(partition), now);
}

Result<std::optional<Uuid>> LogManager::topic_id(const TopicPartition& partition) const {
    const auto found = state_->partitions.find(partition);
    if (found == state_->partitions.end()) return fail(ErrorCode::not_found);
    TRY_OK(state_->check_directory(found->second.directory));
    if (found->second.log) return found->second.log->topic_id();
    const std::string path =
        join_path(state_->path_of(partition, found->second), kPartitionMetadataName);
    TRY(const auto text, read_optional(state_->disk, path, kPropertiesBytesMax));
    if (!text) return std::optional<Uuid>{};
    auto id = parse_partition_metadata(*text);
    if (id) return std::optional{*id};
    // It is not synced when it is made: a loss of power may have taken its content.
    LOG_WARN("storage", "{} is not used: {}", path, id.error().message);
    return std::optional<Uuid>{};
}

Result<void> LogManager::State::take_away(const TopicPartition& name, std::string_view mark,
                                          TimestampMs now) {
    const auto found = partitions.find(name);
    if (found == partitions.end()) return {};
    Partition& partition = found->second;
    if (failed(partition)) {
        // Its files are found, and known to be nobody's, when the directory is back.
        if (partition.log) {
            partition.log->unlink();
            removed.push_back({std::move(partition.log), now + config.delete_delay_ms});
        }
        partitions.erase(found);
        return {};
    }
    const std::string target = join_path(directories[partition.directory].path,
                                         marked_directory_name(name, Uuid::random(rng), mark));
    if (auto renamed = disk.rename(path_of(name, partition), target); !renamed)
        return storage_error(renamed.error());
    LOG_INFO("storage", "{}-{} is now {}", name.topic, name.partition, target);
    const TimestampMs due = now + config.delete_delay_ms;
    if (mark == "-delete") shard.delete_later(target, due);
    if (partition.log) {
        partition.log->unlink();
        partition.log->moved(target);
        removed.push_back({std::move(partition.log), due});
    }
    partitions.erase(found);
    return {};
}

Result<void> LogManager::remove(const TopicPartition& partition, TimestampMs now) {
    TRY_OK(drop_future(partition, now));
    return state_->take_away(partition, "-delete", now);
}

Result<void> LogManager::mark_stray(const TopicPartition& partition) {
    TRY_OK(drop_future(partition, state_->next_retention));
    return state_->take_away(partition, "-stray", state_->next_retention);
}

}  // namespace millrace::storage
