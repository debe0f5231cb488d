#include "group/classic_protocol.h"

namespace millrace::group {
namespace {

using protocol::Str;

protocol::SyncGroupResponse sync_error(ErrorCode error) {
    protocol::SyncGroupResponse response;
    response.error_code = wire(error);
    return response;
}

protocol::SyncGroupResponse sync_reply(const ClassicGroup& group, const ClassicMember& member) {
    protocol::SyncGroupResponse response;
    response.protocol_type = group.protocol_type();
    response.protocol_name = group.protocol();
    response.assignment = member.assignment;
    return response;
}

// What the member names may be left out, but must not be another group's.
bool differs(const std::optional<Str>& given, const std::optional<std::string>& actual) {
    return given && actual && given->view() != *actual;
}

}  // namespace

void ClassicProtocol::renew_session(const ClassicGroup& group, const ClassicMember& member,
                                    Now now) {
    table_.timers.set({group.id(), TimerKind::classic_session, member.id},
                      now.mono_ms + member.session_timeout_ms);
}

std::optional<protocol::SyncGroupResponse> ClassicProtocol::sync(
    const protocol::SyncGroupRequest& request, Token token, Now now, Effects& effects) {
    if (request.group_id.empty()) return sync_error(ErrorCode::invalid_group_id);
    ClassicGroup* group = table_.classic(request.group_id);
    if (!group) return sync_error(ErrorCode::unknown_member_id);
    if (ErrorCode error = check_member(*group, request.member_id, request.group_instance_id);
        error != ErrorCode::none)
        return sync_error(error);
    if (request.generation_id != group->generation())
        return sync_error(ErrorCode::illegal_generation);
    if (differs(request.protocol_type, group->protocol_type()) ||
        differs(request.protocol_name, group->protocol()))
        return sync_error(ErrorCode::inconsistent_group_protocol);

    ClassicMember& member = *group->member(request.member_id);
    switch (group->state()) {
        case ClassicState::empty:
            return sync_error(ErrorCode::unknown_member_id);
        case ClassicState::preparing_rebalance:
            return sync_error(ErrorCode::rebalance_in_progress);
        case ClassicState::stable:
            group->pending_sync.erase(member.id);
            if (group->pending_sync.empty())
                table_.timers.cancel({group->id(), TimerKind::classic_sync, {}});
            renew_session(*group, member, now);
            return sync_reply(*group, member);
        case ClassicState::completing_rebalance:
            break;
    }
    // The same member again: the answer goes to the later one.
    if (member.sync)
        effects.completed.emplace_back(*member.sync, sync_error(ErrorCode::rebalance_in_progress));
    member.sync = token;
    group->pending_sync.erase(member.id);
    if (group->is_leader(member.id)) propose_assignment(*group, request, effects, now);
    return std::nullopt;
}

// The assignment is in force, and everybody hears of it, when its record is committed.
void ClassicProtocol::propose_assignment(ClassicGroup& group,
                                         const protocol::SyncGroupRequest& request,
                                         Effects& effects, Now now) {
    ClassicGroup::Assignments assignments;
    for (const auto& entry : request.assignments) {
        ByteView bytes = entry.assignment;
        assignments[entry.member_id.str()].assign(bytes.begin(), bytes.end());
    }
    effects.records.push_back(group.to_record(&assignments));
    then(effects, [this, id = group.id(), generation = group.generation(), now,
                   assignments = std::move(assignments)](ErrorCode error, Effects& more) {
        ClassicGroup* live = table_.classic(id);
        if (!live || !live->in(ClassicState::completing_rebalance) ||
            live->generation() != generation)
            return;
        for (const auto& [member_id, unused] : live->members()) {
            ClassicMember& member = *live->member(member_id);
            auto at = assignments.find(member_id);
            member.assignment.clear();
            if (error == ErrorCode::none && at != assignments.end()) member.assignment = at->second;
            if (!member.sync) continue;
            more.completed.emplace_back(
                *std::exchange(member.sync, std::nullopt),
                error == ErrorCode::none ? sync_reply(*live, member) : sync_error(error));
            renew_session(*live, member, now);
        }
        if (error != ErrorCode::none) {
            prepare_rebalance(*live, now, more);
            return;
        }
        live->transition(ClassicState::stable, now.wall_ms);
        if (live->pending_sync.empty()) table_.timers.cancel({id, TimerKind::classic_sync, {}});
    });
}

void ClassicProtocol::on_sync_timeout(const Timer& timer, Now now, Effects& effects) {
    ClassicGroup* group = table_.classic(timer.group);
    if (!group || table_.timers.get(timer) || group->pending_sync.empty()) return;
    if (!group->in(ClassicState::completing_rebalance) && !group->in(ClassicState::stable)) return;
    std::vector<std::string> late{group->pending_sync.begin(), group->pending_sync.end()};
    for (const std::string& id : late)
        remove_member(*group, id, ErrorCode::unknown_member_id, effects);
    prepare_rebalance(*group, now, effects);
}

protocol::HeartbeatResponse ClassicProtocol::heartbeat(const protocol::HeartbeatRequest& request,
                                                       Now now) {
    auto answer = [](ErrorCode error) {
        protocol::HeartbeatResponse response;
        response.error_code = wire(error);
        return response;
    };
    if (request.group_id.empty()) return answer(ErrorCode::invalid_group_id);
    ClassicGroup* group = table_.classic(request.group_id);
    if (!group) return answer(ErrorCode::unknown_member_id);
    if (ErrorCode error = check_member(*group, request.member_id, request.group_instance_id);
        error != ErrorCode::none)
        return answer(error);
    if (request.generation_id != group->generation()) return answer(ErrorCode::illegal_generation);
    if (group->in(ClassicState::empty)) return answer(ErrorCode::unknown_member_id);
    renew_session(*group, *group->member(request.member_id), now);
    // After its join a member may send heartbeats before the assignment is there.
    return answer(group->in(ClassicState::preparing_rebalance) ? ErrorCode::rebalance_in_progress
                                                               : ErrorCode::none);
}

void ClassicProtocol::on_session_timeout(const Timer& timer, Now now, Effects& effects) {
    ClassicGroup* group = table_.classic(timer.group);
    if (!group || table_.timers.get(timer)) return;
    if (group->pending.erase(timer.member) > 0) {
        complete_if_all_joined(*group, now, effects);
        return;
    }
    ClassicMember* member = group->member(timer.member);
    if (!member) return;
    // Who waits for an answer is alive; its session starts again with the answer.
    if (!member->is_new && (member->join || member->sync)) return;
    remove_member(*group, timer.member, ErrorCode::unknown_member_id, effects);
    if (!group->in(ClassicState::empty)) rebalance_or_complete(*group, now, effects);
}

protocol::LeaveGroupResponse ClassicProtocol::leave(const protocol::LeaveGroupRequest& request,
                                                    Now now, Effects& effects) {
    protocol::LeaveGroupResponse response;
    ClassicGroup* group = table_.classic(request.group_id);
    if (request.group_id.empty()) {
        response.error_code = wire(ErrorCode::invalid_group_id);
        return response;
    }
    if (!group) {
        for (const auto& leaving : request.members) {
            auto& out = response.members.emplace_back();
            out.member_id = leaving.member_id.to_owned();
            out.group_instance_id.reset();
            if (leaving.group_instance_id)
                out.group_instance_id = leaving.group_instance_id->to_owned();
            out.error_code = wire(ErrorCode::unknown_member_id);
        }
        return response;
    }
    size_t before = group->members().size() + group->pending.size();
    for (const auto& leaving : request.members) {
        auto& out = response.members.emplace_back();
        out.member_id = leaving.member_id.to_owned();
        out.group_instance_id.reset();
        if (leaving.group_instance_id)
            out.group_instance_id = leaving.group_instance_id->to_owned();
        out.error_code =
            wire(leave_one(*group, leaving.member_id, leaving.group_instance_id, effects));
    }
    bool left = group->members().size() + group->pending.size() < before;
    if (left && !group->in(ClassicState::empty)) rebalance_or_complete(*group, now, effects);
    return response;
}

ErrorCode ClassicProtocol::leave_one(ClassicGroup& group, std::string_view member_id,
                                     const std::optional<Str>& instance_id, Effects& effects) {
    std::string id{member_id};
    // An administrator knows only the instance.
    if (id.empty() && instance_id) {
        std::optional<std::string> holder = group.static_member(*instance_id);
        if (!holder) return ErrorCode::unknown_member_id;
        id = *holder;
    } else if (group.pending.contains(id)) {
        group.pending.erase(id);
        table_.timers.cancel({group.id(), TimerKind::classic_session, id});
        return ErrorCode::none;
    } else if (ErrorCode error = check_member(group, id, instance_id); error != ErrorCode::none) {
        return error;
    }
    remove_member(group, id, ErrorCode::unknown_member_id, effects);
    return ErrorCode::none;
}

void ClassicProtocol::loaded(ClassicGroup& group, Now now, Effects& effects) {
    for (const auto& [id, member] : group.members()) renew_session(group, member, now);
    if (group.members().size() > static_cast<size_t>(table_.config.group_max_size))
        prepare_rebalance(group, now, effects);
}

}  // namespace millrace::group
