// Finds where to read partitions that have no position: the group's commit, else auto.offset.reset;
// and makes sure that positions are still in the log when a partition gets a new leader (KIP-320).
//
// One task, which works whenever a partition needs it. What is final is raised to the next poll.
//
// Owner: the consumer. Loop: its own. Kafka: OffsetFetcher, OffsetsRequestManager.
#pragma once

#include "client/list_offsets.h"
#include "client/offset_commits.h"

namespace millrace::client {

class Positions {
public:
    Positions(Cluster& cluster, const ConsumerConfig& config, PartitionTable& table,
              OffsetCommits& commits);

    // The place that auto.offset.reset names, as ListOffsets wants it; nothing for `none`.
    std::optional<TimestampMs> reset_place() const;

private:
    // A partition and the version of its position that an answer is for.
    struct Asked {
        PartitionPtr partition;
        uint64_t version;
        bool current() const { return partition->assigned && partition->version == version; }
    };

    runtime::Task<void> keep();
    std::vector<Asked> in_need(PartitionState::Need need);
    runtime::Task<Result<void>> find_committed(std::vector<Asked> asked);
    runtime::Task<Result<void>> reset(std::vector<Asked> asked);
    runtime::Task<Result<void>> validate(std::vector<Asked> asked);
    void validated(PartitionState& p, Offset end_offset, LeaderEpoch epoch);
    runtime::TimePoint deadline() const;

    Cluster& cluster_;
    const ConsumerConfig& config_;
    PartitionTable& table_;
    OffsetCommits& commits_;
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
