// The inside of a Log, shared by the files that implement it: log.cc (append, state), log_read.cc,
// log_lookup.cc (timestamps), log_load.cc (open and recovery), log_journal.cc, log_save.cc (flush,
// save, close), log_rest.cc (unused logs), log_trim.cc (retention, truncation), log_cleanable.cc and
// log_clean.cc (compaction). Nothing outside includes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/event.h"
#include "storage/append_condition.h"
#include "storage/batch_file.h"
#include "storage/cold_reads.h"
#include "storage/epoch_cache.h"
#include "storage/journal.h"
#include "storage/log.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/shard.h"
#include "storage/tail_cache.h"

namespace millrace::storage {

// Reads batch headers of one segment from the tail cache or its file, for the length of one plain
// function.
class HeaderScan {
public:
    HeaderScan(const Tail& tail, Segment& segment, ColdReads& cold)
        : tail_(tail), segment_(segment), cold_(cold) {}
    // The header of the batch at `position`, which lies whole in the segment; valid until the next
    // call. Errors: would_block (noted in the ColdReads), corrupt_message, kafka_storage_error.
    Result<protocol::BatchHeaderView> at(uint64_t position);

private:
    Result<ByteView> bytes_at(uint64_t position);

    const Tail& tail_;
    Segment& segment_;
    ColdReads& cold_;
    SharedBytes memory_;
    uint64_t memory_position_ = 0;
    std::array<uint8_t, 4096> buffer_;
    uint64_t buffer_position_ = 0;
    size_t buffer_bytes_ = 0;
};

struct LogKeys;

// Of a log that was opened and then not appended to nor read.
inline constexpr TimestampMs kNeverUsed = INT64_MIN;

struct Log::State final : JournalClient {
    State(Shard& shard_used, LogOpen open);
    ~State() override;

    // A Task of this log is under way while one of these lives.
    struct Busy {
        explicit Busy(State& s) : state(s) { ++state.tasks; }
        ~Busy() { --state.tasks; }
        Busy(const Busy&) = delete;
        State& state;
    };

    Shard& shard;
    std::string directory;
    TopicPartition partition;
    std::string directory_name;  // "topic-3"; `directory` ends otherwise while it is being moved
    LogConfig config;
    std::optional<Uuid> topic_id;
    int64_t producer_id_expiration_ms;
    bool new_directory;
    const uint64_t made_at;            // Shard::mark(); its directory is older
    std::optional<Offset> cleaned_to;  // below, the log is compacted
    size_t tasks = 0;
    bool used = false;  // appended to or read, since unused_ms() looked
    TimestampMs unused_since = kNeverUsed;
    TimestampMs looked_at;
    std::string unusable;  // why no file may be touched any more; empty = usable

    // Ascending, never empty; the last one is the active one.
    std::vector<std::unique_ptr<Segment>> segments;
    Offset start = 0;
    Offset end = 0;
    Offset high_watermark = 0;
    Offset recovery_point = 0;
    EpochCache epochs;
    ProducerState producers;
    Tail tail;

    Journal* journal;  // null: none
    // Below `flushed`, a loss of power loses nothing.
    const std::shared_ptr<LogProgress> progress = std::make_shared<LogProgress>();
    std::shared_ptr<JournalGroup> last_group;  // of the newest append that went to the journal
    // Bytes at or behind `flushed` went straight to a segment: syncing the journal is not enough.
    bool written_directly = false;
    uint64_t direct_writes = 0;
    uint64_t waiting_bytes = 0;       // of the active segment, that no file has yet
    TimestampMs unflushed_since = 0;  // when the first record at or behind `flushed` came
    uint64_t unsaved_bytes = 0;       // appended since the last save
    TimestampMs unsaved_since = 0;    // when the first of them came
    TimestampMs last_write = 0;
    bool changed = false;           // appended, rolled or truncated since the last save
    bool rolled = false;            // since the last save
    bool epochs_dirty = false;      // the checkpoint file does not have these epochs
    runtime::AsyncMutex disk_work;  // held by what changes files in several steps
    // Snapshot files inside segments. Those below the recovery point that the checkpoint file has
    // go.
    std::vector<Offset> saved_snapshots;
    // The index of keys, if a condition on one ever came; another one after a truncation.
    std::shared_ptr<LogKeys> keys;
    Offset keys_saved = -1;      // what the file knows; -1 = there is no good one
    bool has_keys_file = false;  // one was there when the log was opened
    uint64_t truncations = 0;    // counted, so that a Task sees that its view is of the past
    uint64_t swaps = 0;          // of segments by compacted ones, for the same

    Segment& active() { return *segments.back(); }
    size_t segment_index(Offset offset) const;  // the last one with base <= offset, else 0
    Segment* find_segment(Offset base) const;   // exactly this base
    Offset segment_end(size_t index) const;
    int64_t jitter_ms(Offset base) const;
    Result<void> check_usable() const;
    Error give_up(Error cause);
    void add_segment(Offset base, TimestampMs now);

    // log.cc
    struct Write {
        ByteView batches;
        Offset last_offset;
        TimestampMs max_timestamp;
        TimestampMs now;
        bool gather;
    };
    // Where it lies in the active segment; the group is null when a file has it already.
    struct Place {
        uint64_t position;
        std::shared_ptr<JournalGroup> group;
    };
    Result<Place> write(const Write& what);
    Result<void> roll_if_due(const Write& what);
    void note(protocol::BatchHeaderView batch, uint64_t position,
              const std::optional<TransactionMarker>& marker, TimestampMs now);
    bool flush_due(TimestampMs now) const;
    Result<AppendResult> append_validated(protocol::ValidatedBatch& validated, AppendBytes& bytes,
                                          const LeaderAppend& how);
    Result<void> roll(TimestampMs now);

    // append_condition.cc
    Result<void> judge(AppendCondition& condition, protocol::BatchView batch);
    Result<void> judge_keys(AppendCondition& condition, protocol::BatchView batch) const;

    // log_keys.cc
    bool knows_keys() const;
    runtime::Task<Result<void>> open_keys();
    runtime::Task<Result<void>> load_keys(std::shared_ptr<LogKeys> into);
    runtime::Task<Result<void>> read_keys(std::shared_ptr<LogKeys> into, runtime::Loop& loop,
                                          runtime::TimePoint deadline);
    runtime::Task<Result<bool>> read_some_keys(std::shared_ptr<LogKeys> into);
    runtime::Task<Result<void>> save_keys();
    Result<void> forget_keys_from(Offset offset);
    // In the moment in which what lies below is replaced by its compacted form.
    void forget_keys_behind(Offset compacted_to);
    void drop_keys();
    // log_journal.cc
    bool promises() const { return config.flush_messages <= 1; }
    bool to_journal(size_t bytes, bool gather) const;
    JournalEntry journal_entry(JournalEntryKind kind) const;
    std::shared_ptr<JournalGroup> write_to_journal(ByteView batches, Offset end_after);
    Result<void> drain() override;
    runtime::Task<Result<void>> flush_all() override;
    void needs_sync() override;
    runtime::Task<Result<void>> commit(AppendResult appended);
    runtime::Task<Result<void>> settle();

    // log_read.cc
    Result<ReadResult> read(const ReadRequest& request, ColdReads& cold);
    Result<uint64_t> locate(Segment& segment, Offset target, ColdReads& cold);
    Result<std::vector<AbortedTransaction>> aborted(Offset from, Offset upper, ColdReads& cold);
    Result<void> emit(Segment& segment, uint64_t from, uint64_t to, Chain& out) const;
    runtime::Task<Result<void>> wait_for(ColdReads& cold);
    runtime::Task<Result<void>> load_index(Offset base);
    runtime::Task<Result<void>> rebuild_index(Offset base);
    runtime::Task<Result<void>> load_times(Offset base);
    runtime::Task<Result<void>> load_aborts(Offset base);

    // log_lookup.cc
    runtime::Task<Result<void>> know_timestamps(Offset base);
    runtime::Task<Result<TimestampOffset>> first_at_or_after(TimestampMs timestamp);
    runtime::Task<Result<TimestampOffset>> largest_timestamp();

    // log_load.cc
    runtime::Task<Result<void>> load(const LogOpen& open);
    runtime::Task<Result<void>> load_segments(const LogOpen& open, std::vector<Offset>& snapshots);
    runtime::Task<Result<void>> recover(Offset from, TimestampMs now);
    void report_damage(std::string sentence);
    Result<void> drop_behind(size_t index, TimestampMs now);
    runtime::Task<Result<bool>> find_end(TimestampMs now);
    runtime::Task<Result<uint64_t>> prepare_scan(size_t index, Offset offset, bool from_start);
    runtime::Task<Result<uint64_t>> scan_segment(size_t index, uint64_t position, bool verify,
                                                 TimestampMs now);
    // Loads the newest usable one of `snapshots` at or below the log end and replays what follows
    // it.
    runtime::Task<Result<void>> reload_producers(std::vector<Offset> snapshots, TimestampMs now);
    runtime::Task<Result<void>> replay_producers(Offset from);

    // log_clean.cc
    runtime::Task<Result<Offset>> lagging_from(Offset first_dirty, TimestampMs now);
    runtime::Task<Result<TimestampMs>> oldest_timestamp(Offset from, Offset to);

    // log_rest.cc
    runtime::Task<Result<void>> finish();

    // log_save.cc
    // With `names` the directory is synced in any case.
    runtime::Task<Result<void>> flush(bool names = false);
    runtime::Task<Result<void>> save();
    runtime::Task<Result<void>> replace(std::string path, std::string content);
    runtime::Task<Result<void>> sync_indexes();
    runtime::Task<Result<void>> sync_new_directory();
    Result<void> write_snapshot(Offset offset);
    std::string snapshot_path(Offset offset) const {
        return offset_file_path(directory, offset, kSnapshotSuffix);
    }

    // log_trim.cc
    Result<size_t> drop_segments(size_t count, TimestampMs now);
    runtime::Task<Result<size_t>> count_expired(TimestampMs now);
    runtime::Task<Result<void>> restart_at(Offset offset, TimestampMs now);
    runtime::Task<Result<void>> load_all_of_index(Offset base);
    runtime::Task<Result<void>> cut_at(Offset offset, uint64_t position);
    Result<std::vector<Offset>> remove_snapshots(Offset offset);
    void advance_start(Offset offset);
};

}  // namespace millrace::storage
