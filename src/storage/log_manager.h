// LogManager: all partitions' logs under the log directories of a node. Opens nothing for a
// partition until it is asked for.
//
// start() locks each log directory, replays the journal that a crash left, reads meta.properties, the offset checkpoints and
// `.kafka_cleanshutdown` (and removes the latter), and lists the directory's names once: its cost
// does not depend on the amount of data. open() loads one log, recovering it if the last stop was
// not clean. stop() closes what was opened, writes the checkpoints and `.kafka_cleanshutdown`.
// __cluster_metadata is not listed here: raft opens it with Log::open on shard().
//
// A directory whose device fails, at start or later, is out of use with all its partitions; the
// others go on. Its files stay as they are, and the next start takes it up again if it can.
//
// A partition can be copied to another directory while it is in use: its copy (its future log)
// lies in `<topic>-<partition>.<32 hex>-future` there, until it has caught up and takes over.
//
// A log that is no longer used is closed again (LogManagerConfig::idle_ms): then everything in it
// is durable, and it costs what one costs that was never opened. What is kept (LogSummary) tells
// when retention or compaction has something to do in it, so that they open no other. Kept open are
// logs with an open transaction, those that are to be compacted, and those that move to another
// directory. As after a restart, the last batch of each producer is known, not the last five.
//
// Owner: server. Loop: one shard; the logs live on it too. Log pointers stay valid until remove(),
// mark_stray() or stop(), or until their holder lets go of them.
// Kafka: LogManager, OffsetCheckpointFile, PartitionMetadataFile.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "runtime/disk.h"
#include "runtime/event.h"
#include "runtime/task.h"
#include "storage/disk_room.h"
#include "storage/log.h"
#include "storage/log_config.h"

namespace millrace::storage {

struct LogManagerConfig {
    std::vector<std::string> directories;  // log.dirs; the first is the default one
    // False: there may be more of them that are not known here, so an interrupted move of a
    // partition stays as it is.
    bool all_directories = true;
    size_t open_files_max = 512;           // segment files kept open
    size_t tail_cache_bytes = 32u << 20;   // recent batches kept in memory, over all logs
    size_t index_cache_bytes = 16u << 20;  // index entries kept in memory, over all logs
    // A log with a longer or older unflushed tail is flushed in the background; after a crash that
    // much is checked again.
    uint64_t unflushed_bytes_max = 1u << 30;
    int64_t unflushed_ms_max = 60'000;
    int64_t retention_check_ms = 300'000;
    int64_t checkpoint_ms = 60'000;
    int64_t producer_id_expiration_ms = 86'400'000;
    // The broker's log.segment.delete.delay.ms, for whole partitions.
    int64_t delete_delay_ms = 60'000;
    // A log that nobody appended to or read for this long (or up to a quarter more) is closed, and
    // opened again by the next open(); 0 = never. set_holder() must come first.
    int64_t idle_ms = 0;
    int64_t disk_reserve_bytes = -1;  // of each directory's file system (disk_room.h)
    uint64_t journal_bytes = 0;       // of each directory (journal.h); 0 = none
    uint64_t journal_memory_bytes = 32u << 20;
};

// meta.properties. Absent fields are empty; node_id -1.
struct MetaProperties {
    std::string cluster_id;
    NodeId node_id = -1;
    std::optional<Uuid> directory_id;

    static Result<MetaProperties> parse(std::string_view text);
    std::string format() const;
};

struct LogDirectory {
    std::string path;
    MetaProperties meta;
    bool clean = false;         // .kafka_cleanshutdown was there
    int64_t broker_epoch = -1;  // from it; -1 = not clean
    // What the journal of the last run held; nothing after a clean stop. Problems are a sentence
    // each that names file and position.
    uint64_t replayed_groups = 0;
    uint64_t replayed_entries = 0;
    uint64_t replayed_bytes = 0;
    std::vector<std::string> replay_problems;
    std::string failure;  // why it is out of use until the next start; empty = in use
    std::shared_ptr<DiskRoom> room;

    bool failed() const { return !failure.empty(); }
};

class LogManager {
public:
    // `config_of(topic)` gives a topic's current config when its log is opened; it must outlive the
    // manager.
    using ConfigOf = std::function<LogConfig(const std::string& topic)>;

    // Errors: kafka_storage_error (no directory can be used), invalid_config (a partition is in two
    // directories), already_exists (another process holds a directory). A directory that does not
    // exist is made; one without meta.properties has empty `meta`.
    static runtime::Task<Result<std::unique_ptr<LogManager>>> start(runtime::Disk& disk, Rng& rng,
                                                                    LogManagerConfig config,
                                                                    ConfigOf config_of,
                                                                    TimestampMs now);
    ~LogManager();
    LogManager(const LogManager&) = delete;

    // `lets_go(name)` is asked before an idle log is closed: true = nobody has its pointer any more,
    // who had it has dropped it. It may not call back.
    using LetsGo = std::function<bool(const TopicPartition&)>;
    void set_holder(LetsGo lets_go);
    // How many idle logs were closed since the start.
    uint64_t logs_put_away() const;

    const std::vector<LogDirectory>& directories() const;
    // Rings when a directory has failed.
    runtime::Signal& directory_failed();
    // Of directories()[index]; null when there is none.
    const Journal* journal(size_t index) const;
    Shard& shard();
    // What recovery of logs found damaged and took away since the start: a sentence each with file
    // and position, at most kDamageNotesMax; and the count of all.
    const std::vector<std::string>& damage() const;
    uint64_t damages() const;

    // All partitions that have a directory, opened or not.
    std::vector<TopicPartition> partitions() const;
    // Those whose log is open.
    std::vector<TopicPartition> opened() const;
    bool contains(const TopicPartition& partition) const;
    // The index into directories().
    std::optional<size_t> directory_of(const TopicPartition& partition) const;
    // Whether it has files of records; a look into its directory. False when there is no such
    // partition.
    Result<bool> holds_records(const TopicPartition& partition) const;
    // What `config_of` gives.
    LogConfig config_of(const std::string& topic) const;
    // The log if it has been opened already, else nullptr.
    Log* find(const TopicPartition& partition) const;
    // Opens it when it is not. Errors: not_found, kafka_storage_error. Overlapping opens of one
    // partition share the work.
    runtime::Task<Result<Log*>> open(TopicPartition partition, TimestampMs now);
    // The same for background work: it is closed again as soon as that has looked at it.
    runtime::Task<Result<Log*>> open_briefly(TopicPartition partition, TimestampMs now);
    // Makes the directory with partition.metadata, in directories()[directory], and opens it. The
    // log's own errors, and already_exists.
    runtime::Task<Result<Log*>> create(TopicPartition partition, Uuid topic_id, TimestampMs now,
                                       size_t directory = 0);
    // The id in partition.metadata, without opening the log; none when there is no such file.
    Result<std::optional<Uuid>> topic_id(const TopicPartition& partition) const;

    // The future log of `partition`, empty and beginning at `start`, in directories()[directory].
    // Errors: not_found (there is no such partition), already_exists (it has one, or is in that
    // directory itself), invalid_topic_exception (the name is too long for a future directory), the
    // log's own.
    runtime::Task<Result<Log*>> create_future(TopicPartition partition, size_t directory,
                                              Offset start, TimestampMs now);
    // Copies records that the future log does not have, about `bytes_max` of them; the answer is how
    // many bytes: 0 when it has all. Neither log may be closed meanwhile.
    runtime::Task<Result<uint64_t>> copy_to_future(TopicPartition partition, uint64_t bytes_max,
                                                   TimestampMs now);
    struct Future {
        TopicPartition partition;
        size_t directory;
        Log* log;  // null: left by an earlier life of the process, and not opened
    };
    std::vector<Future> futures() const;
    std::optional<Future> future(const TopicPartition& partition) const;
    // The future log takes the partition's place; the old one goes as with remove(). What is
    // appended to the old one meanwhile is copied too, so it ends soon only if that is little. A
    // crash on the way leaves one of them, whole. The pointer given is the future log's; the old
    // one fails from now on.
    runtime::Task<Result<Log*>> replace_with_future(TopicPartition partition, TimestampMs now);
    // Gives the copy up. Success when there is none.
    Result<void> drop_future(const TopicPartition& partition, TimestampMs now);
    // The size of a partition's segments, without opening its log. 0 when it is not there.
    uint64_t size_bytes(const TopicPartition& partition) const;

    // Renames the directory to `...-delete`; its files go after delete_delay_ms. Success when there
    // is no such partition.
    Result<void> remove(const TopicPartition& partition, TimestampMs now);
    // Renames the directory to `...-stray` and forgets it.
    Result<void> mark_stray(const TopicPartition& partition);

    // Background work that is due: flushes, checkpoints, retention, deletions. To be called about
    // once a second; calls do not overlap. Failures are logged and tried again at the next call.
    runtime::Task<void> maintain(TimestampMs now);
    // Writes all checkpoint files now.
    runtime::Task<Result<void>> checkpoint();
    // The clean stop. `broker_epoch` goes into .kafka_cleanshutdown. No call may follow.
    runtime::Task<Result<void>> stop(int64_t broker_epoch, TimestampMs now);
    // How many stop() has not begun with.
    size_t logs_to_close() const;

private:
    struct State;
    explicit LogManager(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// <topic>-<partition>; the names that are not partitions' (or marked -delete, -stray, -future) give
// nothing.
std::optional<TopicPartition> parse_partition_directory(std::string_view name);

}  // namespace millrace::storage
