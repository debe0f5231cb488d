// The group coordinator of one shard: all groups whose partition of __consumer_offsets this shard
// leads.
//
// A call decides on the group's state machine, appends the records that follow to the partition's
// log, and answers when they are committed. JoinGroup and SyncGroup answer when the group's other
// members have come, so they may take as long as the member's rebalance timeout. A response owns
// its data.
//
// Owner: server. Loop: the shard's. Calls may overlap freely; the request and the context must
// outlive the task. Errors travel in the responses: NOT_COORDINATOR when the group's partition is
// not loaded here, COORDINATOR_LOAD_IN_PROGRESS while it loads, COORDINATOR_NOT_AVAILABLE when the
// log refuses for now. Authorisation is the caller's: it removes topics that the principal may not
// see, before or after the call.
// Kafka: GroupCoordinatorService, GroupCoordinatorShard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "coordinator/shards.h"
#include "group/cluster_view.h"
#include "group/group_config.h"
#include "group/types.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/delete_groups.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/join_group.h"
#include "protocol/messages/leave_group.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/sync_group.h"
#include "protocol/messages/txn_offset_commit.h"
#include "runtime/loop.h"
#include "runtime/task.h"

namespace millrace::group {

// One committed offset, for lag metrics.
struct CommittedOffset {
    std::string_view group_id;
    std::string_view topic;
    PartitionIndex partition = 0;
    Offset offset = -1;
    TimestampMs commit_timestamp = -1;
};

class GroupCoordinator : public coordinator::Coordinator {
public:
    GroupCoordinator(runtime::Loop& loop, GroupConfig config,
                     std::shared_ptr<const ClusterView> cluster);
    ~GroupCoordinator() override;
    GroupCoordinator(const GroupCoordinator&) = delete;

    // The partition of __consumer_offsets that keeps the group. FindCoordinator answers with its
    // leader.
    PartitionIndex partition_for(std::string_view group_id) const;

    runtime::Task<Result<void>> load(PartitionIndex partition,
                                     coordinator::CoordinatorLog& log) override;
    runtime::Task<void> unload(PartitionIndex partition) override;
    // Timers: sessions, rebalances, expiry of offsets. Ends after stop().
    runtime::Task<void> run();
    void stop();

    // A new image: changed topics lead to new assignments, deleted topics lose their offsets.
    void on_metadata_changed(std::shared_ptr<const ClusterView> cluster);

    runtime::Task<protocol::JoinGroupResponse> join_group(const RequestContext&,
                                                          const protocol::JoinGroupRequest&);
    runtime::Task<protocol::SyncGroupResponse> sync_group(const RequestContext&,
                                                          const protocol::SyncGroupRequest&);
    runtime::Task<protocol::HeartbeatResponse> heartbeat(const RequestContext&,
                                                         const protocol::HeartbeatRequest&);
    runtime::Task<protocol::LeaveGroupResponse> leave_group(const RequestContext&,
                                                            const protocol::LeaveGroupRequest&);
    runtime::Task<protocol::OffsetCommitResponse> offset_commit(
        const RequestContext&, const protocol::OffsetCommitRequest&);
    // As part of the writer's transaction, which has the group's partition of __consumer_offsets in
    // it: the offsets count when its marker comes.
    runtime::Task<protocol::TxnOffsetCommitResponse> txn_offset_commit(
        const RequestContext&, const protocol::TxnOffsetCommitRequest&,
        const coordinator::TransactionalWriter& writer);
    // Writes the marker to a partition of __consumer_offsets: the offsets of the transaction count
    // from now on, or never. Errors: not_coordinator, coordinator_load_in_progress, and those of
    // CoordinatorLog::append_marker.
    runtime::Task<ErrorCode> end_transaction(PartitionIndex partition,
                                             const coordinator::Marker& marker);
    runtime::Task<protocol::OffsetFetchResponse> offset_fetch(const RequestContext&,
                                                              const protocol::OffsetFetchRequest&);
    runtime::Task<protocol::OffsetDeleteResponse> offset_delete(
        const RequestContext&, const protocol::OffsetDeleteRequest&);
    runtime::Task<protocol::DeleteGroupsResponse> delete_groups(
        const RequestContext&, const protocol::DeleteGroupsRequest&);
    runtime::Task<protocol::DescribeGroupsResponse> describe_groups(
        const RequestContext&, const protocol::DescribeGroupsRequest&);
    runtime::Task<protocol::ListGroupsResponse> list_groups(const RequestContext&,
                                                            const protocol::ListGroupsRequest&);
    runtime::Task<protocol::ConsumerGroupHeartbeatResponse> consumer_group_heartbeat(
        const RequestContext&, const protocol::ConsumerGroupHeartbeatRequest&);
    runtime::Task<protocol::ConsumerGroupDescribeResponse> consumer_group_describe(
        const RequestContext&, const protocol::ConsumerGroupDescribeRequest&);

    // Every committed offset of the loaded partitions, group by group. `fn` must not call back.
    void each_committed_offset(const std::function<void(const CommittedOffset&)>& fn) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::group
