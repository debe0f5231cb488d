// Compaction: the map of a log's keys, the segments written anew, and the swap. Which part of it can
// be cleaned: log_cleanable.cc.
//
// A group of neighbouring segments becomes one. Its files are written beside the old ones as
// `.cleaned`, made durable, renamed to `.swap` (from here on a start finishes the swap, before it
// drops it), the old ones renamed to `.deleted`, and the new ones to their names: settle_leftovers()
// in log_load.cc knows each point between, and so does Kafka.
#include "storage/log_clean.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/batch_filter.h"
#include "storage/log_state.h"
#include "storage/segment_pieces.h"

namespace millrace::storage {
namespace {

using protocol::BatchView;
using runtime::Task;

constexpr std::array kSegmentSuffixes{kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix};

struct Part {  // one segment of a group
    Offset base;
    uint64_t size;
    TimestampMs modified;
};
using Group = std::vector<Part>;

Result<void> check_sound(BatchView batch) {
    if (batch.verify_crc()) return {};
    return fail(ErrorCode::corrupt_message,
                fmt::format("the batch at offset {} has a wrong CRC", batch.base_offset()));
}

// The first pass: the last offset of each key from `first_dirty` on.
struct KeyMapper {
    Offset first_dirty;
    KeyOffsets& last_offsets;
    CleanedTransactions& transactions;
    Offset mapped_end;
    bool full = false;
    std::vector<uint8_t> scratch{};

    // The bytes of the whole batches taken in.
    Result<size_t> take(ByteView bytes) {
        protocol::BatchReader reader(bytes);
        BatchView batch;
        while (!full) {
            TRY(const bool more, reader.next(batch));
            if (!more) break;
            if (batch.last_offset() < first_dirty) continue;
            TRY_OK(check_sound(batch));
            TRY_OK(take_batch(batch));
        }
        return reader.position();
    }
    Result<void> take_batch(BatchView batch) {
        if (batch.is_control()) {
            TRY_OK(transactions.is_spent_marker(batch));
        } else if (!transactions.is_aborted(batch)) {
            TRY(protocol::RecordReader records, batch.records(scratch, INT32_MAX));
            protocol::RecordView record;
            while (true) {
                TRY(const bool more, records.next(record));
                if (!more) break;
                if (!record.key || record.offset < first_dirty) continue;
                if (!last_offsets.put(*record.key, record.offset)) {
                    full = true;
                    return {};
                }
                mapped_end = record.offset + 1;
            }
        }
        mapped_end = std::max(mapped_end, batch.next_offset());
        return {};
    }
};

}  // namespace

// One call of Log::clean(): its own coroutines, over the log's state.
class LogCleaning {
public:
    LogCleaning(Log::State& state, const CleanableRange& range, CleanTools& tools, TimestampMs now)
        : s_(state),
          range_(range),
          tools_(tools),
          now_(now),
          directory_(state.directory),
          config_(state.config),
          truncations_(state.truncations),
          last_offsets_(tools.map_bytes,
                        static_cast<uint64_t>(range.first_uncleanable - range.first_dirty),
                        tools.load_factor, tools.hasher) {}
    Task<Result<CleanReport>> run();
    Result<void> remove_unfinished() const;

private:
    // A new segment in the making: the batches on the file, the rest in `entries`.
    struct Cleaned {
        Segment entries;
        std::shared_ptr<runtime::File> file{};
        uint64_t size = 0;
        std::vector<uint8_t> out{};
    };

    Result<void> check() const;
    std::string cleaned_path(Offset base, std::string_view kind) const {
        return offset_file_path(directory_, base, kind) + std::string{kCleanedSuffix};
    }
    Task<Result<void>> make_recoverable();
    Task<Result<std::vector<AbortEntry>>> collect_aborts(Offset from, Offset upper);
    Task<Result<void>> map_keys();
    Task<Result<void>> map_segment(Offset base, KeyMapper& mapper);
    std::vector<Group> make_groups() const;
    uint64_t file_bytes(Offset base, std::string_view kind) const;
    Task<Result<void>> clean_group(Group group, CleanedTransactions& transactions,
                                   const LastRecords& producers);
    Task<Result<void>> write_cleaned(const Group& group, CleanedTransactions& transactions,
                                     const LastRecords& producers, Cleaned& cleaned);
    Task<Result<void>> filter_segment(const Part& part, BatchFilter& filter, Cleaned& cleaned);
    Result<size_t> filter_piece(ByteView bytes, BatchFilter& filter, Cleaned& cleaned) const;
    Task<Result<void>> finish_files(const Group& group, Cleaned& cleaned);
    Result<void> write_indexes(Cleaned& cleaned, TimestampMs modified) const;
    Task<Result<void>> swap_in(const Group& group, uint64_t size, bool has_aborts);
    Result<void> rename_all(Offset base, std::string_view from, std::string_view to) const;
    Result<void> replace_segments(const Group& group, uint64_t size, bool has_aborts);
    bool still_there(const Group& group) const;

    Log::State& s_;
    const CleanableRange range_;
    CleanTools& tools_;
    const TimestampMs now_;
    // As they were: the log's own may change while a thread of the pool looks.
    const std::string directory_;
    const LogConfig config_;
    const uint64_t truncations_;
    KeyOffsets last_offsets_;
    Offset mapped_end_ = 0;
    CleanReport report_;
};

Result<void> LogCleaning::check() const {
    TRY_OK(s_.check_usable());
    if (s_.truncations != truncations_) return fail(ErrorCode::cancelled, "the log was truncated");
    return {};
}

// What a record that goes was superseded by, and the marker that decided so, must be durable first.
// And compaction leaves holes, which a recovery that scans takes for lost records if the topic is
// not compacted any more by then: it must not begin below what is cleaned.
Task<Result<void>> LogCleaning::make_recoverable() {
    if (s_.progress->flushed < s_.end || s_.recovery_point < range_.first_uncleanable) {
        const auto alone = co_await s_.disk_work.lock();
        CO_TRY_OK(check());
        CO_TRY_OK(co_await s_.save());
    }
    // Nor may a replay of the journal write into a segment that was compacted since.
    CO_TRY_OK(co_await s_.settle());
    if (s_.shard.checkpoints) CO_TRY_OK(co_await s_.shard.checkpoints->checkpoint());
    co_return check();
}

// The aborted transactions that touch [from, upper).
Task<Result<std::vector<AbortEntry>>> LogCleaning::collect_aborts(Offset from, Offset upper) {
    std::vector<AbortEntry> found;
    Offset base = s_.segments[s_.segment_index(from)]->base();
    while (true) {
        Segment* segment = s_.segments[s_.segment_index(base)].get();
        if (!segment->aborts().loaded()) {
            CO_TRY_OK(co_await s_.load_aborts(segment->base()));
            CO_TRY_OK(check());
            continue;
        }
        for (const AbortEntry& entry : segment->aborts().all()) {
            if (entry.last_offset >= from && entry.first_offset < upper) found.push_back(entry);
            if (entry.last_stable_offset >= upper) co_return found;
        }
        const size_t next = s_.segment_index(base) + 1;
        if (next >= s_.segments.size()) co_return found;
        base = s_.segments[next]->base();
    }
}

Task<Result<void>> LogCleaning::map_keys() {
    CO_TRY(auto aborts, co_await collect_aborts(range_.first_dirty, range_.first_uncleanable));
    CleanedTransactions transactions(std::move(aborts));
    KeyMapper mapper{range_.first_dirty, last_offsets_, transactions, range_.first_dirty};
    Offset base = s_.segments[s_.segment_index(range_.first_dirty)]->base();
    while (base < range_.first_uncleanable && !mapper.full) {
        CO_TRY_OK(co_await map_segment(base, mapper));
        const size_t index = s_.segment_index(base);
        base = index + 1 < s_.segments.size() ? s_.segments[index + 1]->base() : s_.end;
        // A segment may end in a hole.
        if (!mapper.full) mapper.mapped_end = std::max(mapper.mapped_end, base);
    }
    mapped_end_ = std::min(mapper.mapped_end, range_.first_uncleanable);
    report_.map_fill =
        static_cast<double>(last_offsets_.size()) / static_cast<double>(last_offsets_.size_max());
    co_return {};
}

Task<Result<void>> LogCleaning::map_segment(Offset base, KeyMapper& mapper) {
    Segment* segment = s_.find_segment(base);
    if (!segment) co_return fail(ErrorCode::cancelled, "the segment was dropped");
    if (segment->size() == 0) co_return {};
    CO_TRY(auto file, segment->file());
    SegmentPieces pieces(std::move(file), segment->size(), tools_.piece_bytes);
    while (!mapper.full) {
        CO_TRY(const bool more, co_await pieces.fill());
        if (!more) break;
        Result<size_t> taken = size_t{0};
        co_await tools_.workers.run([&] { taken = mapper.take(pieces.bytes()); });
        CO_TRY(const size_t bytes, std::move(taken));
        pieces.consume(bytes);
        report_.mapped_bytes += pieces.read_bytes();
        CO_TRY_OK(co_await tools_.budget.spend(pieces.read_bytes()));
        CO_TRY_OK(check());
    }
    co_return {};
}

uint64_t LogCleaning::file_bytes(Offset base, std::string_view kind) const {
    const auto info = s_.shard.disk().info(offset_file_path(directory_, base, kind));
    return info ? info->size : 0;
}

// Neighbours whose batches and index entries fit one segment also if nothing of them goes.
std::vector<Group> LogCleaning::make_groups() const {
    std::vector<Group> groups;
    uint64_t bytes = 0;
    uint64_t index_bytes = 0;
    uint64_t time_bytes = 0;
    const auto index_max = static_cast<uint64_t>(config_.segment_index_bytes);
    for (size_t i = 0; i + 1 < s_.segments.size(); ++i) {
        const Segment& segment = *s_.segments[i];
        const Part part{segment.base(), segment.size(), segment.modified()};
        if (part.base >= mapped_end_) break;
        const uint64_t index = file_bytes(part.base, kIndexSuffix);
        const uint64_t times = file_bytes(part.base, kTimeIndexSuffix);
        const bool fits =
            !groups.empty() && bytes + part.size <= static_cast<uint64_t>(config_.segment_bytes) &&
            index_bytes + index <= index_max && time_bytes + times <= index_max &&
            (part.size == 0 || s_.segment_end(i) - 1 - groups.back().front().base <= INT32_MAX);
        if (!fits) {
            groups.emplace_back();
            bytes = index_bytes = time_bytes = 0;
        }
        groups.back().push_back(part);
        bytes += part.size;
        index_bytes += index;
        time_bytes += times;
    }
    return groups;
}

// On a thread of the pool.
Result<size_t> LogCleaning::filter_piece(ByteView bytes, BatchFilter& filter,
                                         Cleaned& cleaned) const {
    cleaned.out.clear();
    uint64_t noted = 0;
    TRY(const size_t taken, protocol::for_each_batch(bytes, [&](BatchView batch) -> Result<void> {
            TRY_OK(check_sound(batch));
            TRY_OK(filter.apply(batch, cleaned.out));
            if (cleaned.out.size() == noted) return {};
            TRY(const auto kept,
                protocol::BatchHeaderView::parse(ByteView{cleaned.out}.subspan(noted)));
            const uint64_t position = cleaned.size + noted;
            if (position > INT32_MAX)
                return fail(ErrorCode::record_list_too_large, "the cleaned segment exceeds 2 GiB");
            cleaned.entries.note(kept, position, config_, 0);
            noted = cleaned.out.size();
            return {};
        }));
    if (!cleaned.out.empty()) {
        const ByteView part{cleaned.out};
        TRY_OK(cleaned.file->write_at(cleaned.size, {&part, 1}));
        cleaned.size += part.size();
    }
    return taken;
}

Task<Result<void>> LogCleaning::filter_segment(const Part& part, BatchFilter& filter,
                                               Cleaned& cleaned) {
    Segment* segment = s_.find_segment(part.base);
    if (!segment || segment->size() != part.size)
        co_return fail(ErrorCode::cancelled, "the segment was dropped");
    if (part.size == 0) co_return {};
    CO_TRY(auto file, segment->file());
    SegmentPieces pieces(std::move(file), part.size, tools_.piece_bytes);
    while (true) {
        CO_TRY(const bool more, co_await pieces.fill());
        if (!more) co_return {};
        const uint64_t size_before = cleaned.size;
        Result<size_t> taken = size_t{0};
        co_await tools_.workers.run([&] { taken = filter_piece(pieces.bytes(), filter, cleaned); });
        CO_TRY(const size_t bytes, std::move(taken));
        pieces.consume(bytes);
        const uint64_t written = cleaned.size - size_before;
        report_.bytes_read += pieces.read_bytes();
        report_.bytes_written += written;
        CO_TRY_OK(co_await tools_.budget.spend(pieces.read_bytes() + written));
        CO_TRY_OK(check());
    }
}

Task<Result<void>> LogCleaning::write_cleaned(const Group& group, CleanedTransactions& transactions,
                                              const LastRecords& producers, Cleaned& cleaned) {
    CO_TRY_OK(check());
    const Offset base = group.front().base;
    auto& disk = s_.shard.disk();
    CO_TRY(cleaned.file, disk.open(cleaned_path(base, kLogSuffix), runtime::OpenMode::create));
    BatchFilter filter(last_offsets_, transactions, producers,
                       {.now = now_,
                        .delete_retention_ms = config_.delete_retention_ms,
                        .mapped_end = mapped_end_,
                        .round_end = range_.first_uncleanable,
                        .levels = config_.compression_levels});
    for (const Part& part : group) {
        CO_TRY_OK(co_await filter_segment(part, filter, cleaned));
        for (const AbortEntry& entry : transactions.take_kept()) cleaned.entries.note_abort(entry);
    }
    report_.records_read += filter.records_read();
    report_.records_kept += filter.records_kept();
    report_.records_without_key += filter.records_without_key();
    co_return co_await finish_files(group, cleaned);
}

// On a thread of the pool.
Result<void> LogCleaning::write_indexes(Cleaned& cleaned, TimestampMs modified) const {
    auto& disk = s_.shard.disk();
    Segment& entries = cleaned.entries;
    const Offset base = entries.base();
    entries.add_last_time_entry();
    TRY_OK(entries.offsets().save(disk, cleaned_path(base, kIndexSuffix)));
    TRY_OK(entries.times().save(disk, cleaned_path(base, kTimeIndexSuffix)));
    if (!entries.aborts().all().empty())
        TRY_OK(entries.aborts().save(disk, cleaned_path(base, kTxnIndexSuffix)));
    // For retention, where records carry no timestamps.
    return disk.set_modified(cleaned_path(base, kLogSuffix), modified);
}

Task<Result<void>> LogCleaning::finish_files(const Group& group, Cleaned& cleaned) {
    Result<void> written;
    co_await tools_.workers.run([&] { written = write_indexes(cleaned, group.back().modified); });
    CO_TRY_OK(std::move(written));
    for (std::string_view kind : kSegmentSuffixes) {
        if (kind == kTxnIndexSuffix && cleaned.entries.aborts().all().empty()) continue;
        CO_TRY_OK(check());
        CO_TRY(const auto file, s_.shard.disk().open(cleaned_path(group.front().base, kind),
                                                     runtime::OpenMode::write));
        CO_TRY_OK(co_await file->sync());
    }
    co_return check();
}

bool LogCleaning::still_there(const Group& group) const {
    const size_t first = s_.segment_index(group.front().base);
    if (first + group.size() >= s_.segments.size()) return false;
    return std::ranges::equal(group, std::span{s_.segments}.subspan(first, group.size()),
                              [](const Part& part, const auto& segment) {
                                  return part.base == segment->base() &&
                                         part.size == segment->size();
                              });
}

Result<void> LogCleaning::rename_all(Offset base, std::string_view from,
                                     std::string_view to) const {
    for (std::string_view kind : kSegmentSuffixes) {
        const std::string path = offset_file_path(directory_, base, kind);
        const auto renamed =
            s_.shard.disk().rename(path + std::string{from}, path + std::string{to});
        if (!renamed && (kind != kTxnIndexSuffix || renamed.code() != ErrorCode::not_found))
            return storage_error(renamed.error());
    }
    return {};
}

Task<Result<void>> LogCleaning::swap_in(const Group& group, uint64_t size, bool has_aborts) {
    const Offset base = group.front().base;
    const auto alone = co_await s_.disk_work.lock();
    CO_TRY_OK(check());
    if (!still_there(group)) co_return fail(ErrorCode::cancelled, "a segment was dropped");
    CO_TRY_OK(rename_all(base, kCleanedSuffix, kSwapSuffix));
    // The new ones must have their names before the old ones lose theirs.
    if (auto synced = co_await s_.shard.disk().sync_directory(directory_); !synced)
        co_return s_.unusable.empty() ? s_.give_up(synced.error()) : synced.error();
    CO_TRY_OK(check());
    if (!still_there(group)) co_return fail(ErrorCode::cancelled, "a segment was dropped");
    // What fails from here on leaves on the disk what only a start can settle.
    if (auto replaced = replace_segments(group, size, has_aborts); !replaced)
        co_return s_.give_up(replaced.error());
    if (auto synced = co_await s_.shard.disk().sync_directory(directory_); !synced)
        co_return s_.unusable.empty() ? s_.give_up(synced.error()) : synced.error();
    co_return {};
}

Result<void> LogCleaning::replace_segments(const Group& group, uint64_t size, bool has_aborts) {
    const Offset base = group.front().base;
    const size_t first = s_.segment_index(base);
    const auto begin = s_.segments.begin() + static_cast<ptrdiff_t>(first);
    ++s_.swaps;
    s_.forget_keys_behind(s_.segment_end(first + group.size() - 1));
    s_.tail.clear_below(s_.active().base());
    const TimestampMs due = now_ + s_.config.file_delete_delay_ms;
    for (auto at = begin; at != begin + static_cast<ptrdiff_t>(group.size()); ++at) {
        const bool stays = (*at)->base() == base;
        TRY_OK((*at)->mark_deleted(due, !stays));
        if (!stays) std::erase(s_.saved_snapshots, (*at)->base());
    }
    TRY_OK(rename_all(base, kSwapSuffix, ""));
    s_.segments.erase(begin + 1, begin + static_cast<ptrdiff_t>(group.size()));
    s_.segments[first] = std::make_unique<Segment>(s_.shard, s_.directory, base, size,
                                                   group.back().modified, has_aborts);
    return {};
}

// A start that finds a `.cleaned` file drops the `.swap` files, too: so they become that first, and
// no point between leaves a part of them to be taken in.
Result<void> LogCleaning::remove_unfinished() const {
    TRY_OK(s_.check_usable());
    auto& disk = s_.shard.disk();
    std::vector<std::string> doomed;
    TRY(const auto entries, disk.list(directory_));
    for (const runtime::DirEntry& entry : entries) {
        const auto name = parse_offset_file(entry.name);
        if (!name || (name->mark != kSwapSuffix && name->mark != kCleanedSuffix)) continue;
        const std::string path = offset_file_path(directory_, name->offset, name->kind);
        doomed.push_back(path + std::string{kCleanedSuffix});
        if (name->mark == kSwapSuffix)
            TRY_OK(disk.rename(path + std::string{kSwapSuffix}, doomed.back()));
    }
    for (const std::string& path : doomed) TRY_OK(disk.remove(path));
    return {};
}

Task<Result<void>> LogCleaning::clean_group(Group group, CleanedTransactions& transactions,
                                            const LastRecords& producers) {
    Cleaned cleaned{Segment(s_.shard, directory_, group.front().base, 0)};
    auto done = co_await write_cleaned(group, transactions, producers, cleaned);
    cleaned.file.reset();
    if (done) done = co_await swap_in(group, cleaned.size, !cleaned.entries.aborts().all().empty());
    if (!done) co_return done;
    report_.segments_before += group.size();
    ++report_.segments_after;
    co_return {};
}

Task<Result<CleanReport>> LogCleaning::run() {
    CO_TRY_OK(remove_unfinished());
    CO_TRY_OK(co_await make_recoverable());
    CO_TRY_OK(co_await map_keys());
    const Offset first = s_.segments.front()->base();
    // The last segment is read to its end, though not all of it is mapped.
    const Offset last = s_.segment_end(s_.segment_index(mapped_end_ - 1));
    CO_TRY(auto aborts, co_await collect_aborts(first, last));
    CleanedTransactions transactions(std::move(aborts));
    const LastRecords producers = s_.producers.last_records();
    for (Group& group : make_groups())
        CO_TRY_OK(co_await clean_group(std::move(group), transactions, producers));
    s_.cleaned_to = mapped_end_;
    report_.cleaned_to = mapped_end_;
    co_return report_;
}

Task<Result<CleanReport>> Log::clean(CleanableRange range, CleanTools tools, TimestampMs now) {
    const State::Busy busy(*state_);
    CO_TRY_OK(state_->check_usable());
    if (range.first_uncleanable <= range.first_dirty)
        co_return fail(ErrorCode::invalid_request, "nothing to clean");
    LogCleaning cleaning(*state_, range, tools, now);
    auto done = co_await cleaning.run();
    if (done) co_return *std::move(done);
    // What stays goes with the next cleaning or start.
    (void)cleaning.remove_unfinished();
    Error cause = std::move(done).error();
    if (cause.code == ErrorCode::cancelled || cause.code == ErrorCode::corrupt_message)
        co_return cause;
    co_return storage_error(std::move(cause));
}

}  // namespace millrace::storage
