// What makes appended records durable, and what keeps recovery short.
#include <fmt/format.h>

#include <algorithm>

#include "storage/log_state.h"

namespace millrace::storage {

using runtime::Task;

Task<Result<void>> Log::State::flush(bool names) {
    struct Unsynced {
        Offset base;
        std::shared_ptr<runtime::File> file;
        uint64_t size;
    };
    CO_TRY_OK(check_usable());
    CO_TRY_OK(drain());
    const Journal::Flush begun = journal ? journal->begin_flush(*this) : Journal::Flush{};
    const uint64_t direct = direct_writes;
    const Offset target = end;
    const uint64_t view = truncations;
    std::vector<Unsynced> unsynced;
    bool new_names = names;
    for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
        Segment& segment = **it;
        if (!segment.on_disk()) continue;
        if (segment.synced_size >= segment.size() && segment.directory_synced &&
            !segment.cut_unsynced)
            break;
        segment.cut_unsynced = false;
        new_names |= !segment.directory_synced;
        CO_TRY(auto file, segment.file());
        unsynced.push_back({segment.base(), std::move(file), segment.size()});
    }
    // Oldest first, so that a loss of power in between leaves no hole.
    std::ranges::reverse(unsynced);
    for (const Unsynced& u : unsynced) {
        // After a failed sync nobody knows which pages are still to be written.
        if (auto synced = co_await u.file->sync(); !synced)
            co_return give_up(std::move(synced).error());
    }
    if (new_directory) {
        CO_TRY_OK(co_await sync_new_directory());
    } else if (new_names) {
        if (auto synced = co_await shard.disk().sync_directory(directory); !synced)
            co_return give_up(std::move(synced).error());
    }
    if (view != truncations) co_return {};
    for (const Unsynced& u : unsynced)
        if (Segment* segment = find_segment(u.base)) {
            segment->synced_size = std::max(segment->synced_size, u.size);
            segment->directory_synced = true;
        }
    progress->flushed = std::max(progress->flushed, target);
    if (direct == direct_writes) written_directly = false;
    if (journal && unusable.empty()) journal->end_flush(*this, begun);
    co_return {};
}

// What making the directory left in the page cache: its own name, and partition.metadata. All names
// in it are durable then, too.
Task<Result<void>> Log::State::sync_new_directory() {
    auto& disk = shard.disk();
    const auto file =
        disk.open(join_path(directory, kPartitionMetadataName), runtime::OpenMode::write);
    if (file) {
        if (auto synced = co_await (*file)->sync(); !synced)
            co_return give_up(std::move(synced).error());
    } else if (file.code() != ErrorCode::not_found) {
        co_return storage_error(file.error());
    }
    if (auto synced = co_await disk.sync_directory(directory); !synced)
        co_return give_up(std::move(synced).error());
    std::string parent = directory.substr(0, directory.rfind('/'));
    if (auto synced = co_await shard.sync_names(std::move(parent), made_at); !synced)
        co_return give_up(std::move(synced).error());
    new_directory = false;
    co_return {};
}

Task<Result<void>> Log::State::sync_indexes() {
    std::vector<std::string> paths;
    for (auto it = segments.rbegin(); it != segments.rend(); ++it) {
        Segment& segment = **it;
        if (!segment.on_disk()) continue;
        if (segment.indexes_synced) break;
        CO_TRY_OK(segment.save_indexes());
        for (std::string_view suffix :
             {kIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix, kSnapshotSuffix})
            paths.push_back(segment.path(suffix));
        segment.indexes_synced = true;  // until the next append says otherwise
    }
    for (const std::string& path : paths) {
        const auto file = shard.disk().open(path, runtime::OpenMode::write);
        if (file.code() == ErrorCode::not_found) continue;
        if (!file) co_return give_up(file.error());
        if (auto synced = co_await (*file)->sync(); !synced)
            co_return give_up(std::move(synced).error());
    }
    co_return {};
}

Result<void> Log::State::write_snapshot(Offset offset) {
    const auto bytes = producers.encode_snapshot();
    if (auto written = shard.disk().write_file(snapshot_path(offset), as_text(bytes)); !written)
        return storage_error(written.error());
    return {};
}

// As Disk::replace_file(), but for the sync of the directory.
Task<Result<void>> Log::State::replace(std::string path, std::string content) {
    auto& disk = shard.disk();
    const std::string next = path + ".tmp";
    CO_TRY_OK(disk.write_file(next, content));
    CO_TRY(const auto file, disk.open(next, runtime::OpenMode::write));
    CO_TRY_OK(co_await file->sync());
    co_return disk.rename(next, path);
}

// The recovery point moves when all of it is durable; in which order it becomes so does not matter,
// since a recovery believes nothing that is behind its point.
Task<Result<void>> Log::State::save() {
    CO_TRY_OK(check_usable());
    if (!changed) co_return co_await flush();
    CO_TRY_OK(drain());
    // All of it is of this moment: appends go on while the disk works.
    const Offset point = end;
    const uint64_t bytes = unsaved_bytes;
    const TimestampMs until = last_write;
    const auto snapshot = producers.encode_snapshot();
    const bool write_epochs = std::exchange(epochs_dirty, false);
    const std::string epoch_text =
        write_epochs ? format_epoch_checkpoint(epochs.entries()) : std::string{};
    changed = false;
    rolled = false;
    const auto failed = [&](Error error) {
        changed = true;
        epochs_dirty |= write_epochs;
        return storage_error(std::move(error));
    };
    if (write_epochs)
        if (auto done = co_await replace(join_path(directory, kEpochCheckpointName), epoch_text);
            !done)
            co_return failed(done.error());
    if (auto done = co_await replace(snapshot_path(point), std::string{as_text(snapshot)}); !done)
        co_return failed(done.error());
    if (auto done = co_await sync_indexes(); !done) co_return failed(done.error());
    if (auto done = co_await flush(true); !done) co_return failed(done.error());
    if (!find_segment(point)) saved_snapshots.push_back(point);
    recovery_point = std::max(recovery_point, point);
    unsaved_bytes -= std::min(unsaved_bytes, bytes);
    unsaved_since = until;
    co_return {};
}

Task<Result<void>> Log::flush() {
    const State::Busy busy(*state_);
    co_return co_await state_->flush();
}

Task<Result<void>> Log::save() {
    const State::Busy busy(*state_);
    const auto alone = co_await state_->disk_work.lock();
    co_return co_await state_->save();
}

void Log::checkpointed(Offset recovery_point) {
    State& s = *state_;
    if (!s.unusable.empty()) return;
    std::erase_if(s.saved_snapshots, [&](Offset offset) {
        if (offset >= recovery_point || s.find_segment(offset)) return false;
        const auto removed = s.shard.disk().remove(s.snapshot_path(offset));
        return removed || removed.code() == ErrorCode::not_found;
    });
}

bool Log::wants_checkpoint() const {
    return !state_->saved_snapshots.empty();
}

bool Log::wants_save(TimestampMs now) const {
    const State& s = *state_;
    if (!s.changed || s.disk_work.locked() || !s.unusable.empty()) return false;
    // By age too: by then the kernel has written nearly all of it by itself, so that the sync costs
    // little, and a crash leaves little to scan.
    return s.rolled || s.unsaved_bytes > s.shard.limits.unflushed_bytes_max ||
           (s.unsaved_bytes > 0 && now - s.unsaved_since > s.shard.limits.unflushed_ms_max);
}

bool Log::flush_due(TimestampMs now) const {
    return state_->unusable.empty() && state_->flush_due(now);
}

Task<Result<void>> Log::close() {
    State& s = *state_;
    const State::Busy busy(s);
    const auto alone = co_await s.disk_work.lock();
    CO_TRY_OK(co_await s.finish());
    // Promised bytes that it synced may still be listed as the journal's.
    if (s.journal) s.journal->forget(s);
    s.active().close_file();
    co_return {};
}

}  // namespace millrace::storage
