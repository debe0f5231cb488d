#include "storage/segment.h"

#include <algorithm>

#include "base/log.h"

namespace millrace::storage {
namespace {

// Entries are written once this many wait, so that what a crash leaves to rebuild stays small.
constexpr size_t kUnsavedEntriesMax = 1024;
// Appended bytes that call for an index entry, whatever the interval.
constexpr uint64_t kAnyBytes = uint64_t{1} << 32;

}  // namespace

Error storage_error(Error cause) {
    if (cause.code == ErrorCode::kafka_storage_error) return cause;
    return fail(ErrorCode::kafka_storage_error, cause.describe());
}

Segment::Segment(Shard& shard, const std::string& directory, Offset base, TimestampMs created)
    : shard_(shard),
      directory_(directory),
      base_(base),
      on_disk_(false),
      modified_(created),
      created_(created),
      max_known_(true),
      has_transactions_(false) {
    offsets_.start_empty();
    times_.start_empty();
    aborts_.start_empty();
}

Segment::Segment(Shard& shard, const std::string& directory, Offset base, uint64_t size,
                 TimestampMs modified, bool has_transactions)
    : synced_size(size),
      directory_synced(true),
      indexes_synced(true),
      shard_(shard),
      directory_(directory),
      base_(base),
      size_(size),
      drained_(size),
      on_disk_(true),
      modified_(modified),
      created_(modified),
      has_transactions_(has_transactions) {
    if (!has_transactions) aborts_.start_empty();
}

Segment::~Segment() {
    close_file();
    keep_index();
}

void Segment::keep_index() {
    if (!index_listed_) return;
    shard_.loaded_index_bytes -= listed_bytes_;
    shard_.loaded_indexes.erase(index_use_);
    index_listed_ = false;
}

std::string Segment::path(std::string_view suffix) const {
    return offset_file_path(directory_, base_, suffix);
}

Result<std::shared_ptr<runtime::File>> Segment::file() {
    if (file_) {
        shard_.open_files.splice(shard_.open_files.end(), shard_.open_files, file_use_);
        return file_;
    }
    const auto mode = on_disk_ ? runtime::OpenMode::write : runtime::OpenMode::create;
    auto opened = shard_.disk().open(path(kLogSuffix), mode);
    if (!opened) return storage_error(std::move(opened).error());
    on_disk_ = true;
    file_ = *std::move(opened);
    file_use_ = shard_.open_files.insert(shard_.open_files.end(), this);
    while (shard_.open_files.size() > std::max<size_t>(1, shard_.limits.open_files_max))
        shard_.open_files.front()->close_file();
    return file_;
}

void Segment::close_file() {
    if (!file_) return;
    shard_.open_files.erase(file_use_);
    file_.reset();
}

Result<void> Segment::write(ByteView batches) {
    TRY(const auto log, file());
    const auto written = log->write_at(size_, {&batches, 1});
    if (written) {
        size_ += batches.size();
        drained_ = size_;
        indexes_synced = false;
        return {};
    }
    cut_unsynced = true;
    const auto cut = log->truncate(size_);
    if (!cut) return fail(ErrorCode::io_error, cut.error().describe());
    return storage_error(written.error());
}

Result<void> Segment::drain(std::span<const ByteView> parts) {
    TRY(const auto log, file());
    // What a failed write left behind the drained part is written over by the next one.
    TRY_OK(log->write_at(drained_, parts));
    drained_ = size_;
    indexes_synced = false;
    return {};
}

void Segment::add_time_entry() {
    if (max_timestamp_ < 0) return;
    const TimeEntry entry{max_timestamp_, static_cast<int32_t>(max_timestamp_offset_ - base_)};
    if (entry.follows(times_.all().empty() ? nullptr : &times_.all().back())) times_.add(entry);
}

void Segment::note(protocol::BatchHeaderView batch, uint64_t position, const LogConfig& config,
                   TimestampMs now) {
    modified_ = now;
    if (position == 0) first_timestamp_ = batch.max_timestamp();
    if (batch.max_timestamp() > max_timestamp_) {
        max_timestamp_ = batch.max_timestamp();
        max_timestamp_offset_ = batch.last_offset();
    }
    if (bytes_since_entry_ > static_cast<uint64_t>(config.index_interval_bytes)) {
        offsets_.add(
            {static_cast<int32_t>(batch.last_offset() - base_), static_cast<int32_t>(position)});
        add_time_entry();
        bytes_since_entry_ = 0;
        if (offsets_.unsaved() >= kUnsavedEntriesMax)
            if (const auto saved = save_indexes(); !saved)
                LOG_WARN("storage", "index entries stay in memory: {}", saved.error().describe());
    }
    bytes_since_entry_ += batch.size_bytes();
}

void Segment::note_abort(const AbortEntry& entry) {
    if (!entry.follows(aborts_.all().empty() ? nullptr : &aborts_.all().back())) return;
    aborts_.add(entry);
    indexes_synced = false;
}

bool Segment::must_roll(size_t bytes, Offset last_offset, TimestampMs max_timestamp,
                        TimestampMs now, const LogConfig& config, int64_t jitter_ms) const {
    if (last_offset - base_ > INT32_MAX) return true;
    if (size_ == 0) return false;
    if (size_ + bytes > static_cast<uint64_t>(config.segment_bytes)) return true;
    const bool by_timestamp = first_timestamp_ && *first_timestamp_ >= 0;
    const int64_t waited = by_timestamp ? max_timestamp - *first_timestamp_ : now - created_;
    if (waited > config.roll_ms() - jitter_ms) return true;
    const auto index_bytes = static_cast<size_t>(config.segment_index_bytes);
    return offsets_.all().size() >= index_bytes / IndexEntry::kBytes ||
           times_.all().size() + 1 >= index_bytes / TimeEntry::kBytes;
}

uint64_t Segment::position_before(Offset offset) const {
    const auto& entries = offsets_.all();
    const auto above = std::ranges::upper_bound(
        entries, offset - base_, {}, [](const auto& e) { return static_cast<Offset>(e.offset); });
    return above == entries.begin() ? 0 : static_cast<uint64_t>((above - 1)->position);
}

uint64_t Segment::batch_start_before(uint64_t position) const {
    const auto& entries = offsets_.all();
    const auto above = std::ranges::upper_bound(
        entries, position, {}, [](const auto& e) { return static_cast<uint64_t>(e.position); });
    return above == entries.begin() ? 0 : static_cast<uint64_t>((above - 1)->position);
}

void Segment::touch_index() {
    if (!offsets_.loaded()) return;
    auto& uses = shard_.loaded_indexes;
    if (index_listed_) {
        uses.splice(uses.end(), uses, index_use_);
        shard_.loaded_index_bytes -= listed_bytes_;
    } else {
        index_use_ = uses.insert(uses.end(), this);
        index_listed_ = true;
    }
    listed_bytes_ = offsets_.bytes();
    shard_.loaded_index_bytes += listed_bytes_;
    for (auto use = uses.begin();
         use != uses.end() && shard_.loaded_index_bytes > shard_.limits.index_cache_bytes;) {
        Segment& oldest = **use;
        ++use;
        if (&oldest == this || oldest.offsets_.has_unsaved()) continue;
        oldest.keep_index();
        oldest.offsets_.drop();
    }
}

void Segment::forget_from(uint64_t position, Offset offset, bool after_entry) {
    const auto& entries = offsets_.all();
    offsets_.cut(static_cast<size_t>(
        std::ranges::lower_bound(entries, position, {},
                                 [](const auto& e) { return static_cast<uint64_t>(e.position); }) -
        entries.begin()));
    times_.cut(static_cast<size_t>(
        std::ranges::lower_bound(times_.all(), offset - base_, {},
                                 [](const auto& e) { return static_cast<Offset>(e.offset); }) -
        times_.all().begin()));
    max_timestamp_ = -1;
    max_timestamp_offset_ = -1;
    if (!times_.all().empty()) {
        max_timestamp_ = times_.all().back().timestamp;
        max_timestamp_offset_ = base_ + times_.all().back().offset;
    }
    max_known_ = true;
    if (position == 0) first_timestamp_.reset();
    bytes_since_entry_ = after_entry ? 0 : kAnyBytes;
    indexes_synced = false;
}

void Segment::forget_aborts_from(Offset offset) {
    const auto& entries = aborts_.all();
    const auto first = std::ranges::lower_bound(entries, offset, {}, &AbortEntry::last_offset);
    if (first == entries.end()) return;
    aborts_.cut(static_cast<size_t>(first - entries.begin()));
    indexes_synced = false;
}

void Segment::set_max_timestamp(TimestampMs timestamp, Offset offset) {
    max_timestamp_ = timestamp;
    max_timestamp_offset_ = offset;
    max_known_ = true;
}

bool Segment::index_unsaved() const {
    return (offsets_.loaded() && offsets_.has_unsaved()) ||
           (times_.loaded() && times_.has_unsaved()) || (aborts_.loaded() && aborts_.has_unsaved());
}

Result<void> Segment::save_indexes() {
    if (!on_disk_) return {};
    auto& disk = shard_.disk();
    // An entry on the disk is the sign that a file was made: empty ones are made by
    // finish_indexes().
    if (offsets_.loaded() && offsets_.has_unsaved())
        if (auto saved = offsets_.save(disk, path(kIndexSuffix)); !saved)
            return storage_error(saved.error());
    if (times_.loaded() && times_.has_unsaved())
        if (auto saved = times_.save(disk, path(kTimeIndexSuffix)); !saved)
            return storage_error(saved.error());
    if (aborts_.loaded() && aborts_.has_unsaved()) {
        has_transactions_ = true;
        if (auto saved = aborts_.save(disk, path(kTxnIndexSuffix)); !saved)
            return storage_error(saved.error());
    }
    return {};
}

Result<void> Segment::finish_indexes() {
    if (!on_disk_) return {};
    if (times_.loaded() && max_known_) add_time_entry();
    for (std::string_view suffix : {kIndexSuffix, kTimeIndexSuffix})
        if (auto made = shard_.disk().open(path(suffix), runtime::OpenMode::create); !made)
            return storage_error(made.error());
    return save_indexes();
}

Result<void> Segment::truncate(uint64_t size) {
    if (!on_disk_) return {};
    TRY(const auto log, file());
    if (auto cut = log->truncate(size); !cut) return storage_error(cut.error());
    size_ = drained_ = size;
    cut_unsynced = true;
    synced_size = std::min(synced_size, size);
    indexes_synced = false;
    return {};
}

Result<void> Segment::mark_deleted(TimestampMs due, bool with_snapshot) {
    if (!on_disk_) return {};
    close_file();
    for (std::string_view suffix :
         {kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix, kSnapshotSuffix}) {
        if (suffix == kSnapshotSuffix && !with_snapshot) continue;
        const std::string from = path(suffix);
        const std::string to = from + std::string{kDeletedSuffix};
        const auto renamed = shard_.disk().rename(from, to);
        if (renamed) {
            shard_.delete_later(to, due);
        } else if (renamed.code() != ErrorCode::not_found) {
            return storage_error(renamed.error());
        }
    }
    on_disk_ = false;
    return {};
}

}  // namespace millrace::storage
