// Opening a log: from the names in its directory to a Log that can be read and appended to; after
// an unclean stop through a scan of what lies behind the recovery point.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "storage/log_state.h"

namespace millrace::storage {
namespace {

using runtime::Task;

constexpr uint64_t kSmallFileBytesMax = 64u << 20;

struct DirectoryNames {
    std::vector<Offset> logs;
    std::vector<Offset> snapshots;
    std::vector<Offset> transactions;  // .txnindex
    std::vector<OffsetFileName> indexes;
    std::vector<OffsetFileName> swaps;
    std::vector<OffsetFileName> leftovers;  // .cleaned and .deleted
    bool has_epochs = false;
    bool has_metadata = false;
    bool has_keys = false;
};

Result<DirectoryNames> list_names(runtime::Disk& disk, const std::string& directory) {
    DirectoryNames names;
    TRY(const auto entries, disk.list(directory));
    for (const runtime::DirEntry& entry : entries) {
        if (entry.name == kEpochCheckpointName) names.has_epochs = true;
        if (entry.name == kPartitionMetadataName) names.has_metadata = true;
        if (entry.name == kKeyIndexName) names.has_keys = true;
        const auto file = parse_offset_file(entry.name);
        if (!file) continue;
        if (file->mark == kSwapSuffix) {
            names.swaps.push_back(*file);
        } else if (!file->mark.empty()) {
            names.leftovers.push_back(*file);
        } else if (file->kind == kLogSuffix) {
            names.logs.push_back(file->offset);
        } else if (file->kind == kSnapshotSuffix) {
            names.snapshots.push_back(file->offset);
        } else {
            names.indexes.push_back(*file);
            if (file->kind == kTxnIndexSuffix) names.transactions.push_back(file->offset);
        }
    }
    std::ranges::sort(names.logs);
    std::ranges::sort(names.snapshots);
    std::ranges::sort(names.transactions);
    return names;
}

std::string file_path(const std::string& directory, const OffsetFileName& file) {
    return offset_file_path(directory, file.offset, file.kind) + std::string{file.mark};
}

// The offset after the last batch of a file that is not (yet) a segment of the log.
Task<Result<Offset>> end_of_file(runtime::Disk& disk, std::string path, Offset base) {
    CO_TRY(auto file, disk.open(path, runtime::OpenMode::read));
    CO_TRY(const uint64_t size, file->size());
    Offset end = base;
    BatchFile batches(std::move(file), 0, size);
    while (true) {
        CO_TRY(const bool more, co_await batches.load());
        if (!more) co_return end;
        while (const auto batch = batches.next()) end = batch->next_offset();
    }
}

// What an interrupted compaction left: finished output (.swap) takes the place of the segments it
// covers; unfinished output (.cleaned), and .swap files of the same unfinished split, go; so do
// files that only waited for their deletion.
Task<Result<bool>> settle_leftovers(runtime::Disk& disk, const std::string& directory,
                                    const DirectoryNames& names) {
    Offset unfinished = INT64_MAX;
    for (const OffsetFileName& file : names.leftovers)
        if (file.mark == kCleanedSuffix) unfinished = std::min(unfinished, file.offset);
    // The `.cleaned` files last: they tell which `.swap` files are to go.
    for (const OffsetFileName& file : names.swaps)
        if (file.offset >= unfinished) CO_TRY_OK(disk.remove(file_path(directory, file)));
    for (const OffsetFileName& file : names.leftovers)
        CO_TRY_OK(disk.remove(file_path(directory, file)));
    for (const OffsetFileName& file : names.swaps) {
        if (file.offset >= unfinished || file.kind != kLogSuffix) continue;
        CO_TRY(const Offset end,
               co_await end_of_file(disk, file_path(directory, file), file.offset));
        for (const Offset base : names.logs)
            if (base >= file.offset && base < std::max(end, file.offset + 1))
                CO_TRY_OK(disk.remove(offset_file_path(directory, base, kLogSuffix)));
        for (const OffsetFileName& index : names.indexes)
            if (index.offset >= file.offset && index.offset < std::max(end, file.offset + 1))
                CO_TRY_OK(disk.remove(file_path(directory, index)));
    }
    for (const OffsetFileName& file : names.swaps)
        if (file.offset < unfinished)
            CO_TRY_OK(disk.rename(file_path(directory, file),
                                  offset_file_path(directory, file.offset, file.kind)));
    co_return !names.swaps.empty();
}

}  // namespace

void Log::State::report_damage(std::string sentence) {
    LOG_WARN("storage", "{}", sentence);
    shard.note_damage(std::move(sentence));
}

// Walks the batches of the segment at `index` from `position` on: notes them, moves the log end.
// The answer is the position where sound batches end. With `verify` they are checked by CRC.
Task<Result<uint64_t>> Log::State::scan_segment(size_t index, uint64_t position, bool verify,
                                                TimestampMs now) {
    Segment& segment = *segments[index];
    CO_TRY(auto file, segment.file());
    BatchFile batches(std::move(file), position, segment.size());
    uint64_t sound = position;
    while (true) {
        CO_TRY(const bool more, co_await batches.load());
        if (!more) co_return sound;
        while (const auto batch = batches.next()) {
            const bool in_order = batch->base_offset() >= std::max(end, segment.base()) &&
                                  batch->last_offset() - segment.base() <= INT32_MAX;
            if (!in_order || (verify && !batch->verify_crc())) co_return sound;
            // Epochs never fall along a log: this is what an interrupted truncation left behind.
            if (verify && batch->leader_epoch() >= 0 &&
                batch->leader_epoch() < epochs.epoch_at(batch->base_offset()))
                co_return sound;
            segment.note(*batch, batches.batch_position(), config, now);
            if (verify && batch->leader_epoch() > epochs.latest()) {
                epochs.assign(batch->leader_epoch(), batch->base_offset());
                epochs_dirty = true;
            }
            end = batch->next_offset();
            sound = batches.position();
        }
    }
}

// Loads the indexes of the segment at `index` and forgets what they say behind the last entry at or
// below `offset`. The answer is the position to scan from: the batch of that entry.
Task<Result<uint64_t>> Log::State::prepare_scan(size_t index, Offset offset, bool from_start) {
    Segment& segment = *segments[index];
    const Offset base = segment.base();
    segment.keep_index();
    if (!segment.aborts().loaded()) CO_TRY_OK(co_await load_aborts(base));
    if (from_start) {
        segment.offsets().rebuild({});
        segment.times().rebuild({});
        segment.forget_from(0, base, true);
        end = base;
        co_return 0;
    }
    const auto entries =
        co_await read_whole(shard.disk(), segment.path(kIndexSuffix), kSmallFileBytesMax);
    const auto times =
        co_await read_whole(shard.disk(), segment.path(kTimeIndexSuffix), kSmallFileBytesMax);
    if (!entries || !times) co_return co_await prepare_scan(index, offset, true);
    segment.offsets().load(*entries);
    segment.times().load(*times);
    const auto& known = segment.offsets().all();
    const auto above = std::ranges::upper_bound(
        known, offset - base, {}, [](const auto& e) { return static_cast<Offset>(e.offset); });
    if (above == known.begin() || static_cast<uint64_t>((above - 1)->position) >= segment.size())
        co_return co_await prepare_scan(index, offset, true);
    const IndexEntry last = *(above - 1);
    segment.forget_from(static_cast<uint64_t>(last.position) + 1, base + last.offset + 1, true);
    end = base;
    co_return static_cast<uint64_t>(last.position);
}

// The end of a log that was stopped cleanly: behind the last index entry of the active segment.
Task<Result<bool>> Log::State::find_end(TimestampMs now) {
    const size_t index = segments.size() - 1;
    CO_TRY(const uint64_t from, co_await prepare_scan(index, INT64_MAX, active().size() == 0));
    CO_TRY(const uint64_t sound, co_await scan_segment(index, from, false, now));
    if (sound != active().size()) co_return false;
    active().indexes_synced = true;
    co_return true;
}

// Takes away the segments behind the one at `index`.
Result<void> Log::State::drop_behind(size_t index, TimestampMs now) {
    while (segments.size() > index + 1) {
        report_damage(fmt::format("{}: dropped with its {} bytes, what comes before it is damaged",
                                  active().path(kLogSuffix), active().size()));
        TRY_OK(active().mark_deleted(now));
        segments.pop_back();
        changed = true;
    }
    return {};
}

Task<Result<void>> Log::State::recover(Offset from, TimestampMs now) {
    const size_t first = segment_index(from);
    for (size_t index = first; index < segments.size(); ++index) {
        // A segment that lost its end at a batch boundary looks whole, but for the hole behind it.
        // In a compacted log holes are usual.
        if (index > first && segments[index]->base() != end && !config.cleanup_compact) {
            CO_TRY_OK(co_await settle());
            co_return drop_behind(index - 1, now);
        }
        const bool whole = index > first || from <= segments[index]->base();
        CO_TRY(uint64_t position, co_await prepare_scan(index, from, whole));
        // Transactions that ended behind the recovery point are found again by the replay.
        segments[index]->forget_aborts_from(from);
        CO_TRY(uint64_t sound, co_await scan_segment(index, position, true, now));
        if (sound == position && position > 0 && sound < segments[index]->size()) {
            // The index led astray: the whole segment is scanned instead.
            CO_TRY(position, co_await prepare_scan(index, from, true));
            CO_TRY(sound, co_await scan_segment(index, position, true, now));
        }
        Segment& segment = *segments[index];
        segment.synced_size = std::min(segment.synced_size, position);
        if (sound == segment.size()) continue;
        report_damage(
            fmt::format("{}: no sound batch at {}, cut there ({} bytes); the log ends at "
                        "offset {}",
                        segment.path(kLogSuffix), sound, segment.size() - sound, end));
        // The journal must not bring back what goes here.
        CO_TRY_OK(co_await settle());
        CO_TRY_OK(segment.truncate(sound));
        needs_sync();
        changed = true;
        co_return drop_behind(index, now);
    }
    co_return {};
}

Task<Result<void>> Log::State::replay_producers(Offset from) {
    for (size_t i = segment_index(from); i < segments.size(); ++i) {
        Segment& segment = *segments[i];
        // Recovery threw away the snapshots that it could not trust: retention needs those where
        // segments begin.
        if (segment.base() > from &&
            shard.disk().info(snapshot_path(segment.base())).code() == ErrorCode::not_found)
            CO_TRY_OK(write_snapshot(segment.base()));
        if (segment.size() == 0) continue;
        if (!segment.offsets().loaded()) CO_TRY_OK(co_await load_index(segment.base()));
        CO_TRY(auto file, segment.file());
        BatchFile batches(std::move(file), segment.position_before(from), segment.size());
        while (true) {
            CO_TRY(const bool more, co_await batches.load());
            if (!more) break;
            while (const auto batch = batches.next()) {
                if (batch->base_offset() < from || batch->base_offset() >= end) continue;
                if (!batch->has_producer_id()) continue;
                const auto marker = find_marker(*batch);
                const auto ended = producers.apply(*batch, marker ? *marker : std::nullopt);
                if (ended && ended->abort && segment.aborts().loaded())
                    segment.note_abort({ended->producer_id, ended->first_offset, ended->last_offset,
                                        producers.stable_after(*ended)});
            }
        }
    }
    co_return {};
}

Task<Result<void>> Log::State::reload_producers(std::vector<Offset> snapshots, TimestampMs now) {
    producers.clear();
    std::ranges::sort(snapshots, std::greater{});
    Offset from = segments.front()->base();
    for (const Offset offset : snapshots) {
        const std::string path = snapshot_path(offset);
        Result<void> loaded = fail(ErrorCode::malformed, "beyond the log end");
        if (offset <= end) {
            const auto bytes = shard.disk().read_file(path, kSmallFileBytesMax);
            if (!bytes && bytes.code() != ErrorCode::not_found)
                co_return storage_error(bytes.error());
            loaded = bytes
                         ? producers.load_snapshot(as_bytes(*bytes), now, producer_id_expiration_ms)
                         : fail(ErrorCode::malformed, "gone");
        }
        if (loaded) {
            from = offset;
            if (!find_segment(offset)) saved_snapshots.push_back(offset);
            break;
        }
        LOG_WARN("storage", "{} is not used: {}", path, loaded.error().message);
        if (auto removed = shard.disk().remove(path);
            !removed && removed.code() != ErrorCode::not_found)
            co_return storage_error(removed.error());
    }
    if (from < end) CO_TRY_OK(co_await replay_producers(from));
    producers.advance_high_watermark(high_watermark);
    co_return {};
}

Task<Result<void>> Log::State::load_segments(const LogOpen& open, std::vector<Offset>& snapshots) {
    auto& disk = shard.disk();
    CO_TRY(DirectoryNames names, list_names(disk, directory));
    if (!names.leftovers.empty() || !names.swaps.empty()) {
        CO_TRY_OK(co_await settle_leftovers(disk, directory, names));
        CO_TRY(names, list_names(disk, directory));
    }
    for (const OffsetFileName& file : names.indexes)
        if (!std::ranges::binary_search(names.logs, file.offset))
            CO_TRY_OK(disk.remove(file_path(directory, file)));
    for (const Offset base : names.logs) {
        CO_TRY(const auto info, disk.info(offset_file_path(directory, base, kLogSuffix)));
        segments.push_back(
            std::make_unique<Segment>(shard, directory, base, info.size, info.modified_ms,
                                      std::ranges::binary_search(names.transactions, base)));
    }
    if (segments.empty()) add_segment(open.log_start, open.now);
    if (names.has_metadata) {
        CO_TRY(const auto text, disk.read_file(join_path(directory, kPartitionMetadataName), 4096));
        const auto id = parse_partition_metadata(text);
        if (id) {
            topic_id = *id;
        } else {
            // It is synced by the first flush: a loss of power before took its content.
            CO_TRY_OK(disk.remove(join_path(directory, kPartitionMetadataName)));
        }
    }
    if (names.has_epochs) {
        CO_TRY(const auto text,
               disk.read_file(join_path(directory, kEpochCheckpointName), kSmallFileBytesMax));
        auto parsed = parse_epoch_checkpoint(text);
        if (!parsed)
            co_return fail(ErrorCode::malformed,
                           fmt::format("{}: {}", kEpochCheckpointName, parsed.error().message));
        epochs = EpochCache{*std::move(parsed)};
    }
    has_keys_file = names.has_keys;
    snapshots = std::move(names.snapshots);
    co_return {};
}

Task<Result<void>> Log::State::load(const LogOpen& open) {
    std::vector<Offset> snapshots;
    CO_TRY_OK(co_await load_segments(open, snapshots));
    end = active().base();
    bool sound = true;
    if (active().on_disk() && open.clean) {
        CO_TRY(sound, co_await find_end(open.now));
    }
    if (active().on_disk() && (!open.clean || !sound)) {
        // Segments are dropped only below a recovery point, and where they now begin there is a
        // snapshot that was synced before; the checkpoint file may not know yet.
        const Offset from =
            open.clean ? active().base() : std::max(open.recovery_point, segments.front()->base());
        epochs.truncate_from_end(from + 1);
        CO_TRY_OK(co_await recover(from, open.now));
        // What was not synced may be of any age, or torn: snapshots behind the recovery point too.
        for (const Offset offset : snapshots) {
            if (offset <= from) continue;
            auto gone = shard.disk().remove(snapshot_path(offset));
            if (!gone && gone.code() != ErrorCode::not_found) co_return storage_error(gone.error());
        }
        std::erase_if(snapshots, [&](Offset offset) { return offset > from; });
        progress->flushed = recovery_point = std::min(from, end);
        changed |= end > from;
    } else {
        progress->flushed = end;
        recovery_point = std::min(open.recovery_point, end);
    }
    progress->written = end;
    epochs.truncate_from_end(end);
    start = std::max(open.log_start, segments.front()->base());
    if (start > end) {
        report_damage(fmt::format("{}: ends at offset {}, before its start {}: emptied", directory,
                                  end, start));
        co_return co_await restart_at(start, open.now);
    }
    high_watermark = std::clamp(open.high_watermark, start, end);
    CO_TRY_OK(co_await reload_producers(std::move(snapshots), open.now));
    if (active().size() > 0 && !active().first_timestamp_known()) {
        ColdReads cold;
        while (true) {
            const auto header = HeaderScan(tail, active(), cold).at(0);
            if (header) active().set_first_timestamp(header->max_timestamp());
            if (header.code() != ErrorCode::would_block) break;
            CO_TRY_OK(co_await wait_for(cold));
        }
    }
    co_return {};
}

Task<Result<std::unique_ptr<Log>>> Log::open(Shard& shard, LogOpen open) {
    auto state = std::make_unique<State>(shard, open);
    auto loaded = co_await state->load(open);
    if (loaded && state->has_keys_file) loaded = co_await state->open_keys();
    if (!loaded) {
        const Error& cause = loaded.error();
        co_return fail(ErrorCode::kafka_storage_error,
                       fmt::format("{}: {}", open.directory, cause.describe()));
    }
    co_return std::unique_ptr<Log>(new Log(std::move(state)));
}

}  // namespace millrace::storage
