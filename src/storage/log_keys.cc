// The index of a log's keys: made when the first condition on a key comes, from its snapshot and
// what the log holds behind that; read behind the appends, in pieces; saved.
//
// Nothing but read_some_keys() changes the index, so that appends without conditions do not know of
// it. A truncation throws it away, with a snapshot that knew what was cut.
//
// Compaction in the end takes away a null value, too. An index that had not read it would hold its key
// for ever: so a compacted log has no snapshot (another broker may have compacted it meanwhile),
// and what has not read as far as it is compacted is thrown away. What compaction leaves gives
// the right index again.
#include "storage/log_keys.h"

#include <fmt/format.h>

#include "base/log.h"
#include "storage/key_snapshot.h"
#include "storage/log_state.h"

namespace millrace::storage {
namespace {

using runtime::Task;

constexpr uint64_t kPieceBytes = 256 << 10;
// A snapshot is due when the log grew by this, and by so many times the size of the index.
constexpr uint64_t kSaveBytesMin = 64u << 20;
constexpr uint64_t kSaveTimesIndex = 4;
// Keys below the log start are thrown out when the index has grown by half, and this.
constexpr size_t kPruneKeysMin = 4096;

std::string keys_path(const std::string& directory) {
    return join_path(directory, kKeyIndexName);
}

Task<Result<std::vector<uint8_t>>> read_exactly(runtime::File& file, uint64_t position,
                                                size_t size) {
    std::vector<uint8_t> bytes(size);
    size_t at = 0;
    while (at < size) {
        CO_TRY(const size_t n,
               co_await file.read_at(position + at, MutableByteView{bytes}.subspan(at)));
        if (n == 0) co_return fail(ErrorCode::malformed, "cut");
        at += n;
    }
    co_return bytes;
}

// Stops at what is not whole: part of a batch is never handed out by a read.
Result<void> apply_all(KeyIndex& index, ByteView batches) {
    TRY_OK(protocol::for_each_batch(batches,
                                    [&](protocol::BatchView batch) { return index.apply(batch); }));
    return {};
}

// Whether the snapshot is of this log as it is now.
Task<Result<Offset>> check_snapshot(runtime::Disk& disk, std::string path, Offset end,
                                    const EpochCache& epochs) {
    CO_TRY(const auto file, disk.open(path, runtime::OpenMode::read));
    CO_TRY(const auto bytes, co_await read_exactly(*file, 0, KeySnapshotHeader::kBytes));
    CO_TRY(const auto header, KeySnapshotHeader::decode(bytes));
    CO_TRY(const uint64_t size, header.file_bytes());
    CO_TRY(const uint64_t there, file->size());
    if (size != there) co_return fail(ErrorCode::malformed, "not of its length");
    if (header.next > end) co_return fail(ErrorCode::malformed, "it knows more than the log has");
    if (header.next > 0 && epochs.epoch_at(header.next - 1) != header.epoch)
        co_return fail(ErrorCode::malformed, "it is of another history");
    co_return header.next;
}

}  // namespace

// There is a file. Whatever is wrong with it costs only that the log is read again.
Task<Result<void>> Log::State::open_keys() {
    const std::string path = keys_path(directory);
    if (config.key_index && !config.cleanup_compact) {
        const auto next = co_await check_snapshot(shard.disk(), path, end, epochs);
        if (next) {
            keys_saved = *next;
            co_return {};
        }
        LOG_WARN("storage", "{} is not used: {}", path, next.error().message);
    }
    // Nothing may find it again that does not know what happened to the log since.
    if (const auto gone = shard.disk().remove(path); !gone)
        LOG_WARN("storage", "{} stays, unused: {}", path, gone.error().describe());
    co_return {};
}

// The file goes for good once the directory is synced.
Result<void> Log::State::forget_keys_from(Offset offset) {
    keys.reset();
    if (keys_saved <= offset) return {};
    keys_saved = -1;
    if (auto gone = shard.disk().remove(keys_path(directory));
        !gone && gone.code() != ErrorCode::not_found)
        return storage_error(std::move(gone).error());
    return {};
}

void Log::State::drop_keys() {
    if (!keys && keys_saved < 0) return;
    // If it stays now, it goes when the log is opened next.
    if (const auto gone = forget_keys_from(-1); !gone)
        LOG_WARN("storage", "{}", gone.error().describe());
}

void Log::State::forget_keys_behind(Offset compacted_to) {
    if (keys && (!keys->loaded || keys->index.next() < compacted_to)) keys.reset();
}

bool Log::State::knows_keys() const {
    return keys && keys->loaded && keys->index.next() >= end;
}

Task<Result<void>> Log::State::load_keys(std::shared_ptr<LogKeys> into) {
    const std::string path = keys_path(directory);
    auto& loop = runtime::Loop::current();
    CO_TRY(const auto file, shard.disk().open(path, runtime::OpenMode::read));
    CO_TRY(const auto bytes, co_await read_exactly(*file, 0, KeySnapshotHeader::kBytes));
    CO_TRY(const auto header, KeySnapshotHeader::decode(bytes));
    auto index = KeyIndex(header.seed);
    KeySnapshotReader reader(index, header);
    uint64_t position = KeySnapshotHeader::kBytes;
    while (const size_t wanted = reader.wanted()) {
        CO_TRY(const auto piece, co_await read_exactly(*file, position, wanted));
        CO_TRY_OK(reader.take(piece));
        position += wanted;
        co_await loop.yield();
    }
    into->index = std::move(index);
    co_return {};
}

// Reads the next piece of the log; false when the log was truncated meanwhile.
Task<Result<bool>> Log::State::read_some_keys(std::shared_ptr<LogKeys> into) {
    const uint64_t view = truncations;
    const auto outdated = [&] { return keys != into || view != truncations; };
    ColdReads cold;
    Result<ReadResult> read = ReadResult{};
    while (true) {
        if (outdated()) co_return false;
        into->index.skip_to(start);
        read = this->read({.from = into->index.next(),
                           .upper_bound = end,
                           .max_bytes = kPieceBytes,
                           .min_one = true},
                          cold);
        if (read.code() != ErrorCode::would_block) break;
        CO_TRY_OK(co_await wait_for(cold));
    }
    if (!read) co_return read.error();
    // Compaction can leave nothing at the end of a log.
    const Offset next = read->records.parts().empty() ? end : read->next_offset;
    for (const ChainPart& part : read->records.parts()) {
        into->bytes_since_saved += part.size();
        if (!part.file) {
            CO_TRY_OK(apply_all(into->index, part.bytes));
            continue;
        }
        auto& file = *static_cast<runtime::File*>(part.file.get());
        const auto bytes = co_await read_exactly(file, part.position, part.size());
        if (outdated()) co_return false;
        if (!bytes) co_return storage_error(bytes.error());
        CO_TRY_OK(apply_all(into->index, *bytes));
    }
    into->index.skip_to(next);
    co_return true;
}

Task<Result<void>> Log::State::read_keys(std::shared_ptr<LogKeys> into, runtime::Loop& loop,
                                         runtime::TimePoint deadline) {
    if (!into->loaded && keys_saved >= 0) {
        const auto loaded = co_await load_keys(into);
        if (keys != into) co_return {};
        if (!loaded) {
            LOG_WARN("storage", "{} is not used: {}", keys_path(directory), loaded.error().message);
            keys_saved = -1;
        }
    }
    into->loaded = true;
    // The first piece is read in any case: usually it is all that is missing.
    for (bool first = true; keys == into && into->index.next() < end; first = false) {
        if (!first && loop.now() >= deadline)
            co_return fail(
                ErrorCode::request_timed_out,
                fmt::format("the index of keys is at {} of {}", into->index.next(), end));
        CO_TRY(const bool going_on, co_await read_some_keys(into));
        if (!going_on) co_return {};
        if (into->index.next() < end) co_await loop.yield();
    }
    const size_t count = into->index.keys();
    if (start > into->pruned_to && count > into->keys_when_pruned / 2 * 3 + kPruneKeysMin) {
        into->index.prune(start);
        into->pruned_to = start;
        into->keys_when_pruned = into->index.keys();
    }
    co_return {};
}

bool Log::knows_keys() const {
    return !state_->config.key_index || state_->knows_keys();
}

Task<Result<void>> Log::know_keys(runtime::Loop& loop, runtime::TimePoint deadline) {
    State& s = *state_;
    const State::Busy busy(s);
    while (!knows_keys()) {
        CO_TRY_OK(s.check_usable());
        if (!s.keys) {
            const uint64_t k0 = loop.rng().next();
            s.keys = std::make_shared<LogKeys>(KeySeed{k0, loop.rng().next()});
        }
        const auto keys = s.keys;
        const auto alone = co_await keys->work.lock();
        if (s.keys == keys) CO_TRY_OK(co_await s.read_keys(keys, loop, deadline));
    }
    co_return {};
}

bool Log::wants_save_keys() const {
    const State& s = *state_;
    if (!s.keys || s.config.cleanup_compact || !s.keys->loaded || s.keys->work.locked() ||
        !s.unusable.empty())
        return false;
    return s.keys->bytes_since_saved >
           std::max<uint64_t>(kSaveBytesMin, kSaveTimesIndex * s.keys->index.memory_bytes());
}

uint64_t Log::key_index_bytes() const {
    return state_->keys ? state_->keys->index.memory_bytes() : 0;
}

// The log is made durable first: a snapshot never knows more than what a loss of power leaves.
Task<Result<void>> Log::State::save_keys() {
    const auto into = keys;
    if (!into || config.cleanup_compact) co_return {};
    const auto alone = co_await into->work.lock();
    const Offset next = into->index.next();
    if (keys != into || !into->loaded || next == keys_saved) co_return {};
    into->bytes_since_saved = 0;
    CO_TRY_OK(co_await flush());
    auto& disk = shard.disk();
    auto& loop = runtime::Loop::current();
    const std::string path = keys_path(directory);
    const std::string fresh = path + ".tmp";
    if (keys != into) co_return {};
    CO_TRY(const auto file, disk.open(fresh, runtime::OpenMode::create));
    CO_TRY_OK(file->truncate(0));
    KeySnapshotWriter writer(into->index, next > 0 ? epochs.epoch_at(next - 1) : -1);
    uint64_t position = 0;
    while (true) {
        const auto piece = writer.next();
        if (piece.empty()) break;
        const ByteView part{piece};
        CO_TRY_OK(file->write_at(position, {&part, 1}));
        position += piece.size();
        co_await loop.yield();
    }
    CO_TRY_OK(co_await file->sync());
    // A truncation came: the file that it would have taken away is not there yet.
    if (keys != into || !unusable.empty() || config.cleanup_compact) co_return disk.remove(fresh);
    CO_TRY_OK(disk.rename(fresh, path));
    keys_saved = next;
    co_return co_await disk.sync_directory(directory);
}

Task<Result<void>> Log::save_keys() {
    const State::Busy busy(*state_);
    CO_TRY_OK(state_->check_usable());
    co_return co_await state_->save_keys();
}

}  // namespace millrace::storage
