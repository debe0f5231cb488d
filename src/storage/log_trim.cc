// What takes records away: retention and delete_records at the start, truncation at the end.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/log_state.h"

namespace millrace::storage {

using runtime::Task;

void Log::State::advance_start(Offset offset) {
    if (offset <= start) return;
    start = offset;
    high_watermark = std::max(high_watermark, start);
    epochs.truncate_from_start(start);
    epochs_dirty = true;
    changed = true;
}

// Drops the first `count` segments, never the active one.
Result<size_t> Log::State::drop_segments(size_t count, TimestampMs now) {
    size_t dropped = 0;
    for (; dropped < count && segments.size() > 1; ++dropped) {
        LOG_INFO("storage", "{}: dropping the segment at {}", directory, segments[0]->base());
        TRY_OK(segments.front()->mark_deleted(now + config.file_delete_delay_ms));
        segments.erase(segments.begin());
        advance_start(segments.front()->base());
    }
    return dropped;
}

Result<Offset> Log::delete_records(Offset offset, TimestampMs now) {
    State& s = *state_;
    s.used = true;
    TRY_OK(s.check_usable());
    if (offset == -1) offset = s.high_watermark;
    if (offset < 0 || offset > s.high_watermark)
        return fail(ErrorCode::offset_out_of_range,
                    fmt::format("offset {} is not in [0, {}]", offset, s.high_watermark));
    if (offset <= s.start) return s.start;
    s.advance_start(offset);
    // The files of a log that ends where it starts must stay: they tell where that is.
    // Nor may the first one begin behind the recovery point: apply_retention() takes the rest.
    if (s.active().on_disk() && s.active().directory_synced)
        TRY_OK(s.drop_segments(s.segment_index(std::min(offset, s.recovery_point)), now));
    return s.start;
}

// How many segments from the first one on may go.
Task<Result<size_t>> Log::State::count_expired(TimestampMs now) {
    size_t count = 0;
    while (count + 1 < segments.size() && segments[count + 1]->base() <= start) ++count;
    if (!config.cleanup_delete) co_return count;

    uint64_t kept = 0;
    for (size_t i = count; i < segments.size(); ++i) kept += segments[i]->size();
    const auto readable = [&](size_t i) { return segment_end(i) <= high_watermark; };
    if (config.retention_bytes >= 0) {
        const auto limit = static_cast<uint64_t>(config.retention_bytes);
        while (count < segments.size() && readable(count) &&
               (count + 1 < segments.size() || segments[count]->size() > 0) &&
               kept >= limit + segments[count]->size())
            kept -= segments[count++]->size();
    }
    // A segment that compaction emptied has the age of its file; the active one stays when empty.
    while (config.retention_ms >= 0 && count < segments.size() && readable(count) &&
           (count + 1 < segments.size() || segments[count]->size() > 0)) {
        const Offset base = segments[count]->base();
        CO_TRY_OK(co_await know_timestamps(base));
        if (count >= segments.size() || segments[count]->base() != base) co_return 0;
        const Segment& segment = *segments[count];
        if (now - segment.newest() <= config.retention_ms) break;
        ++count;
    }
    co_return count;
}

Task<Result<size_t>> Log::apply_retention(TimestampMs now) {
    State& s = *state_;
    const State::Busy busy(s);
    const auto alone = co_await s.disk_work.lock();
    CO_TRY_OK(s.check_usable());
    CO_TRY_OK(s.drain());
    CO_TRY(const size_t count, co_await s.count_expired(now));
    if (count == 0) co_return 0;
    if (count == s.segments.size()) CO_TRY_OK(s.roll(now));
    // What tells where the log ends must be on the disk before what told it goes.
    CO_TRY_OK(s.active().file());
    // So must the producers' state at what becomes the first record: save() syncs its snapshot.
    const Offset first = s.segments.front()->base();
    if (!s.active().directory_synced ||
        s.segments[std::min(count, s.segments.size() - 1)]->base() > s.recovery_point)
        CO_TRY_OK(co_await s.save());
    if (s.segments.front()->base() != first) co_return 0;
    co_return s.drop_segments(count, now);
}

Task<Result<void>> Log::State::restart_at(Offset offset, TimestampMs now) {
    CO_TRY_OK(co_await settle());
    ++truncations;
    CO_TRY_OK(forget_keys_from(-1));
    tail.clear();
    cleaned_to.reset();
    for (const auto& segment : segments) CO_TRY_OK(segment->mark_deleted(now));
    segments.clear();
    add_segment(offset, now);
    start = end = high_watermark = recovery_point = offset;
    progress->flushed = progress->written = offset;
    epochs.clear();
    epochs_dirty = true;
    producers.clear();
    changed = true;
    // The empty file tells where the log starts.
    CO_TRY_OK(active().file());
    CO_TRY_OK(co_await flush());
    CO_TRY_OK(remove_snapshots(-1));
    co_return {};
}

// Removes the snapshots above `offset`; the answer is those that stay.
Result<std::vector<Offset>> Log::State::remove_snapshots(Offset offset) {
    auto& disk = shard.disk();
    std::vector<Offset> kept;
    std::erase_if(saved_snapshots, [&](Offset saved) { return saved > offset; });
    TRY(const auto entries, disk.list(directory));
    for (const runtime::DirEntry& entry : entries) {
        const auto name = parse_offset_file(entry.name);
        if (!name || name->kind != kSnapshotSuffix || !name->mark.empty()) continue;
        if (name->offset <= offset) {
            kept.push_back(name->offset);
        } else if (auto removed = disk.remove(join_path(directory, entry.name)); !removed) {
            return storage_error(removed.error());
        }
    }
    return kept;
}

Task<Result<void>> Log::truncate_fully_and_start_at(Offset offset) {
    State& s = *state_;
    const State::Busy busy(s);
    const auto alone = co_await s.disk_work.lock();
    CO_TRY_OK(s.check_usable());
    if (auto done = co_await s.restart_at(offset, s.active().modified()); !done)
        co_return s.give_up(done.error());
    if (s.shard.checkpoints) co_return co_await s.shard.checkpoints->checkpoint();
    co_return {};
}

Task<Result<void>> Log::truncate_to(Offset offset) {
    State& s = *state_;
    const State::Busy busy(s);
    const auto alone = co_await s.disk_work.lock();
    CO_TRY_OK(s.check_usable());
    if (offset >= s.end) co_return {};
    if (offset < s.segments.front()->base()) {
        if (auto done = co_await s.restart_at(offset, s.active().modified()); !done)
            co_return s.give_up(done.error());
        if (s.shard.checkpoints) co_return co_await s.shard.checkpoints->checkpoint();
        co_return {};
    }
    CO_TRY_OK(co_await s.settle());
    // What is damaged must be found out before anything is cut.
    CO_TRY_OK(co_await s.load_all_of_index(s.segments[s.segment_index(offset)]->base()));
    // A recovery point above the cut must not survive it: recovery would trust what comes after.
    if (s.recovery_point > offset) {
        s.recovery_point = offset;
        if (s.shard.checkpoints) CO_TRY_OK(co_await s.shard.checkpoints->checkpoint());
    }
    uint64_t position = 0;
    ColdReads cold;
    while (true) {
        const auto found = s.locate(*s.segments[s.segment_index(offset)], offset, cold);
        if (found) {
            position = *found;
            break;
        }
        if (found.code() != ErrorCode::would_block) co_return found.error();
        CO_TRY_OK(co_await s.wait_for(cold));
    }
    // A cut that was only half made leaves a hole before what would be appended next.
    if (auto done = co_await s.cut_at(offset, position); !done) co_return s.give_up(done.error());
    co_return {};
}

// Nothing to do when the segment is gone, or has no file yet.
Task<Result<void>> Log::State::load_all_of_index(Offset base) {
    const Segment* segment = find_segment(base);
    if (!segment || !segment->on_disk()) co_return {};
    if (!segment->offsets().loaded()) CO_TRY_OK(co_await load_index(base));
    segment = find_segment(base);
    if (segment && !segment->times().loaded()) CO_TRY_OK(co_await load_times(base));
    segment = find_segment(base);
    if (segment && !segment->aborts().loaded()) CO_TRY_OK(co_await load_aborts(base));
    co_return {};
}

// `position`: where the first batch with an offset at or above `offset` begins, in its segment.
Task<Result<void>> Log::State::cut_at(Offset offset, uint64_t position) {
    ++truncations;
    changed = true;
    CO_TRY_OK(forget_keys_from(offset));
    tail.clear();
    if (cleaned_to) cleaned_to = std::min(*cleaned_to, offset);
    const size_t index = segment_index(offset);
    const TimestampMs now = active().modified();
    while (segments.size() > index + 1) {
        CO_TRY_OK(segments.back()->mark_deleted(now));
        segments.pop_back();
    }
    const Offset base = active().base();
    if (active().on_disk()) {
        active().keep_index();
        CO_TRY_OK(co_await load_all_of_index(base));
        active().forget_from(position, offset, position == 0);
        active().forget_aborts_from(offset);
        CO_TRY_OK(active().truncate(position));
        active().cut_unsynced = false;
        // What was cut must not come back after a loss of power, between what is appended next.
        CO_TRY(const auto file, active().file());
        CO_TRY_OK(co_await file->sync());
    }
    CO_TRY_OK(co_await shard.disk().sync_directory(directory));
    end = offset;
    keys.reset();  // who made it since has read what was still to be cut
    high_watermark = std::min(high_watermark, end);
    start = std::min(start, end);
    progress->flushed = std::min(progress->flushed, end);
    progress->written = end;
    recovery_point = std::min(recovery_point, end);
    epochs.truncate_from_end(offset);
    epochs_dirty = true;
    CO_TRY(auto snapshots, remove_snapshots(offset));
    CO_TRY_OK(co_await reload_producers(std::move(snapshots), now));
    const std::string text = format_epoch_checkpoint(epochs.entries());
    if (auto done =
            co_await shard.disk().replace_file(join_path(directory, kEpochCheckpointName), text);
        !done)
        co_return storage_error(done.error());
    epochs_dirty = false;
    co_return {};
}

}  // namespace millrace::storage
