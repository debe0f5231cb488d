// The metadata log of a quorum of one, on the disk: the partition __cluster_metadata-0 with its
// snapshots and quorum-state.
//
//   open() -> replay() -> lead() -> append() / sync_to() ... -> close()
//
//   00000000000000000000.log, .index, ...   segments (storage/log.h)
//   <end offset>-<epoch>.checkpoint         snapshots (snapshot_file.h); 0-0 comes from formatting
//   quorum-state                            epoch and vote (quorum_state.h)
//   partition.metadata, leader-epoch-checkpoint
//
// Owner: the metadata node. Loop: one.
// Overlap: append() is a plain function; sync_to() calls overlap and share syncs (group commit).
// Durability: append() success = in the page cache; sync_to(end) success = everything below `end`
//   is on the disk, and so committed. An append that fails left nothing behind. After a failed sync
//   nothing more is accepted (failed()): what is on the disk is then unknown.
// Errors: kafka_storage_error and what the disk says; corrupt_message, malformed (damaged files);
//   inconsistent_voter_set.
// Kafka: KafkaMetadataLog, KafkaRaftClient.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "raft/control_records.h"
#include "raft/core/quorum.h"
#include "raft/snapshot_file.h"
#include "runtime/disk.h"
#include "runtime/event.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "storage/log.h"
#include "storage/shard.h"

namespace millrace::raft {

struct QuorumLogOptions {
    std::string directory;  // ends in __cluster_metadata-0; made when missing
    NodeId node_id = -1;
    Uuid directory_id;
    // Where this node's controller is reached now; a voter set of kraft.version 1 is corrected to
    // it.
    std::vector<VoterEndpoint> endpoints;
    int32_t segment_bytes = 1 << 30;
    int64_t segment_ms = 7LL * 24 * 3600 * 1000;
    int64_t retention_bytes = 100 << 20;  // -1: no limit
    int64_t retention_ms = 7LL * 24 * 3600 * 1000;
};

// Takes up what is replayed. Records of one batch or snapshot, then its end.
struct Replay {
    std::function<Result<void>(ByteView record)> record;
    std::function<Result<void>(Offset last_offset, LeaderEpoch epoch, TimestampMs timestamp)> end;
};

class QuorumLog {
public:
    static runtime::Task<Result<std::unique_ptr<QuorumLog>>> open(runtime::Disk& disk,
                                                                  storage::Shard& shard,
                                                                  runtime::Loop& loop,
                                                                  QuorumLogOptions options);
    ~QuorumLog();
    QuorumLog(const QuorumLog&) = delete;

    // The newest whole snapshot, then all batches behind it. Once, before lead().
    runtime::Task<Result<void>> replay(const Replay& replay);
    // Takes up the next epoch: persists the vote, appends the leader change, syncs. All that was
    // replayed is committed then.
    runtime::Task<Result<void>> lead();

    // Appends one batch, built with leader epoch epoch() and base offset end_offset().
    // Precondition: lead() succeeded.
    Result<void> append(std::vector<uint8_t> batch);
    runtime::Task<Result<void>> sync_to(Offset end);
    // Called from inside a sync_to() with the new high watermark, before its waiters go on.
    void on_commit(std::function<void(Offset high_watermark)> committed);

    // Stores an image's records as the snapshot of all below id.end_offset, which must be
    // committed. Then drops old snapshots and segments beyond retention. `content` comes from a
    // SnapshotWriter made with snapshot_options().
    runtime::Task<Result<void>> store_snapshot(SnapshotId id, std::string content);
    SnapshotWriter::Options snapshot_options(const SnapshotId& id,
                                             TimestampMs last_timestamp) const;

    runtime::Task<Result<void>> close();

    const Quorum& quorum() const { return *quorum_; }
    LeaderEpoch epoch() const { return quorum_->epoch(); }
    Offset end_offset() const { return log_->end_offset(); }
    Offset high_watermark() const { return quorum_ ? quorum_->high_watermark() : -1; }
    // Bytes of log behind the newest snapshot; when that was taken (wall clock), 0 when there is
    // none but 0-0.
    uint64_t bytes_since_snapshot() const { return bytes_since_snapshot_; }
    TimestampMs last_snapshot_ms() const { return last_snapshot_ms_; }
    SnapshotId newest_snapshot() const {
        return snapshots_.empty() ? SnapshotId{} : snapshots_.back();
    }
    const Error* failed() const { return failed_ ? &*failed_ : nullptr; }

private:
    QuorumLog(runtime::Disk& disk, runtime::Loop& loop, QuorumLogOptions options);

    std::string path(std::string_view name) const;
    runtime::Task<Result<void>> prepare_directory();
    Result<void> find_snapshots();
    Result<void> read_quorum_state();
    runtime::Task<Result<void>> open_log(storage::Shard& shard);
    Result<void> replay_snapshot(const Replay& replay);
    Result<void> replay_batches(ByteView batches, const Replay& replay);
    runtime::Task<Result<void>> store_quorum_state(QuorumState state);
    Result<std::vector<uint8_t>> leader_batch();
    runtime::Task<Result<void>> drop_old();
    Result<bool> over_retention();

    runtime::Disk& disk_;
    runtime::Loop& loop_;
    QuorumLogOptions options_;
    std::unique_ptr<storage::Log> log_;
    std::optional<Quorum> quorum_;
    QuorumState found_state_;
    ControlState control_;
    std::vector<SnapshotId> snapshots_;  // ascending
    uint64_t bytes_since_snapshot_ = 0;
    TimestampMs last_snapshot_ms_ = 0;

    bool syncing_ = false;
    runtime::Signal synced_;
    std::function<void(Offset)> committed_;
    std::optional<Error> failed_;
};

}  // namespace millrace::raft
