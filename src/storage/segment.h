// One segment: an append-only file of record batches and its indexes.
//
//   00000000000000368769.log                             batches, back to back
//   00000000000000368769.index, .timeindex, .txnindex    index_entries.h
//
// A new segment has no files before its first append. The .log file is opened when it is touched
// and closed under the shard's budget; index entries are loaded when a lookup needs them, and those
// of segments that no longer grow are dropped under a budget.
//
// Owner: Log. Errors: kafka_storage_error with the path. Kafka: LogSegment.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/units.h"
#include "protocol/record_batch.h"
#include "storage/file_names.h"
#include "storage/index_entries.h"
#include "storage/log_config.h"
#include "storage/shard.h"

namespace millrace::storage {

// Any failure of the disk, as the code that clients know; `what` is kept.
Error storage_error(Error cause);

class Segment {
public:
    // A segment that is not on the disk yet.
    Segment(Shard& shard, const std::string& directory, Offset base, TimestampMs created);
    // One that is: `size` bytes of log; `has_transactions`: there is a .txnindex file.
    Segment(Shard& shard, const std::string& directory, Offset base, uint64_t size,
            TimestampMs modified, bool has_transactions);
    ~Segment();
    Segment(const Segment&) = delete;

    Offset base() const { return base_; }
    // With what waits in memory behind drained().
    uint64_t size() const { return size_; }
    uint64_t drained() const { return drained_; }
    bool file_open() const { return file_ != nullptr; }
    bool on_disk() const { return on_disk_; }
    TimestampMs modified() const { return modified_; }
    std::string path(std::string_view suffix) const;

    // The .log file, open; makes it when it is not there yet.
    Result<std::shared_ptr<runtime::File>> file();
    void close_file();

    // Writes one or more whole batches at the end. On an error the file is cut back to what it was;
    // io_error when even that fails: the segment must not be used any more.
    Result<void> write(ByteView batches);
    // Batches that wait in memory (a Tail keeps them): no file is touched. drain() writes them, all
    // that wait, one behind the other. no_space when there is no room: they go on waiting.
    void defer(size_t bytes) { size_ += bytes; }
    Result<void> drain(std::span<const ByteView> parts);
    // Takes note of a batch that lies at `position`: index entries, timestamps. In order, each
    // once.
    void note(protocol::BatchHeaderView batch, uint64_t position, const LogConfig& config,
              TimestampMs now);
    void note_abort(const AbortEntry& entry);
    // The entry for the largest timestamp that Kafka adds when a segment is complete.
    void add_last_time_entry() { add_time_entry(); }

    // segment.bytes, segment.ms (less this segment's jitter), index full, offsets too far apart.
    bool must_roll(size_t bytes, Offset last_offset, TimestampMs max_timestamp, TimestampMs now,
                   const LogConfig& config, int64_t jitter_ms) const;

    // Lookups; the entries must be loaded. The position to scan from for a batch that holds
    // `offset`; the largest known batch start at or below `position`.
    uint64_t position_before(Offset offset) const;
    uint64_t batch_start_before(uint64_t position) const;

    IndexEntries<IndexEntry>& offsets() { return offsets_; }
    IndexEntries<TimeEntry>& times() { return times_; }
    IndexEntries<AbortEntry>& aborts() { return aborts_; }
    const IndexEntries<IndexEntry>& offsets() const { return offsets_; }
    const IndexEntries<TimeEntry>& times() const { return times_; }
    const IndexEntries<AbortEntry>& aborts() const { return aborts_; }
    // Puts .index entries under the shard's budget; call it after loading and at each lookup,
    // unless the segment still grows.
    void touch_index();
    // Takes them off the budget: the segment grows (again).
    void keep_index();
    // Throws away what .index says of batches at `position` and behind, and .timeindex of offsets
    // at `offset` and above. What is appended or noted next gets an index entry by the usual
    // interval when `after_entry`, else at once.
    void forget_from(uint64_t position, Offset offset, bool after_entry);
    // Throws away what .txnindex says of transactions that ended at `offset` or above.
    void forget_aborts_from(Offset offset);

    // Writes index entries that are not on the files; makes .index and .timeindex if they are
    // missing.
    Result<void> save_indexes();
    // As save_indexes(), with the entry for the largest timestamp that Kafka adds at roll and
    // close.
    Result<void> finish_indexes();
    bool index_unsaved() const;

    // The size is cut to `size`, which must be a batch boundary.
    Result<void> truncate(uint64_t size);
    // Renames all files to `.deleted` and queues them for removal at `due`. `with_snapshot`: that of
    // the producers' state at its base, too.
    Result<void> mark_deleted(TimestampMs due, bool with_snapshot = true);

    // Of its records; of the file when they have none. The maximum must be known.
    TimestampMs newest() const { return max_timestamp_ >= 0 ? max_timestamp_ : modified_; }
    TimestampMs max_timestamp() const { return max_timestamp_; }
    Offset max_timestamp_offset() const { return max_timestamp_offset_; }
    // From the time index's last entry, when the segment was not noted batch by batch.
    void set_max_timestamp(TimestampMs timestamp, Offset offset);
    bool max_timestamp_known() const { return max_known_; }
    void set_first_timestamp(TimestampMs timestamp) { first_timestamp_ = timestamp; }
    bool first_timestamp_known() const { return first_timestamp_.has_value(); }

    // The log's bytes up to here have been synced, and the files' names too.
    uint64_t synced_size = 0;
    bool directory_synced = false;
    // The file was cut since: a loss of power may bring back what lay behind.
    bool cut_unsynced = false;
    bool indexes_synced = false;

private:
    void add_time_entry();

    Shard& shard_;
    const std::string& directory_;
    const Offset base_;
    uint64_t size_ = 0;
    uint64_t drained_ = 0;
    bool on_disk_;
    TimestampMs modified_;
    TimestampMs created_;
    std::optional<TimestampMs> first_timestamp_;
    TimestampMs max_timestamp_ = -1;
    Offset max_timestamp_offset_ = -1;
    bool max_known_ = false;
    uint64_t bytes_since_entry_ = 0;

    std::shared_ptr<runtime::File> file_;
    Shard::Uses::iterator file_use_;
    IndexEntries<IndexEntry> offsets_;
    IndexEntries<TimeEntry> times_;
    IndexEntries<AbortEntry> aborts_;
    bool has_transactions_;
    bool index_listed_ = false;
    size_t listed_bytes_ = 0;
    Shard::Uses::iterator index_use_;
};

}  // namespace millrace::storage
