// Directories that fail or fill up, and partitions that move from one to another.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "storage/log_manager_state.h"
#include "storage/segment.h"

namespace millrace::storage {

using runtime::Task;

namespace {

// The whole chain in one piece of memory; what lies in files is read.
Task<Result<std::shared_ptr<std::vector<uint8_t>>>> to_memory(const Chain& chain) {
    auto bytes = std::make_shared<std::vector<uint8_t>>(chain.size());
    size_t at = 0;
    for (const ChainPart& part : chain.parts()) {
        const MutableByteView into{bytes->data() + at, part.size()};
        if (part.file) {
            auto& file = *static_cast<runtime::File*>(part.file.get());
            CO_TRY(const size_t got, co_await file.read_at(part.position, into));
            if (got != into.size())
                co_return fail(ErrorCode::kafka_storage_error, "a segment ended early");
        } else {
            std::ranges::copy(part.bytes, into.begin());
        }
        at += into.size();
    }
    co_return bytes;
}

// The answer is the bytes copied.
Task<Result<uint64_t>> copy_some(Log& from, Log& to, uint64_t bytes_max, TimestampMs now) {
    // What retention took meanwhile is not there to be copied.
    if (to.end_offset() < from.start_offset())
        CO_TRY_OK(co_await to.truncate_fully_and_start_at(from.start_offset()));
    if (to.end_offset() >= from.end_offset()) co_return 0;
    CO_TRY(const ReadResult read, co_await from.read({.from = to.end_offset(),
                                                      .upper_bound = from.end_offset(),
                                                      .max_bytes = bytes_max,
                                                      .min_one = true}));
    CO_TRY(auto bytes, co_await to_memory(read.records));
    if (bytes->empty()) co_return fail(ErrorCode::kafka_storage_error, "nothing could be read");
    const uint64_t size = bytes->size();
    const MutableByteView view{*bytes};
    CO_TRY_OK(to.append_as_follower({view, std::move(bytes)}, now));
    to.set_high_watermark(from.high_watermark());
    co_return size;
}

// Until both end at the same offset, and the copy is durable: without a wait after the last look.
Task<Result<void>> copy_rest(Log& from, Log& to, TimestampMs now) {
    constexpr uint64_t kBytes = 1 << 20;
    while (to.recovery_point() < from.end_offset()) {
        while (true) {
            CO_TRY(const uint64_t copied, co_await copy_some(from, to, kBytes, now));
            if (copied == 0) break;
        }
        const Offset end = to.end_offset();
        CO_TRY_OK(co_await to.save());
        if (to.recovery_point() < end)
            co_return fail(ErrorCode::kafka_storage_error, "the copy is not durable");
    }
    to.set_high_watermark(from.high_watermark());
    if (from.start_offset() > to.start_offset())
        CO_TRY_OK(to.delete_records(from.start_offset(), now));
    co_return {};
}

}  // namespace

runtime::Signal& LogManager::directory_failed() {
    return state_->directory_failed;
}

Result<void> LogManager::State::check_directory(size_t index) const {
    const LogDirectory& directory = directories[index];
    if (!directory.failed()) return {};
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("{} is out of use: {}", directory.path, directory.failure));
}

void LogManager::State::device_failed(const std::string& path, const Error& error) {
    for (size_t i = 0; i < directories.size(); ++i)
        if (path == directories[i].path || path.starts_with(directories[i].path + "/"))
            return fail_directory(i, error.message);
}

// Called from inside calls of its logs: it only takes them out of use.
void LogManager::State::fail_directory(size_t index, std::string_view why) {
    LogDirectory& directory = directories[index];
    if (directory.failed()) return;
    directory.failure = why.empty() ? "unknown" : why;
    LOG_ERROR("storage", "log directory {} is out of use until the next start: {}", directory.path,
              why);
    const auto take_out = [&](auto& map) {
        for (auto& [name, partition] : map)
            if (partition.directory == index && partition.log)
                partition.log->take_out_of_use(
                    fmt::format("{} is out of use: {}", directory.path, directory.failure));
    };
    take_out(partitions);
    take_out(futures);
    directory_failed.notify();
}

void LogManager::State::look_at_directories(TimestampMs now) {
    for (size_t i = 0; i < directories.size(); ++i) {
        if (directories[i].failed()) continue;
        Result<void> looked = directories[i].room->look(now);
        // A file system that was taken away leaves an empty directory, and no errors.
        if (looked && !directories[i].meta.cluster_id.empty())
            if (auto meta = disk.info(join_path(directories[i].path, kMetaPropertiesName)); !meta)
                looked = std::move(meta).error();
        if (!looked &&
            (looked.code() == ErrorCode::not_found || looked.code() == ErrorCode::device_failed))
            fail_directory(i, looked.error().message);
    }
}

// After a crash between the two renames of replace_with_future() only the copy is left.
Result<void> LogManager::State::settle_futures(TimestampMs) {
    const bool all_there =
        config.all_directories && std::ranges::none_of(directories, &LogDirectory::failed);
    std::vector<TopicPartition> unknown;
    for (auto& [name, future] : futures) {
        if (failed(future)) unknown.push_back(name);
        if (failed(future) || partitions.contains(name)) continue;
        unknown.push_back(name);
        // The partition may be in a directory that failed: then this copy is no more than that.
        const std::string& root = directories[future.directory].path;
        if (!all_there) {
            LOG_WARN("storage", "{}: stays a copy, its partition may be in another directory",
                     join_path(root, future_names[name]));
            continue;
        }
        const std::string target = join_path(root, partition_directory_name(name));
        LOG_WARN("storage", "{} takes the place of its partition, whose move was interrupted",
                 future_names[name]);
        if (auto renamed = disk.rename(join_path(root, future_names[name]), target); !renamed)
            return storage_error(std::move(renamed).error());
        partitions.try_emplace(own(name)).first->second = std::move(future);
        unrecovered.push_back(name);
    }
    for (const TopicPartition& name : unknown) {
        futures.erase(name);
        future_names.erase(name);
    }
    return {};
}

Task<Result<Log*>> LogManager::create_future(TopicPartition partition, size_t directory,
                                             Offset start, TimestampMs now) {
    State& s = *state_;
    if (directory >= s.directories.size())
        co_return fail(ErrorCode::log_dir_not_found, fmt::format("no log directory {}", directory));
    CO_TRY_OK(s.check_directory(directory));
    const auto current = s.partitions.find(partition);
    if (current == s.partitions.end()) co_return fail(ErrorCode::not_found);
    if (current->second.directory == directory || s.futures.contains(partition))
        co_return fail(ErrorCode::already_exists);
    CO_TRY(const auto id, topic_id(partition));
    const std::string name = marked_directory_name(partition, Uuid::random(s.rng), "-future");
    if (parse_future_directory(name) != partition)
        co_return fail(ErrorCode::invalid_topic_exception, "the topic's name is too long to move");
    const std::string path = join_path(s.directories[directory].path, name);
    auto made = s.disk.make_directories(path);
    if (made && id)
        made = s.disk.write_file(join_path(path, kPartitionMetadataName),
                                 format_partition_metadata(*id));
    if (!made) co_return storage_error(std::move(made).error());
    s.futures[partition] = {.directory = directory, .is_new = true};
    s.future_names[partition] = name;
    LogOpen how{.directory = path,
                .partition = partition,
                .config = s.config_of(partition.topic),
                .new_directory = true,
                .now = now,
                .producer_id_expiration_ms = s.config.producer_id_expiration_ms};
    auto opened = co_await Log::open(s.shard, std::move(how));
    // The partition may have lived there before: what the journal has of that must not be believed.
    if (Journal* const journal = s.journals[directory].get();
        opened && id && journal && !journal->untouched())
        if (auto done = co_await journal->take_back({{partition_directory_name(partition), *id}});
            !done)
            opened = std::move(done).error();
    if (opened && start > 0)
        if (auto moved = co_await (*opened)->truncate_fully_and_start_at(start); !moved)
            opened = std::move(moved).error();
    const auto found = s.futures.find(partition);
    if (!opened || found == s.futures.end() || s.future_names[partition] != name) {
        if (opened) (*opened)->moved("");
        if (const auto dropped = drop_future(partition, now); !dropped)
            LOG_WARN("storage", "{} stays: {}", path, dropped.error().describe());
        co_return opened ? fail(ErrorCode::not_found) : std::move(opened).error();
    }
    found->second.log = *std::move(opened);
    Log* const log = found->second.log.get();
    // An entry of an earlier life of the partition in that directory must not be believed.
    CO_TRY_OK(co_await s.checkpoint());
    co_return log;
}

std::vector<LogManager::Future> LogManager::futures() const {
    std::vector<Future> all;
    for (const auto& [name, future] : state_->futures)
        all.push_back({name, future.directory, future.log.get()});
    return all;
}

std::optional<LogManager::Future> LogManager::future(const TopicPartition& partition) const {
    const auto found = state_->futures.find(partition);
    if (found == state_->futures.end()) return {};
    return Future{partition, found->second.directory, found->second.log.get()};
}

Result<void> LogManager::drop_future(const TopicPartition& partition, TimestampMs now) {
    State& s = *state_;
    const auto found = s.futures.find(partition);
    if (found == s.futures.end()) return {};
    const State::Partition& future = found->second;
    if (!s.failed(future)) {
        const std::string& root = s.directories[future.directory].path;
        const std::string target =
            join_path(root, marked_directory_name(partition, Uuid::random(s.rng), "-delete"));
        if (auto renamed = s.disk.rename(join_path(root, s.future_names[partition]), target);
            !renamed)
            return storage_error(renamed.error());
        s.shard.delete_later(target, now);
        if (future.log) future.log->moved(target);
    }
    if (found->second.log) s.removed.push_back({std::move(found->second.log), now});
    s.futures.erase(found);
    s.future_names.erase(partition);
    return {};
}

Task<Result<uint64_t>> LogManager::copy_to_future(TopicPartition partition, uint64_t bytes_max,
                                                  TimestampMs now) {
    State& s = *state_;
    const auto current = s.partitions.find(partition);
    const auto future = s.futures.find(partition);
    if (current == s.partitions.end() || future == s.futures.end() || !current->second.log ||
        !future->second.log)
        co_return fail(ErrorCode::not_found);
    co_return co_await copy_some(*current->second.log, *future->second.log, bytes_max, now);
}

Task<Result<Log*>> LogManager::replace_with_future(TopicPartition partition, TimestampMs now) {
    State& s = *state_;
    auto current = s.partitions.find(partition);
    auto future = s.futures.find(partition);
    if (current == s.partitions.end() || future == s.futures.end() || !current->second.log ||
        !future->second.log)
        co_return fail(ErrorCode::not_found);
    Log* const old = current->second.log.get();
    Log* const log = future->second.log.get();
    CO_TRY_OK(co_await copy_rest(*old, *log, now));
    CO_TRY_OK(co_await s.checkpoint());

    current = s.partitions.find(partition);
    future = s.futures.find(partition);
    if (current == s.partitions.end() || future == s.futures.end() ||
        current->second.log.get() != old || future->second.log.get() != log)
        co_return fail(ErrorCode::not_found);
    CO_TRY_OK(s.check_directory(current->second.directory));
    CO_TRY_OK(s.check_directory(future->second.directory));
    const std::string old_root = s.directories[current->second.directory].path;
    const std::string new_root = s.directories[future->second.directory].path;
    const std::string name = partition_directory_name(partition);
    const std::string from = join_path(old_root, name);
    const std::string target =
        join_path(old_root, marked_directory_name(partition, Uuid::random(s.rng), "-delete"));
    if (auto renamed = s.disk.rename(from, target); !renamed)
        co_return storage_error(std::move(renamed).error());
    old->renamed(target);
    // The old name must be gone before the new one is there: no start may find both.
    auto done = co_await s.disk.sync_directory(old_root);
    if (done)
        done = s.disk.rename(join_path(new_root, s.future_names[partition]),
                             join_path(new_root, name));
    if (!done) {
        if (s.disk.rename(target, from)) old->renamed(from);
        co_return storage_error(std::move(done).error());
    }
    log->renamed(join_path(new_root, name));
    // From here on there is no way back; an error means that the new directory has failed.
    auto settled = co_await s.disk.sync_directory(new_root);
    if (settled) settled = co_await copy_rest(*old, *log, now);
    if (!settled) LOG_ERROR("storage", "{}: {}", new_root, settled.error().describe());
    current = s.partitions.find(partition);
    future = s.futures.find(partition);
    INVARIANT(current != s.partitions.end() && future != s.futures.end());
    log->use_journal(s.journals[future->second.directory].get());

    LOG_INFO("storage", "{} has moved from {} to {}", name, old_root, new_root);
    const TimestampMs due = now + s.config.delete_delay_ms;
    s.shard.delete_later(target, due);
    old->moved(target);
    old->unlink();
    s.removed.push_back({std::move(current->second.log), due});
    current->second = std::move(future->second);
    s.open_logs.push_back(*log);
    log->note_use();
    s.futures.erase(future);
    s.future_names.erase(partition);
    co_return log;
}

uint64_t LogManager::size_bytes(const TopicPartition& partition) const {
    const auto found = state_->partitions.find(partition);
    if (found == state_->partitions.end()) return 0;
    if (found->second.log) return found->second.log->size_bytes();
    if (found->second.summary) return found->second.summary->size_bytes;
    const std::string path = state_->path_of(partition, found->second);
    const auto entries = state_->disk.list(path);
    uint64_t bytes = 0;
    if (!entries) return 0;
    for (const runtime::DirEntry& entry : *entries) {
        const auto file = parse_offset_file(entry.name);
        if (!file || file->kind != kLogSuffix || !file->mark.empty()) continue;
        if (const auto info = state_->disk.info(join_path(path, entry.name))) bytes += info->size;
    }
    return bytes;
}

}  // namespace millrace::storage
