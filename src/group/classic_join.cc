#include "group/classic_protocol.h"

namespace millrace::group {
namespace {

using protocol::Str;

// From this version of JoinGroup on a new member first gets its id and joins with it (KIP-394).
constexpr int16_t kMemberIdRequiredFrom = 4;
// From this version on a leader may be told not to compute an assignment (KIP-814).
constexpr int16_t kSkipAssignmentFrom = 9;

protocol::JoinGroupResponse join_error(ErrorCode error, std::string_view member_id) {
    protocol::JoinGroupResponse response;
    response.error_code = wire(error);
    response.member_id = member_id;
    response.protocol_name.reset();
    return response;
}

protocol::SyncGroupResponse sync_error(ErrorCode error) {
    protocol::SyncGroupResponse response;
    response.error_code = wire(error);
    return response;
}

std::vector<ClassicProtocolMetadata> protocols_of(const protocol::JoinGroupRequest& request) {
    std::vector<ClassicProtocolMetadata> out;
    for (const auto& protocol : request.protocols) {
        ByteView metadata = protocol.metadata;
        out.push_back({protocol.name.str(), {metadata.begin(), metadata.end()}});
    }
    return out;
}

int32_t rebalance_timeout(const protocol::JoinGroupRequest& request) {
    // Version 0 has none: the session timeout serves for both.
    return request.rebalance_timeout_ms == -1 ? request.session_timeout_ms
                                              : request.rebalance_timeout_ms;
}

// "0189a0b2-...": Java's text form of a random uuid.
std::string java_uuid(Rng& rng) {
    Uuid id = Uuid::random(rng);
    return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", id.high >> 32, id.high >> 16 & 0xffff,
                       id.high & 0xffff, id.low >> 48, id.low & 0xffffffffffff);
}

void end_join(ClassicMember& member, protocol::JoinGroupResponse response, Effects& effects) {
    if (!member.join) return;
    effects.completed.emplace_back(*std::exchange(member.join, std::nullopt), std::move(response));
}

void end_sync(ClassicMember& member, protocol::SyncGroupResponse response, Effects& effects) {
    if (!member.sync) return;
    effects.completed.emplace_back(*std::exchange(member.sync, std::nullopt), std::move(response));
}

// Whether one more may come in. Members that are known already may always come back, unless the
// group has more than it may have: then the first to come stay.
bool has_room(const ClassicGroup& group, std::string_view member_id, size_t size_max) {
    const ClassicMember* member = group.member(member_id);
    switch (group.state()) {
        case ClassicState::empty:
            return true;
        case ClassicState::preparing_rebalance:
            return (member && member->join) || group.count_joining() < size_max;
        case ClassicState::completing_rebalance:
        case ClassicState::stable:
            return member || group.members().size() < size_max;
    }
    return false;
}

}  // namespace

std::optional<protocol::JoinGroupResponse> ClassicProtocol::join(const RequestContext& context,
                                                                 const JoinRequest& request,
                                                                 Token token, Now now,
                                                                 Effects& effects) {
    std::string_view group_id = request.group_id;
    std::string_view member_id = request.member_id;
    if (group_id.empty()) return join_error(ErrorCode::invalid_group_id, member_id);
    if (request.session_timeout_ms < table_.config.group_min_session_timeout_ms ||
        request.session_timeout_ms > table_.config.group_max_session_timeout_ms)
        return join_error(ErrorCode::invalid_session_timeout, member_id);

    ClassicGroup* group = table_.classic(group_id);
    bool created = !group;
    if (created) {
        if (!member_id.empty()) return join_error(ErrorCode::unknown_member_id, member_id);
        auto at = table_.groups.emplace(std::string{group_id},
                                        ClassicGroup{std::string{group_id}, now.wall_ms});
        group = &std::get<ClassicGroup>(at.first->second);
        effects.records.push_back(group->to_record());
    }

    std::optional<JoinResponse> reply;
    if (!has_room(*group, member_id, static_cast<size_t>(table_.config.group_max_size))) {
        remove_member(*group, std::string{member_id}, ErrorCode::group_max_size_reached, effects);
        return join_error(ErrorCode::group_max_size_reached, {});
    }
    reply = member_id.empty() ? join_new(*group, context, request, token, now, effects)
                              : join_known(*group, context, request, token, now, effects);
    return reply;
}

std::string ClassicProtocol::new_member_id(const RequestContext& context,
                                           const JoinRequest& request) {
    std::string_view prefix = request.group_instance_id ? request.group_instance_id->view()
                                                        : std::string_view{context.client_id};
    return fmt::format("{}-{}", prefix, java_uuid(table_.rng));
}

std::optional<protocol::JoinGroupResponse> ClassicProtocol::join_new(ClassicGroup& group,
                                                                     const RequestContext& context,
                                                                     const JoinRequest& request,
                                                                     Token token, Now now,
                                                                     Effects& effects) {
    if (!group.supports(request.protocol_type, protocols_of(request)))
        return join_error(ErrorCode::inconsistent_group_protocol, {});
    std::string id = new_member_id(context, request);
    if (request.group_instance_id) {
        if (std::optional<std::string> old_id = group.static_member(*request.group_instance_id))
            return replace_static(group, *old_id, context, request, token, now, effects);
    } else if (context.api_version >= kMemberIdRequiredFrom) {
        group.pending.insert(id);
        table_.timers.set({group.id(), TimerKind::classic_session, id},
                          now.mono_ms + request.session_timeout_ms);
        return join_error(ErrorCode::member_id_required, id);
    }
    add_member(group, context, request, std::move(id), token, now, effects);
    return std::nullopt;
}

ErrorCode ClassicProtocol::check_member(const ClassicGroup& group, std::string_view member_id,
                                        const std::optional<Str>& instance_id) {
    if (instance_id) {
        std::optional<std::string> holder = group.static_member(*instance_id);
        if (!holder) return ErrorCode::unknown_member_id;
        if (*holder != member_id) return ErrorCode::fenced_instance_id;
    }
    return group.member(member_id) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

std::optional<protocol::JoinGroupResponse> ClassicProtocol::join_known(
    ClassicGroup& group, const RequestContext& context, const JoinRequest& request, Token token,
    Now now, Effects& effects) {
    std::string_view id = request.member_id;
    if (!group.supports(request.protocol_type, protocols_of(request)))
        return join_error(ErrorCode::inconsistent_group_protocol, id);
    if (group.pending.contains(id)) {
        if (request.group_instance_id) return join_error(ErrorCode::unknown_member_id, id);
        add_member(group, context, request, std::string{id}, token, now, effects);
        return std::nullopt;
    }
    if (ErrorCode error = check_member(group, id, request.group_instance_id);
        error != ErrorCode::none)
        return join_error(error, id);

    ClassicMember& member = *group.member(id);
    bool same = member.protocols == protocols_of(request);
    switch (group.state()) {
        case ClassicState::empty:
            return join_error(ErrorCode::unknown_member_id, id);
        case ClassicState::preparing_rebalance:
            break;
        case ClassicState::completing_rebalance:
            // The answer to its join may have been lost.
            if (same) return current_generation(group, member.id);
            break;
        case ClassicState::stable:
            // The leader joins again to have a new assignment computed; a follower without news has
            // lost its answer.
            if (same && !group.is_leader(id)) return current_generation(group, member.id);
            break;
    }
    update_member(group, member, context, request, token, now, effects);
    return std::nullopt;
}

protocol::JoinGroupResponse ClassicProtocol::current_generation(
    const ClassicGroup& group, const std::string& member_id) const {
    JoinResponse response;
    response.generation_id = group.generation();
    response.protocol_type = group.protocol_type();
    response.protocol_name = group.protocol();
    response.leader = group.leader().value_or("");
    response.member_id = member_id;
    if (!group.is_leader(member_id) || group.in(ClassicState::stable)) return response;
    for (const auto& [id, member] : group.members()) {
        auto& out = response.members.emplace_back();
        out.member_id = id;
        if (member.instance_id) out.group_instance_id = *member.instance_id;
        out.metadata = member.metadata(*group.protocol());
    }
    return response;
}

void ClassicProtocol::add_member(ClassicGroup& group, const RequestContext& context,
                                 const JoinRequest& request, std::string member_id, Token token,
                                 Now now, Effects& effects) {
    ClassicMember member;
    member.id = member_id;
    if (request.group_instance_id) member.instance_id = request.group_instance_id->str();
    member.client_id = context.client_id;
    member.client_host = context.client_host;
    member.rebalance_timeout_ms = rebalance_timeout(request);
    member.session_timeout_ms = request.session_timeout_ms;
    member.protocols = protocols_of(request);
    member.is_new = true;
    member.join = token;
    if (group.in(ClassicState::preparing_rebalance) &&
        group.previous_state() == ClassicState::empty)
        group.new_member_added = true;
    group.add(std::move(member), request.protocol_type);
    // It cannot send heartbeats before it knows its id, and a client that went away in its join
    // must not stay for ever.
    table_.timers.set({group.id(), TimerKind::classic_session, member_id},
                      now.mono_ms + table_.config.new_member_join_timeout_ms);
    rebalance_or_complete(group, now, effects);
}

void ClassicProtocol::update_member(ClassicGroup& group, ClassicMember& member,
                                    const RequestContext& context, const JoinRequest& request,
                                    Token token, Now now, Effects& effects) {
    // A second join of the same member: the first one's connection is gone, or it will be ignored
    // there.
    end_join(member, join_error(ErrorCode::rebalance_in_progress, member.id), effects);
    member.client_id = context.client_id;
    member.client_host = context.client_host;
    member.rebalance_timeout_ms = rebalance_timeout(request);
    member.session_timeout_ms = request.session_timeout_ms;
    member.protocols = protocols_of(request);
    member.join = token;
    rebalance_or_complete(group, now, effects);
}

std::optional<protocol::JoinGroupResponse> ClassicProtocol::replace_static(
    ClassicGroup& group, const std::string& old_id, const RequestContext& context,
    const JoinRequest& request, Token token, Now now, Effects& effects) {
    ClassicMember& old = *group.member(old_id);
    end_join(old, join_error(ErrorCode::fenced_instance_id, old_id), effects);
    end_sync(old, sync_error(ErrorCode::fenced_instance_id), effects);
    ClassicMember before = old;
    std::optional<std::string> old_leader = group.leader();
    std::string id = new_member_id(context, request);
    group.rename(old_id, id);
    table_.timers.cancel({group.id(), TimerKind::classic_session, before.id});

    ClassicMember& member = *group.member(id);
    member.client_id = context.client_id;
    member.client_host = context.client_host;
    member.rebalance_timeout_ms = rebalance_timeout(request);
    member.session_timeout_ms = request.session_timeout_ms;
    member.protocols = protocols_of(request);
    renew_session(group, member, now);
    if (group.in(ClassicState::stable) && group.protocol() == group.select_protocol()) {
        persist_static(group, before, old_leader, context, token, std::move(id), effects);
        return std::nullopt;
    }
    member.join = token;
    rebalance_or_complete(group, now, effects);
    return std::nullopt;
}

// A static member that came back with the same protocol keeps its assignment: no rebalance, but its
// new id must be stored.
void ClassicProtocol::persist_static(ClassicGroup& group, const ClassicMember& before,
                                     std::optional<std::string> old_leader,
                                     const RequestContext& context, Token token,
                                     std::string member_id, Effects& effects) {
    effects.records.push_back(group.to_record());
    bool skips = context.api_version >= kSkipAssignmentFrom;
    then(effects, [this, id = group.id(), before, old_leader, skips, token, member_id](
                      ErrorCode error, Effects& more) {
        ClassicGroup* live = table_.classic(id);
        ClassicMember* member = live ? live->member(member_id) : nullptr;
        if (error != ErrorCode::none) {
            if (member) {
                live->rename(member_id, before.id);
                *live->member(before.id) = before;
            }
            more.completed.emplace_back(token, join_error(error, {}));
            return;
        }
        if (!member) {
            more.completed.emplace_back(token, join_error(ErrorCode::unknown_member_id, member_id));
            return;
        }
        JoinResponse response = current_generation(*live, member_id);
        bool leads = live->is_leader(member_id);
        if (skips && leads) {
            response.skip_assignment = true;
            for (const auto& [other_id, other] : live->members()) {
                auto& out = response.members.emplace_back();
                out.member_id = other_id;
                if (other.instance_id) out.group_instance_id = *other.instance_id;
                out.metadata = other.metadata(*live->protocol());
            }
        } else if (!skips && old_leader) {
            // Its own id as the leader's would make it compute an assignment that nobody asked for.
            response.leader = *old_leader;
        }
        more.completed.emplace_back(token, std::move(response));
    });
}

void ClassicProtocol::rebalance_or_complete(ClassicGroup& group, Now now, Effects& effects) {
    if (group.in(ClassicState::preparing_rebalance))
        complete_if_all_joined(group, now, effects);
    else
        prepare_rebalance(group, now, effects);
}

void ClassicProtocol::prepare_rebalance(ClassicGroup& group, Now now, Effects& effects) {
    for (const auto& [id, member] : group.members())
        end_sync(*group.member(id), sync_error(ErrorCode::rebalance_in_progress), effects);
    table_.timers.cancel({group.id(), TimerKind::classic_sync, {}});
    bool initial = group.in(ClassicState::empty);
    group.transition(ClassicState::preparing_rebalance, now.wall_ms);
    if (initial) {
        int32_t delay = table_.config.group_initial_rebalance_delay_ms;
        group.new_member_added = false;
        group.initial_remaining_ms = std::max(group.rebalance_timeout_ms() - delay, 0);
        table_.timers.set({group.id(), TimerKind::classic_initial, {}}, now.mono_ms + delay);
        return;
    }
    table_.timers.set({group.id(), TimerKind::classic_join, {}},
                      now.mono_ms + group.rebalance_timeout_ms());
    complete_if_all_joined(group, now, effects);
}

// The first members' phase ends by its timer only: more are expected.
void ClassicProtocol::complete_if_all_joined(ClassicGroup& group, Now now, Effects& effects) {
    if (group.in(ClassicState::preparing_rebalance) &&
        group.previous_state() != ClassicState::empty && group.all_joined())
        complete_join_phase(group, now, effects);
}

void ClassicProtocol::on_initial_delay(const Timer& timer, Now now, Effects& effects) {
    ClassicGroup* group = table_.classic(timer.group);
    if (!group || !group->in(ClassicState::preparing_rebalance) || table_.timers.get(timer)) return;
    if (group->new_member_added && group->initial_remaining_ms > 0) {
        int32_t delay =
            std::min(table_.config.group_initial_rebalance_delay_ms, group->initial_remaining_ms);
        group->new_member_added = false;
        group->initial_remaining_ms -= delay;
        table_.timers.set(timer, now.mono_ms + delay);
        return;
    }
    complete_join_phase(*group, now, effects);
}

void ClassicProtocol::on_join_timeout(const Timer& timer, Now now, Effects& effects) {
    ClassicGroup* group = table_.classic(timer.group);
    if (!group || !group->in(ClassicState::preparing_rebalance) || table_.timers.get(timer)) return;
    complete_join_phase(*group, now, effects);
}

void ClassicProtocol::complete_join_phase(ClassicGroup& group, Now now, Effects& effects) {
    table_.timers.cancel({group.id(), TimerKind::classic_join, {}});
    table_.timers.cancel({group.id(), TimerKind::classic_initial, {}});
    std::vector<std::string> missing;
    for (const auto& [id, member] : group.members())
        if (!member.join && !member.instance_id) missing.push_back(id);
    for (const std::string& id : missing)
        remove_member(group, id, ErrorCode::unknown_member_id, effects);

    if (!group.members().empty() && !group.elect_joined_leader()) {
        // Only static members, and none of them has joined: they keep their places, and the phase
        // goes on.
        table_.timers.set({group.id(), TimerKind::classic_join, {}},
                          now.mono_ms + group.rebalance_timeout_ms());
        return;
    }
    group.next_generation(now.wall_ms);
    if (group.in(ClassicState::empty)) {
        effects.records.push_back(group.to_record());
        return;
    }
    for (const auto& [id, unused] : group.members()) {
        ClassicMember& member = *group.member(id);
        end_join(member, current_generation(group, id), effects);
        member.is_new = false;
        renew_session(group, member, now);
        group.pending_sync.insert(id);
    }
    table_.timers.set({group.id(), TimerKind::classic_sync, {}},
                      now.mono_ms + group.rebalance_timeout_ms());
}

void ClassicProtocol::remove_member(ClassicGroup& group, const std::string& id, ErrorCode waits,
                                    Effects& effects) {
    table_.timers.cancel({group.id(), TimerKind::classic_session, id});
    ClassicMember* member = group.member(id);
    if (!member) return;
    end_join(*member, join_error(waits, id), effects);
    end_sync(*member, sync_error(waits), effects);
    group.remove(id);
}

void ClassicProtocol::complete_all(ClassicGroup& group, ErrorCode error, Effects& effects) {
    for (const auto& [id, unused] : group.members()) {
        ClassicMember& member = *group.member(id);
        end_join(member, join_error(error, id), effects);
        end_sync(member, sync_error(error), effects);
    }
}

}  // namespace millrace::group
