#include "storage/journal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace millrace::storage {
namespace {

using runtime::Task;

constexpr size_t kFiles = 4;
constexpr size_t kFileBytesMin = 64 << 10;
// A group beyond this is closed, and the next one begun.
constexpr size_t kGroupBytesMax = 4 << 20;
// What has waited this long is drained: idle logs should not hold memory.
constexpr int64_t kUndrainedMsMax = 10'000;
// Logs drained in one turn of the loop.
constexpr size_t kDrainsPerTurn = 32;

Error out_of_room(std::string what) {
    return fail(ErrorCode::kafka_storage_error, std::move(what));
}

}  // namespace

Journal::Journal(runtime::Disk& disk, runtime::Loop& loop, std::string directory,
                 JournalLimits limits, JournalFound found)
    : disk_(disk),
      loop_(loop),
      directory_(std::move(directory)),
      limits_(limits),
      file_bytes_(std::max<size_t>(kFileBytesMin, limits.bytes / kFiles)),
      files_max_(kFiles),
      next_sequence_(found.next_sequence),
      found_unsynced_(std::move(found.unsynced)),
      scope_(std::in_place, loop) {
    // Whatever an earlier journal left behind has lower numbers.
    if (next_sequence_ == 0) next_sequence_ = static_cast<uint64_t>(loop.wall_ms()) << 20;
    for (JournalFound::File& file : found.files) {
        files_.push_back(std::make_unique<File>());
        files_.back()->path = std::move(file.path);
        files_.back()->number = next_number_++;
        used_.push_back(files_.back().get());
    }
    if (found_unsynced_.empty())
        release_files();
    else
        start_making_room();
}

Journal::~Journal() {
    for (auto* uses : {&undrained_, &unsynced_})
        for (auto& [number, client] : *uses) {
            client->undrained_.reset();
            client->unsynced_.reset();
        }
}

Result<void> Journal::admit(size_t bytes) {
    if (failed_) return *failed_;
    if (no_room_) return out_of_room(directory_ + ": no space is left on the device");
    // make_room() usually comes first: it takes the oldest, and lets others run in between.
    while (!undrained_.empty() && held_bytes() + bytes > 2 * limits_.undrained_bytes_max)
        if (const auto done = undrained_.begin()->second->drain(); !done)
            return out_of_room(fmt::format("{}: {} bytes wait for their segments: {}", directory_,
                                           undrained_bytes_, done.error().describe()));
    return {};
}

Journal::Group& Journal::open_group(size_t bytes) {
    const size_t most = std::min(kGroupBytesMax, file_bytes_ / 2);
    if (gathered_.empty() || gathered_.back()->bytes.size() + bytes > most) {
        gathered_.push_back(std::make_shared<JournalGroup>(usual_bytes_, usual_parts_));
        start_writing();
    }
    return gathered_.back();
}

std::shared_ptr<JournalGroup> Journal::add(JournalClient& client, const JournalEntry& entry,
                                           std::shared_ptr<LogProgress> progress, Offset end) {
    Group& group = open_group(entry.batches.size());
    group->bytes.add(entry);
    group->parts.push_back({&client, std::move(progress), end, entry.promised});
    group->wants_sync |= entry.promised;
    ++entries_added_;
    undrained_bytes_ += entry.batches.size();
    client.undrained_bytes_ += entry.batches.size();
    // It may get into a later file than the one that is being filled: then it is drained early.
    if (!client.undrained_) {
        client.undrained_ = undrained_.emplace(file_number(), &client);
        client.undrained_since_ = loop_.wall_ms();
    }
    if (entry.promised) {
        ++client.promises_;
        if (!client.unsynced_) client.unsynced_ = unsynced_.emplace(file_number(), &client);
    }
    return group;
}

std::shared_ptr<JournalGroup> Journal::add_settled(const JournalEntry& entry) {
    Group& group = open_group(0);
    group->bytes.add(entry);
    group->wants_sync = true;
    ++entries_added_;
    return group;
}

void Journal::drained(JournalClient& client) {
    undrained_bytes_ -= client.undrained_bytes_;
    client.undrained_bytes_ = 0;
    if (client.undrained_) undrained_.erase(*client.undrained_);
    client.undrained_.reset();
}

Journal::Flush Journal::begin_flush(const JournalClient& client) const {
    return {client.promises_, file_number()};
}

void Journal::end_flush(JournalClient& client, Flush begun) {
    if (!client.unsynced_) return;
    unsynced_.erase(*client.unsynced_);
    client.unsynced_.reset();
    // What came meanwhile is in no older file than the one that was being filled then.
    if (client.promises_ != begun.promises)
        client.unsynced_ = unsynced_.emplace(begun.file, &client);
}

void Journal::forget(JournalClient& client) {
    drained(client);
    if (client.unsynced_) unsynced_.erase(*client.unsynced_);
    client.unsynced_.reset();
    const auto leave = [&](JournalGroup& group) {
        for (JournalGroup::Part& part : group.parts)
            if (part.client == &client) part.client = nullptr;
    };
    for (const Group& group : gathered_) leave(*group);
    for (const Group& group : unsynced_groups_) leave(*group);
    if (current_) leave(*current_);
}

void Journal::fail_with(Error cause) {
    if (failed_) return;
    LOG_ERROR("storage", "{} is out of use: {}", directory_, cause.describe());
    failed_ = fail(ErrorCode::kafka_storage_error,
                   fmt::format("{} is out of use: {}", directory_, cause.describe()));
}

void Journal::finish(JournalGroup& group, Result<void> result) {
    if (result)
        for (JournalGroup::Part& part : group.parts) {
            if (!part.counts) continue;
            part.progress->written = std::max(part.progress->written, part.end);
            if (part.promised) part.progress->flushed = std::max(part.progress->flushed, part.end);
        }
    group.result = std::move(result);
    group.done.set();
}

// Promises only: they gather until one of the syncs that are under way has ended.
bool Journal::must_gather() const {
    return syncs_under_way_ == kSyncsMax && !failed_ &&
           std::ranges::all_of(gathered_, [](const Group& g) {
               return std::ranges::all_of(g->parts, &JournalGroup::Part::promised);
           });
}

void Journal::start_writing() {
    if (!must_gather() && !std::exchange(writing_, true)) scope_->spawn(write_groups());
}

Task<void> Journal::write_groups() {
    while (!gathered_.empty() && !must_gather()) {
        current_ = std::move(gathered_.front());
        gathered_.pop_front();
        usual_bytes_ = current_->bytes.size();
        usual_parts_ = current_->parts.size();
        co_await write_group(current_);
        current_.reset();
        if (held_bytes() > limits_.undrained_bytes_max) start_making_room();
    }
    writing_ = false;
}

Task<void> Journal::write_group(Group group) {
    if (failed_) {
        finish(*group, *failed_);
        co_return;
    }
    Result<void> written;
    if (!filling_ || position_ + group->bytes.size() > file_bytes_ - 2 * kNoteBytes)
        written = co_await next_file();
    const ByteView bytes = group->bytes.finish(next_sequence_, needed_from());
    if (written) written = used_.back()->file->write_at(position_, {&bytes, 1});
    if (written.code() == ErrorCode::no_space) {
        // What was written of it is no group, and is written over by the next one.
        co_await write_around(std::move(group));
        co_return;
    }
    if (!written) {
        fail_with(written.error());
        finish(*group, *failed_);
        co_return;
    }
    ++next_sequence_;
    ++groups_written_;
    position_ += bytes.size();
    used_.back()->dirty = true;
    if (!group->wants_sync) {
        finish(*group, {});
        co_return;
    }
    if (!group->parts.empty()) start_preparing();
    unsynced_groups_.push_back(std::move(group));
    for (bool& syncing : syncing_)
        if (!std::exchange(syncing, true)) {
            scope_->spawn(sync_groups(static_cast<size_t>(&syncing - syncing_.data())));
            break;
        }
}

// A part of the client's bytes gets into no group. What was gathered behind it makes nothing
// readable or durable when it is written: a replay would meet a hole in front of it.
void Journal::leave_out(JournalClient& client) {
    client.needs_sync();
    for (const Group& group : gathered_)
        for (JournalGroup::Part& part : group->parts)
            if (part.client == &client) part.counts = false;
}

// The disk has no room for the journal: the segments may have.
Task<void> Journal::write_around(Group group) {
    Result<void> result;
    const auto failed = [&](const Error& error) {
        no_room_ = true;
        result = out_of_room(error.describe());
    };
    // Without a wait in between: nothing may be gathered behind what is left out.
    for (const JournalGroup::Part& part : group->parts) {
        if (!part.client) continue;
        leave_out(*part.client);
        if (const auto done = part.client->drain(); !done) failed(done.error());
    }
    if (group->wants_sync && result)
        for (size_t i = 0; i < group->parts.size(); ++i)
            if (JournalClient* const client = group->parts[i].client)
                if (const auto done = co_await client->flush_all(); !done) failed(done.error());
    if (group->parts.empty()) result = out_of_room(directory_ + ": no room for the journal");
    // Those that were drained know by themselves; the rest must not be acked.
    group->result = std::move(result);
    group->done.set();
}

// One of kSyncsMax that run beside each other.
Task<void> Journal::sync_groups(size_t which) {
    while (!unsynced_groups_.empty()) {
        const std::vector<Group> groups = std::exchange(unsynced_groups_, {});
        Result<void> result;
        if (!failed_) {
            ++syncs_under_way_;
            result = co_await sync_written(which);
            --syncs_under_way_;
            ++syncs_done_;
        }
        // After a failed sync nobody knows which pages are still to be written.
        if (!result) fail_with(result.error());
        if (failed_) result = *failed_;
        // What has gathered is written before those who waited run, so that its sync is under way
        // while their answers are sent.
        if (!gathered_.empty()) {
            start_writing();
            co_await loop_.yield();
        }
        for (const Group& group : groups) finish(*group, result);
    }
    syncing_[which] = false;
}

// All groups that are written. Two that run beside each other each have their own descriptor: of
// those that share one only one would be told of an error.
Task<Result<void>> Journal::sync_written(size_t which) {
    File& current = *used_.back();
    const bool alone = std::ranges::all_of(
        used_, [&](const File* file) { return file->dirty == (file == &current); });
    if (!alone || name_unsynced_ || syncing_files_.locked()) co_return co_await sync_files();
    if (!current.synced_by[which]) {
        CO_TRY(current.synced_by[which], disk_.open(current.path, runtime::OpenMode::write));
    }
    // It stays dirty: for who comes meanwhile nothing is durable yet.
    const auto file = current.synced_by[which];
    co_return co_await file->sync();
}

Task<Result<void>> Journal::sync_files() {
    // One at a time: what the other has begun is not durable yet.
    const auto guard = co_await syncing_files_.lock();
    // The older file first: a later group without an earlier one is damage.
    std::vector<std::shared_ptr<runtime::File>> dirty;
    for (File* file : used_)
        if (std::exchange(file->dirty, false)) dirty.push_back(file->file);
    const bool name = std::exchange(name_unsynced_, false);
    for (const auto& file : dirty) CO_TRY_OK(co_await file->sync());
    if (name) CO_TRY_OK(co_await disk_.sync_directory(directory_));
    co_return {};
}

void Journal::start_making_room() {
    if (std::exchange(making_room_, true)) return;
    scope_->spawn(make_room());
}

// What a replay wrote, before the files that it came from may go.
Task<Result<void>> Journal::sync_found() {
    while (!found_unsynced_.empty()) {
        const std::string path = found_unsynced_.back();
        Result<void> synced;
        if (path.ends_with('/')) {
            synced = co_await disk_.sync_directory(path.substr(0, path.size() - 1));
        } else {
            auto file = disk_.open(path, runtime::OpenMode::write);
            if (file)
                synced = co_await (*file)->sync();
            else
                synced = std::move(file).error();
        }
        if (!synced && synced.code() != ErrorCode::not_found) co_return synced;
        std::erase(found_unsynced_, path);
    }
    co_return {};
}

Task<Result<void>> Journal::take_back(std::vector<JournalFound::Partition> partitions) {
    if (partitions.empty()) co_return {};
    CO_TRY_OK(co_await sync_found());
    std::shared_ptr<JournalGroup> group;
    for (const JournalFound::Partition& partition : partitions)
        group = add_settled({.kind = JournalEntryKind::settled,
                             .directory = partition.directory,
                             .topic_id = partition.topic_id,
                             .base = INT64_MAX});
    co_await group->done.wait();
    co_return group->result;
}

// Drains while too much waits in memory, and what keeps the oldest file; there, where promises are
// in it, the segments are synced too.
Task<Result<void>> Journal::drain_and_sync() {
    CO_TRY_OK(co_await sync_found());
    for (size_t drains = 1; !failed_; ++drains) {
        release_files();
        const bool wants_file =
            files_.size() >= files_max_ && free_.size() + released_.size() < 2 && used_.size() > 1;
        const uint64_t oldest = wants_file ? used_.front()->number : 0;
        const bool too_much = held_bytes() > limits_.undrained_bytes_max / 2;
        if (!undrained_.empty() && (too_much || undrained_.begin()->first <= oldest)) {
            CO_TRY_OK(undrained_.begin()->second->drain());
            if (drains % kDrainsPerTurn == 0) co_await loop_.yield();
        } else if (!unsynced_.empty() && unsynced_.begin()->first <= oldest) {
            CO_TRY_OK(co_await unsynced_.begin()->second->flush_all());
        } else {
            break;
        }
    }
    co_return {};
}

Task<void> Journal::make_room() {
    if (const auto done = co_await drain_and_sync(); !done)
        LOG_WARN("storage", "{}: the journal keeps what it has: {}", directory_,
                 done.error().describe());
    release_files();
    making_room_ = false;
    room_made_.set();
}

Task<void> Journal::maintain(int64_t now_ms) {
    // In the order in which they began to wait.
    for (size_t drains = 1; !undrained_.empty(); ++drains) {
        JournalClient& oldest = *undrained_.begin()->second;
        if (!no_room_ && now_ms - oldest.undrained_since_ < kUndrainedMsMax) break;
        if (auto done = oldest.drain(); !done) {
            LOG_WARN("storage", "not drained: {}", done.error().describe());
            co_return;
        }
        if (drains % kDrainsPerTurn == 0) co_await loop_.yield();
    }
    no_room_ = false;
    release_files();
}

Task<Result<void>> Journal::close() {
    closing_ = true;
    co_await scope_->join();
    if (failed_) co_return *failed_;
    CO_TRY_OK(co_await sync_found());
    if (!undrained_.empty() || !unsynced_.empty())
        co_return fail(ErrorCode::kafka_storage_error,
                       fmt::format("{}: {} logs need the journal", directory_,
                                   undrained_.size() + unsynced_.size()));
    for (const auto& file : files_) {
        file->file.reset();
        file->synced_by = {};
        auto removed = disk_.remove(file->path);
        if (!removed && removed.code() != ErrorCode::not_found)
            co_return fail(ErrorCode::kafka_storage_error, removed.error().describe());
    }
    used_.clear();
    released_.clear();
    free_.clear();
    files_.clear();
    filling_ = false;
    co_return {};
}

}  // namespace millrace::storage
