// Snapshot files: <20 digits of end offset>-<10 digits of epoch>.checkpoint, and
// bootstrap.checkpoint, which has the same layout.
//
//   control batch  SnapshotHeader [, KRaftVersion, KRaftVoters where kraft.version >= 1]
//   data batches   metadata records (uvarint frames, protocol/metadata_record.h), about 64 KiB each
//   control batch  SnapshotFooter; without it the file is not whole and must not be used
//
// Offsets count from 0 within the file; the batches' leader epoch is that of the snapshot.
// Files are built in memory: a snapshot is some 70 bytes a partition.
// Pure, but for the names.
// Kafka: RecordsSnapshotWriter, RecordsSnapshotReader, Snapshots.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "raft/control_records.h"

namespace millrace::raft {

// What a snapshot holds: all below end_offset; `epoch` is that of the last record in it.
struct SnapshotId {
    Offset end_offset = 0;
    LeaderEpoch epoch = 0;
    friend auto operator<=>(const SnapshotId&, const SnapshotId&) = default;
};

constexpr std::string_view kBootstrapName = "bootstrap.checkpoint";

std::string snapshot_file_name(const SnapshotId& id);
// Nothing for any other name.
std::optional<SnapshotId> parse_snapshot_file_name(std::string_view name);
// Left by a crash in the middle: `.checkpoint.part`, or to be removed: `.checkpoint.deleted`.
bool is_snapshot_leftover(std::string_view name);

class SnapshotWriter {
public:
    struct Options {
        LeaderEpoch epoch = 0;
        TimestampMs now = 0;
        TimestampMs last_contained_timestamp = 0;
        int16_t kraft_version = 0;
        std::vector<Voter> voters;
    };
    explicit SnapshotWriter(Options options);
    void append(ByteView record);
    // The whole file; the writer is spent.
    Result<std::string> finish();
    size_t size_bytes() const { return out_.size(); }

private:
    void close_batch();
    protocol::BatchOptions batch_options(bool control) const;

    Options options_;
    Offset next_offset_ = 0;
    std::optional<protocol::BatchBuilder> batch_;
    std::string out_;
};

struct SnapshotContent {
    ControlState control;
    TimestampMs last_contained_timestamp = 0;
};
// Calls `on_record` for every record in order; its first error ends the reading. CRCs and layout
// are checked. Errors: corrupt_message (damaged, or without a footer), malformed.
Result<SnapshotContent> read_snapshot(
    ByteView file, const std::function<Result<void>(ByteView record)>& on_record);

}  // namespace millrace::raft
