// The requests of group members.
#include "group/coordinator_impl.h"

namespace millrace::group {

using protocol::Str;

namespace {

// Old versions cannot say that there is no protocol.
protocol::JoinGroupResponse for_version(protocol::JoinGroupResponse response, int16_t version) {
    if (version < 7 && !response.protocol_name) response.protocol_name = Str{};
    return response;
}

}  // namespace

Task<protocol::JoinGroupResponse> GroupCoordinator::join_group(
    const RequestContext& context, const protocol::JoinGroupRequest& request) {
    std::shared_ptr<Shard> shard;
    if (impl_->shards.find(request.group_id, shard) == ErrorCode::none &&
        shard->machine.is_empty_consumer_group(request.group_id))
        co_await impl_->on_group_quietly(
            shard, request.group_id.str(), [&](GroupMachine& machine, Now, Effects& effects) {
                machine.make_way_for_classic(request.group_id, effects);
            });
    auto decide = [&](GroupMachine& machine, Token token, Now now, Effects& effects) {
        return machine.join_group(context, request, token, now, effects);
    };
    auto response =
        co_await impl_->on_group_parking<protocol::JoinGroupResponse>(request.group_id, decide);
    if (response.error_code != 0 && response.member_id.empty())
        response.member_id = request.member_id.to_owned();
    co_return for_version(std::move(response), context.api_version);
}

Task<protocol::SyncGroupResponse> GroupCoordinator::sync_group(
    const RequestContext& context, const protocol::SyncGroupRequest& request) {
    // Since version 5 a member says which protocol it takes the assignment for.
    if (context.api_version >= 5 && (!request.protocol_type || !request.protocol_name))
        co_return error_reply<protocol::SyncGroupResponse>(ErrorCode::inconsistent_group_protocol);
    auto decide = [&](GroupMachine& machine, Token token, Now now, Effects& effects) {
        return machine.sync_group(request, token, now, effects);
    };
    co_return co_await impl_->on_group_parking<protocol::SyncGroupResponse>(request.group_id,
                                                                            decide);
}

Task<protocol::HeartbeatResponse> GroupCoordinator::heartbeat(
    const RequestContext&, const protocol::HeartbeatRequest& request) {
    auto decide = [&](GroupMachine& machine, Now now, Effects&) {
        return machine.heartbeat(request, now);
    };
    co_return co_await impl_->on_group<protocol::HeartbeatResponse>(request.group_id,
                                                                    Access::shared, decide);
}

Task<protocol::LeaveGroupResponse> GroupCoordinator::leave_group(
    const RequestContext& context, const protocol::LeaveGroupRequest& request) {
    // Before version 3 one member leaves, and its error is the response's.
    bool single = context.api_version < 3;
    protocol::LeaveGroupRequest batch = request;
    if (single) batch.members = {{.member_id = request.member_id}};
    auto decide = [&](GroupMachine& machine, Now now, Effects& effects) {
        return machine.leave_group(batch, now, effects);
    };
    auto response = co_await impl_->on_group<protocol::LeaveGroupResponse>(
        request.group_id, Access::exclusive, decide);
    if (single) {
        if (response.error_code == 0 && !response.members.empty())
            response.error_code = response.members.front().error_code;
        response.members.clear();
    }
    co_return response;
}

Task<protocol::ConsumerGroupHeartbeatResponse> GroupCoordinator::consumer_group_heartbeat(
    const RequestContext& context, const protocol::ConsumerGroupHeartbeatRequest& request) {
    auto decide = [&](GroupMachine& machine, Now now, Effects& effects) {
        return machine.consumer_group_heartbeat(context, request, now, effects);
    };
    co_return co_await impl_->on_group<protocol::ConsumerGroupHeartbeatResponse>(
        request.group_id, Access::exclusive, decide);
}

}  // namespace millrace::group
