// Members that speak the classic protocol in a group of the consumer protocol, while it is being
// upgraded or downgraded.
//
// To such a member the coordinator plays all other members and the leader: JoinGroup moves it a
// step towards its target and answers at once, SyncGroup hands out what it has, and a Heartbeat
// says REBALANCE_IN_PROGRESS when there is a next step.
// Kafka: GroupMetadataManager.classicGroup...ToConsumerGroup.
#pragma once

#include <optional>

#include "group/consumer_protocol.h"
#include "group/migration.h"
#include "group/table.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/leave_group.h"

namespace millrace::group {

class MixedProtocol {
public:
    MixedProtocol(GroupTable& table, ConsumerProtocol& consumer)
        : table_(table), consumer_(consumer) {}

    // The group must be one of the consumer protocol.
    protocol::JoinGroupResponse join(const RequestContext& context,
                                     const protocol::JoinGroupRequest& request, Now now,
                                     Effects& effects);
    protocol::SyncGroupResponse sync(const ConsumerGroup& group,
                                     const protocol::SyncGroupRequest& request, Now now);
    protocol::HeartbeatResponse heartbeat(const ConsumerGroup& group,
                                          const protocol::HeartbeatRequest& request, Now now);
    protocol::LeaveGroupResponse leave(const ConsumerGroup& group,
                                       const protocol::LeaveGroupRequest& request, Now now,
                                       Effects& effects);

private:
    Result<protocol::JoinGroupResponse> decide_join(const ConsumerGroup& group,
                                                    const RequestContext& context,
                                                    const protocol::JoinGroupRequest& request,
                                                    Now now, Effects& effects);
    Result<ConsumerMember> find_member(GroupChange& change,
                                       const protocol::JoinGroupRequest& request, std::string id);
    void renew_session(const ConsumerGroup& group, const ConsumerMember& member, Now now);

    GroupTable& table_;
    ConsumerProtocol& consumer_;
};

}  // namespace millrace::group
