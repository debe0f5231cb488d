// The offsets that a group has committed: fetched from and committed to its coordinator.
//
// Owner: the consumer. Loop: its own. Kafka: OffsetCommit and OffsetFetch of ConsumerCoordinator and
// CommitRequestManager.
#pragma once

#include "client/consumer_config.h"
#include "client/coordinator_link.h"
#include "client/partition_table.h"

namespace millrace::client {

struct CommittedOffset {
    Offset offset = -1;
    LeaderEpoch epoch = -1;
    std::string metadata;
};
using CommittedOffsets = std::map<TopicPartition, CommittedOffset>;

// Who this consumer is in its group now. Without membership the defaults: the group is only a name
// to keep offsets under.
struct MemberIdentity {
    std::string id;
    int32_t epoch = -1;  // classic: the generation
    std::string instance_id;
    // A join is under way: commits would wait behind it, and be refused.
    bool rebalancing = false;
    // It wants to be a member, so that without an epoch it has lost its place.
    bool subscribed = false;
    bool lost() const { return subscribed && epoch < 1; }
};

// Whose offsets a transaction commits: Consumer::group_metadata().
struct GroupMetadata {
    std::string group_id;
    MemberIdentity member;
};

class OffsetCommits {
public:
    // All must live longer. `member` is looked at for each request.
    OffsetCommits(Cluster& cluster, CoordinatorLink& link, const ConsumerConfig& config,
                  const MemberIdentity& member)
        : cluster_(cluster), link_(link), config_(config), member_(member) {}

    // Repeats what may succeed later. Errors: deadline_exceeded; illegal_generation,
    // unknown_member_id, fenced_instance_id, rebalance_in_progress, fenced_member_epoch (the
    // partitions may belong to another member now); those of authorisation.
    runtime::Task<Result<void>> commit(CommittedOffsets offsets, runtime::TimePoint deadline);
    // Partitions without a commit are left out. Waits while transactions with offsets of these
    // partitions are open (KIP-447).
    runtime::Task<Result<CommittedOffsets>> fetch(std::vector<TopicPartition> partitions,
                                                  runtime::TimePoint deadline);

private:
    runtime::Task<Result<void>> commit_once(const CommittedOffsets& offsets,
                                            runtime::TimePoint deadline);
    runtime::Task<Result<CommittedOffsets>> fetch_once(std::span<const TopicPartition> partitions,
                                                       runtime::TimePoint deadline);
    bool worth_retrying(ErrorCode code);
    runtime::TimePoint attempt(runtime::TimePoint deadline) const;

    Cluster& cluster_;
    CoordinatorLink& link_;
    const ConsumerConfig& config_;
    const MemberIdentity& member_;
};

}  // namespace millrace::client
