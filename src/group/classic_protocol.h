// What members of the classic protocol may ask for: JoinGroup, SyncGroup, Heartbeat, LeaveGroup;
// and what happens when they do not come back in time.
//
// A JoinGroup or SyncGroup that must wait for others gives no reply but keeps its token; the reply
// comes later in the `completed` of some Effects.
// Kafka: GroupMetadataManager, ClassicGroup.
#pragma once

#include <optional>
#include <string_view>

#include "group/table.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/leave_group.h"

namespace millrace::group {

class ClassicProtocol {
public:
    explicit ClassicProtocol(GroupTable& table) : table_(table) {}

    // The group must not be one of the consumer protocol (mixed.h has those). Nothing: the reply
    // comes under the token.
    std::optional<protocol::JoinGroupResponse> join(const RequestContext& context,
                                                    const protocol::JoinGroupRequest& request,
                                                    Token token, Now now, Effects& effects);
    std::optional<protocol::SyncGroupResponse> sync(const protocol::SyncGroupRequest& request,
                                                    Token token, Now now, Effects& effects);
    protocol::HeartbeatResponse heartbeat(const protocol::HeartbeatRequest& request, Now now);
    protocol::LeaveGroupResponse leave(const protocol::LeaveGroupRequest& request, Now now,
                                       Effects& effects);

    void on_session_timeout(const Timer& timer, Now now, Effects& effects);
    void on_initial_delay(const Timer& timer, Now now, Effects& effects);
    void on_join_timeout(const Timer& timer, Now now, Effects& effects);
    void on_sync_timeout(const Timer& timer, Now now, Effects& effects);
    // Starts the timers of a group that was read from the log, or converted.
    void loaded(ClassicGroup& group, Now now, Effects& effects);
    // A rebalance starts, and ends at once when nobody is missing.
    void prepare_rebalance(ClassicGroup& group, Now now, Effects& effects);
    // Every wait ends with this error.
    static void complete_all(ClassicGroup& group, ErrorCode error, Effects& effects);
    // Keeps the member alive for its session.
    void renew_session(const ClassicGroup& group, const ClassicMember& member, Now now);

    // Who the request is from, for requests of members: unknown_member_id, fenced_instance_id.
    static ErrorCode check_member(const ClassicGroup& group, std::string_view member_id,
                                  const std::optional<protocol::Str>& instance_id);

private:
    using JoinRequest = protocol::JoinGroupRequest;
    using JoinResponse = protocol::JoinGroupResponse;
    using SyncResponse = protocol::SyncGroupResponse;

    std::optional<JoinResponse> join_new(ClassicGroup& group, const RequestContext& context,
                                         const JoinRequest& request, Token token, Now now,
                                         Effects& effects);
    std::optional<JoinResponse> join_known(ClassicGroup& group, const RequestContext& context,
                                           const JoinRequest& request, Token token, Now now,
                                           Effects& effects);
    void add_member(ClassicGroup& group, const RequestContext& context, const JoinRequest& request,
                    std::string member_id, Token token, Now now, Effects& effects);
    void update_member(ClassicGroup& group, ClassicMember& member, const RequestContext& context,
                       const JoinRequest& request, Token token, Now now, Effects& effects);
    std::optional<JoinResponse> replace_static(ClassicGroup& group, const std::string& old_id,
                                               const RequestContext& context,
                                               const JoinRequest& request, Token token, Now now,
                                               Effects& effects);
    void persist_static(ClassicGroup& group, const ClassicMember& old,
                        std::optional<std::string> old_leader, const RequestContext& context,
                        Token token, std::string member_id, Effects& effects);
    void rebalance_or_complete(ClassicGroup& group, Now now, Effects& effects);
    void complete_if_all_joined(ClassicGroup& group, Now now, Effects& effects);
    void complete_join_phase(ClassicGroup& group, Now now, Effects& effects);
    void remove_member(ClassicGroup& group, const std::string& id, ErrorCode waits,
                       Effects& effects);
    void propose_assignment(ClassicGroup& group, const protocol::SyncGroupRequest& request,
                            Effects& effects, Now now);
    ErrorCode leave_one(ClassicGroup& group, std::string_view member_id,
                        const std::optional<protocol::Str>& instance_id, Effects& effects);
    JoinResponse current_generation(const ClassicGroup& group, const std::string& member_id) const;
    std::string new_member_id(const RequestContext& context, const JoinRequest& request);

    GroupTable& table_;
};

}  // namespace millrace::group
