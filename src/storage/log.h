// Log: one partition's records on disk, in Kafka's files: segments, indexes, producer state, leader
// epochs.
//
//   log start <= last stable offset <= high watermark <= log end
//
// delete_records() moves the first, appends the last.
//
// Owner: LogManager (or raft, for the metadata log). Loop: the partition's shard; nothing here may
// be called from another. A Log that exists is loaded and recovered: open() has done that. Its
// files are opened when touched and closed under the budget of its Shard (shard.h); a partition
// that never held a record has no segment files at all.
//
// Durability: an append whose commit() succeeded survives the end of the process: it is in the page
//   cache, in its segment or in the journal (journal.h). flush() makes what was appended before it survive that too; save() also moves
//   the recovery point. After a crash, open() checks the CRC of everything behind the recovery
//   point and cuts at the first batch that is not whole; nothing corrupt is ever served.
// Overlap: append is a plain function. The Tasks may overlap it and each other, but while a
//   truncation or close() is under way nothing may be appended.
// Errors: kafka_storage_error when the disk refused something (the message has the path), and those
//   named at each call.
// Kafka: UnifiedLog, LocalLog, LogSegment, ProducerStateManager, LeaderEpochFileCache.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/chain.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "protocol/record_batch_validator.h"
#include "runtime/list.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "storage/log_config.h"

namespace millrace::storage {

class Shard;
struct AppendCondition;
class Journal;
struct JournalGroup;
struct CleanableRange;
struct CleanReport;
struct CleanTools;
struct LogSummary;

// The bytes of an append: whole record batches, back to back (exactly one as leader). They are
// stamped in place and then shared with readers, so the caller must be the only one who writes to
// them, and must not do so any more.
struct AppendBytes {
    MutableByteView batches;
    std::shared_ptr<const void> owner;  // keeps `batches` alive; null: the log copies what it keeps
    size_t owner_bytes = 0;  // the memory that `owner` holds (a receive buffer); 0 = batches.size()
};

struct LeaderAppend {
    LeaderEpoch leader_epoch = 0;
    TimestampMs now = 0;
    // `coordinator` also for raft's own batches: control batches are allowed.
    protocol::AppendOrigin origin = protocol::AppendOrigin::client;
    int16_t produce_version = INT16_MAX;
    // A transactional batch that would begin a transaction here is refused with invalid_txn_state
    // unless `verification` is one that still holds (begin_verification).
    bool must_be_verified = false;
    uint64_t verification = 0;
    // Of a marker's transaction: from 2 on its epoch must be above the producer's (KIP-1228).
    int16_t transaction_version = 0;
    // Null: none. Filled in when it fails (append_condition.h).
    AppendCondition* condition = nullptr;
    // More appends to other logs come in this turn: the journal should take them together.
    bool gather = false;
};

// A batch that wants to begin a transaction, before the coordinator was asked about it.
struct VerificationRequest {
    ProducerId producer_id = -1;
    ProducerEpoch epoch = -1;
    int32_t base_sequence = -1;
    bool epoch_bumps = false;  // the client's epoch grows with every transaction (KIP-890)
    TimestampMs now = 0;
};

struct AppendResult {
    Offset first_offset = -1;
    Offset last_offset = -1;
    TimestampMs append_time = -1;  // set only with log append time
    Offset log_start = 0;
    // An idempotent producer's retry: the offsets are those of the first time, nothing was written.
    bool duplicate = false;
    // flush.messages or flush.ms asks that it survives a loss of power before it is acked.
    bool flush_due = false;
    std::shared_ptr<JournalGroup> group;  // what commit() waits for; null = it is written already
};

struct ReadRequest {
    Offset from = 0;
    // Records at and above are not returned: high watermark, last stable offset or log end.
    Offset upper_bound = 0;
    uint64_t max_bytes = 0;
    bool min_one = false;  // the first batch is returned whole, however large
};

// Whole batches; the first one contains `from`. Memory slices where the batches are still in the
// tail cache, file ranges else.
struct ReadResult {
    Chain records;
    Offset first_offset = -1;  // base offset of the first batch; -1 = nothing was read
    // The offset after the last batch; the `from` of the request when nothing was read.
    Offset next_offset = -1;
};

struct AbortedTransaction {
    ProducerId producer_id;
    Offset first_offset;
    friend bool operator==(const AbortedTransaction&, const AbortedTransaction&) = default;
};

struct EpochEnd {
    LeaderEpoch epoch = -1;
    Offset end_offset = -1;
    friend bool operator==(const EpochEnd&, const EpochEnd&) = default;
};

// ListOffsets' special timestamps.
constexpr TimestampMs kLatestTimestamp = -1;
constexpr TimestampMs kEarliestTimestamp = -2;
constexpr TimestampMs kMaxTimestamp = -3;
constexpr TimestampMs kEarliestLocalTimestamp = -4;
constexpr TimestampMs kLatestTieredTimestamp = -5;
constexpr TimestampMs kEarliestPendingUploadTimestamp = -6;

struct TimestampOffset {
    Offset offset = -1;
    TimestampMs timestamp = -1;
    LeaderEpoch leader_epoch = -1;
    friend bool operator==(const TimestampOffset&, const TimestampOffset&) = default;
};

struct ActiveProducer {  // a row of DescribeProducers
    ProducerId producer_id = -1;
    ProducerEpoch epoch = -1;
    int32_t last_sequence = -1;
    TimestampMs last_timestamp = -1;
    int32_t coordinator_epoch = -1;
    Offset transaction_start = -1;
};

// What is known from the directory's checkpoint files when a log is opened.
struct LogOpen {
    std::string directory;
    TopicPartition partition;
    LogConfig config;
    Offset log_start = 0;
    Offset recovery_point = 0;
    Offset high_watermark = 0;
    bool clean = false;          // the last stop was clean: no scan is needed
    bool new_directory = false;  // its name may not be durable: the first flush() makes it so
    // Of its log directory; null: every append goes straight to its segment.
    Journal* journal = nullptr;
    TimestampMs now = 0;
    int64_t producer_id_expiration_ms = 86'400'000;
    std::optional<Offset> cleaned_to;  // from cleaner-offset-checkpoint
};

// After the disk failed in a way that leaves unknown what it holds, and after the partition was
// removed, every call that would touch files fails with kafka_storage_error.
// A link of the list that its LogManager has of open logs.
class Log : public runtime::Link {
public:
    // Loads `open.directory`, which must exist, and recovers it when the last stop was not clean. A
    // few file reads for a small log, next to nothing for an empty one. Errors:
    // kafka_storage_error.
    static runtime::Task<Result<std::unique_ptr<Log>>> open(Shard& shard, LogOpen open);
    ~Log();
    Log(const Log&) = delete;

    // Validates, assigns offsets and the leader epoch, takes the batch in; all or nothing. It is
    // readable, and may be acked, once commit() has succeeded: a small one waits in memory for the
    // journal's next write. Errors: what validation says (corrupt_message, message_too_large,
    // invalid_record, invalid_timestamp, ...), out_of_order_sequence_number,
    // invalid_producer_epoch, invalid_txn_state, transaction_coordinator_fenced;
    // append_condition_failed (a duplicate is answered as one, whatever its condition says),
    // invalid_request (conditions that make no sense), key_index_disabled; would_block for a
    // condition on a key while !knows_keys().
    std::expected<AppendResult, protocol::AppendError> append_as_leader(AppendBytes bytes,
                                                                        const LeaderAppend& how);
    // Appends batches that carry their offsets and leader epochs (replication, replay). The CRCs
    // are checked; offsets must ascend from end_offset() on, gaps allowed. Errors: corrupt_message,
    // offset_out_of_range.
    Result<AppendResult> append_as_follower(AppendBytes bytes, TimestampMs now);
    // Waits until the append (a duplicate: its first time) survives the end of the process and, with
    // flush_due, a loss of power. readable_end() is above it then. After an error it may or may not
    // be in the log one day; it must not be acked. Errors: kafka_storage_error.
    runtime::Task<Result<void>> commit(AppendResult appended);
    // Whether commit() would return at once, with success.
    bool committed(const AppendResult& appended) const;

    // Errors: offset_out_of_range when `from` is outside [start_offset(), end_offset()].
    runtime::Task<Result<ReadResult>> read(ReadRequest request);
    // The same without waiting: would_block when a page that must be looked at is not in memory.
    Result<ReadResult> read_now(const ReadRequest& request);
    // The aborted transactions that touch [from, upper), for read_committed readers.
    runtime::Task<Result<std::vector<AbortedTransaction>>> aborted_transactions(Offset from,
                                                                                Offset upper);
    // The first record at or after `timestamp` below `upper_bound`, or what the special timestamps
    // above ask for; all fields -1 when there is none. kLatestTimestamp answers `upper_bound`
    // itself (high watermark or last stable offset).
    runtime::Task<Result<TimestampOffset>> offset_for_timestamp(TimestampMs timestamp,
                                                                Offset upper_bound);

    Offset start_offset() const;
    Offset end_offset() const;
    // The offset below which everything survives the end of the process: the bound of the high
    // watermark.
    Offset readable_end() const;
    Offset high_watermark() const;
    Offset last_stable_offset() const;
    Offset recovery_point() const;
    uint64_t size_bytes() const;
    // The base offset of the first segment; start_offset() is above it after delete_records().
    Offset first_file_offset() const;
    const TopicPartition& partition() const;
    const std::string& directory() const;
    // From partition.metadata; none when the file is missing.
    std::optional<Uuid> topic_id() const;
    // Writes partition.metadata if there is none. Errors: inconsistent_topic_id.
    Result<void> set_topic_id(Uuid id);
    const LogConfig& config() const;
    void set_config(const LogConfig& config);
    // Never backwards except by truncation; clamped to [start, readable end].
    void set_high_watermark(Offset offset);

    // This replica leads from now on with this epoch: offsets from end_offset() on belong to it.
    // No I/O.
    void begin_epoch(LeaderEpoch epoch);
    LeaderEpoch latest_epoch() const;
    // The largest epoch <= `epoch` with data here, and the offset where it ends; {-1, -1} when
    // unknown (KIP-101, KIP-279).
    EpochEnd end_of_epoch(LeaderEpoch epoch) const;
    // The epoch of the record at `offset`, -1 when unknown.
    LeaderEpoch epoch_at(Offset offset) const;

    std::vector<ActiveProducer> producers() const;

    // Whether the producer's transaction of this epoch is open here: then nobody need be asked.
    bool in_transaction(ProducerId producer, ProducerEpoch epoch) const;
    // The number to append with once the coordinator has said that the transaction is open and has
    // this partition in it. Any marker of the producer ends what it stands for (KIP-890).
    uint64_t begin_verification(const VerificationRequest& request);
    // Conditions on keys need an index of the last record of each key (key_index.h). It is made when
    // the first such condition comes, and reads behind the appends: whoever appends with one sees
    // to it first that all is known, and then does not wait before the append.
    bool knows_keys() const;  // also when the topic has no index: the append says so
    // Errors: request_timed_out when that took beyond `deadline` (what was read stays known).
    runtime::Task<Result<void>> know_keys(runtime::Loop& loop, runtime::TimePoint deadline);
    // Whether the background should save_keys(), so that a restart reads little. close() does too.
    bool wants_save_keys() const;
    runtime::Task<Result<void>> save_keys();
    uint64_t key_index_bytes() const;  // of memory

    // Moves the log start to `offset` (-1: to the high watermark) and drops whole segments below.
    // offset_out_of_range when above the high watermark. The answer is the new log start.
    Result<Offset> delete_records(Offset offset, TimestampMs now);
    // Drops whole segments that retention.ms, retention.bytes or the log start allow to drop; the
    // number of segments dropped.
    runtime::Task<Result<size_t>> apply_retention(TimestampMs now);
    // Starts a new segment at the end, unless the active one is empty.
    Result<void> roll(TimestampMs now);

    // Removes records from `offset` on. Does nothing when offset >= end_offset().
    runtime::Task<Result<void>> truncate_to(Offset offset);
    // Removes everything; the log starts and ends at `offset`.
    runtime::Task<Result<void>> truncate_fully_and_start_at(Offset offset);

    // Writes what waits in memory to its segment. No success needed to go on: it then goes on
    // waiting.
    Result<void> drain();
    // Before segments are replaced or cut: when it succeeds, everything appended before the call is
    // synced in its segment, and no replay of the journal will touch it again, whatever happens to
    // those files then. Appends may go on.
    runtime::Task<Result<void>> settle();
    // What of a compacted log has not been cleaned and can be.
    runtime::Task<Result<CleanableRange>> cleanable(TimestampMs now);
    // Compacts the log as far as the memory for its keys allows: keeps the last record of each key,
    // at its offset. The log is read and appended to meanwhile; each group of segments is replaced
    // in one step, and a crash at any point leaves the old or the new ones. Errors: cancelled (by
    // the budget, or because the log was truncated or removed meanwhile), corrupt_message,
    // kafka_storage_error. A failure leaves the log sound and as far cleaned as it was.
    runtime::Task<Result<CleanReport>> clean(CleanableRange range, CleanTools tools,
                                             TimestampMs now);
    // Where the next cleaning begins; none before the first one.
    std::optional<Offset> cleaned_to() const;

    // All that was appended before the call survives a loss of power once this succeeds.
    runtime::Task<Result<void>> flush();
    // flush(), and all that a recovery would else have to rebuild: indexes, producer snapshot,
    // epochs. Moves the recovery point to the log end at the time of the call.
    runtime::Task<Result<void>> save();
    // The checkpoint file now says that recovery begins at `recovery_point`: what only an earlier
    // one would need goes. wants_checkpoint(): there is such a thing.
    void checkpointed(Offset recovery_point);
    bool wants_checkpoint() const;
    // Whether the background should save(): a segment was rolled, or the unflushed tail is long.
    bool wants_save(TimestampMs now) const;
    // Whether flush.messages or flush.ms asks for a flush().
    bool flush_due(TimestampMs now) const;
    // Forgets producers that wrote nothing for producer.id.expiration.ms and have no transaction
    // open.
    void expire_producers(TimestampMs now);
    // The clean stop: flush, trimmed indexes, producer snapshot, epoch checkpoint. Then the log
    // only waits to be destroyed.
    runtime::Task<Result<void>> close();

    // For how long nobody appended or read, as far as the calls of this can tell: it looks whether
    // anybody did since the last one. INT64_MAX: nobody ever did.
    int64_t unused_ms(TimestampMs now);
    void note_use();                // somebody has it now, and will
    TimestampMs looked_at() const;  // the last call of unused_ms()
    // Brings everything to where close() leaves it, while the log stays in use.
    runtime::Task<Result<LogSummary>> rest(TimestampMs now);
    // Nothing came since rest(), nothing is under way, and no transaction is open: destroying the
    // log and opening it again, as after a clean stop, changes nothing but what is in memory.
    bool at_rest() const;
    // LogOpen::new_directory, as it is now.
    bool new_directory() const;

    // The directory is now called `directory`, or gone (empty): no file is touched any more.
    void moved(std::string directory);
    // The directory is now called `directory`; all goes on.
    void renamed(std::string directory);
    // From now on small appends may go there; null: straight to the segments. Outlives the log.
    void use_journal(Journal* journal);
    // Out of use, for the reason given.
    void take_out_of_use(std::string why);
    // No Task of this log is under way: it may be destroyed.
    bool idle() const;

    struct State;
    explicit Log(std::unique_ptr<State> state);

private:
    runtime::Task<Result<TimestampMs>> cleanable_at(TimestampMs now);

    std::unique_ptr<State> state_;
};

}  // namespace millrace::storage
