#include "group/mixed.h"

#include "group/embedded.h"

namespace millrace::group {
namespace {

using protocol::Str;

TopicPartitions owned_by(const protocol::ConsumerProtocolSubscription& subscription,
                         const ClusterView& cluster) {
    TopicPartitions owned;
    for (const auto& topic : subscription.owned_partitions)
        if (auto info = cluster.topic(topic.topic); info && !topic.partitions.empty()) {
            owned[info->id] = topic.partitions;
            normalize(owned[info->id]);
        }
    return owned;
}

// All classic members must have one protocol in common, and it must be a consumer's.
bool supports(const ConsumerGroup& group, const protocol::JoinGroupRequest& request) {
    if (request.protocol_type != "consumer" || request.protocols.empty()) return false;
    return std::ranges::any_of(request.protocols, [&](const auto& offered) {
        return std::ranges::all_of(group.members(), [&](const auto& m) {
            const auto& classic = m.second->classic;
            return !classic ||
                   std::ranges::find(classic->protocols, offered.name.view(),
                                     &ClassicProtocolMetadata::name) != classic->protocols.end();
        });
    });
}

// Who the request is from: unknown_member_id, fenced_instance_id, illegal_generation.
ErrorCode check_member(const ConsumerGroup& group, std::string_view id,
                       const std::optional<Str>& instance, int32_t generation) {
    if (instance) {
        std::optional<std::string> holder = group.static_member(*instance);
        if (!holder) return ErrorCode::unknown_member_id;
        if (*holder != id) return ErrorCode::fenced_instance_id;
    }
    const ConsumerMember* member = group.member(id);
    if (!member || !member->classic) return ErrorCode::unknown_member_id;
    return member->epoch == generation ? ErrorCode::none : ErrorCode::illegal_generation;
}

// Whether the member has a step to make that it can only make in a join.
bool should_rejoin(const ConsumerGroup& group, const ConsumerMember& member) {
    if (member.epoch < group.assignment_epoch()) return true;
    switch (member.state) {
        case MemberState::stable:
            return false;
        case MemberState::unrevoked_partitions:
            return true;
        case MemberState::unreleased_partitions: {
            TopicPartitions missing = difference(group.target(member.id), member.assigned);
            return !filter(missing, [&](const Uuid& t, PartitionIndex p) {
                        return !group.is_owned(t, p);
                    }).empty();
        }
    }
    return false;
}

}  // namespace

void MixedProtocol::renew_session(const ConsumerGroup& group, const ConsumerMember& member,
                                  Now now) {
    table_.timers.set({group.id(), TimerKind::consumer_session, member.id},
                      now.mono_ms + member.classic->session_timeout_ms);
}

protocol::JoinGroupResponse MixedProtocol::join(const RequestContext& context,
                                                const protocol::JoinGroupRequest& request, Now now,
                                                Effects& effects) {
    auto result = decide_join(*table_.consumer(request.group_id), context, request, now, effects);
    if (result) return *std::move(result);
    effects = {};
    protocol::JoinGroupResponse response;
    response.error_code = wire(result.error().code);
    response.member_id = result.error().code == ErrorCode::member_id_required
                             ? Str{result.error().message}
                             : request.member_id.to_owned();
    response.protocol_name.reset();
    return response;
}

Result<ConsumerMember> MixedProtocol::find_member(GroupChange& change,
                                                  const protocol::JoinGroupRequest& request,
                                                  std::string id) {
    const ConsumerGroup& group = change.group();
    if (request.group_instance_id) {
        std::optional<std::string> holder = group.static_member(*request.group_instance_id);
        if (holder && *holder != id) {
            if (!request.member_id.empty()) return fail(ErrorCode::fenced_instance_id);
            const ConsumerMember& current = *group.member(*holder);
            if (!current.classic && current.epoch != kStaticLeaveEpoch)
                return fail(ErrorCode::unreleased_instance_id);
            int32_t epoch = current.epoch < 0 ? 0 : current.epoch;
            return consumer_.replace(change, current, std::move(id), epoch);
        }
        if (!holder && !request.member_id.empty()) return fail(ErrorCode::unknown_member_id);
    }
    if (const ConsumerMember* known = group.member(id)) return *known;
    if (!request.group_instance_id && !request.member_id.empty() && group.members().empty())
        return fail(ErrorCode::unknown_member_id);
    return ConsumerMember{.id = std::move(id)};
}

Result<protocol::JoinGroupResponse> MixedProtocol::decide_join(
    const ConsumerGroup& group, const RequestContext& context,
    const protocol::JoinGroupRequest& request, Now now, Effects& effects) {
    if (request.session_timeout_ms < table_.config.group_min_session_timeout_ms ||
        request.session_timeout_ms > table_.config.group_max_session_timeout_ms)
        return fail(ErrorCode::invalid_session_timeout);
    // The group lost its last member meanwhile: it is about to become a classic one.
    if (group.members().empty()) return fail(ErrorCode::rebalance_in_progress);
    if (!supports(group, request)) return fail(ErrorCode::inconsistent_group_protocol);
    bool known = group.member(request.member_id) != nullptr;
    if (!known &&
        group.members().size() >= static_cast<size_t>(table_.config.group_consumer_max_size))
        return fail(ErrorCode::group_max_size_reached);
    std::string id =
        request.member_id.empty() ? Uuid::random(table_.rng).to_string() : request.member_id.str();
    if (request.member_id.empty() && !request.group_instance_id && context.api_version >= 4)
        return fail(ErrorCode::member_id_required, id);
    auto subscription = decode_subscription(request.protocols.front().metadata);
    if (!subscription) return fail(ErrorCode::inconsistent_group_protocol);

    GroupChange change{group, effects.records};
    TRY(ConsumerMember before, find_member(change, request, std::move(id)));
    ConsumerMember member = before;
    if (request.group_instance_id) member.instance_id = request.group_instance_id->str();
    if (subscription->body.rack_id) member.rack_id = subscription->body.rack_id->str();
    member.rebalance_timeout_ms = request.rebalance_timeout_ms == -1 ? request.session_timeout_ms
                                                                     : request.rebalance_timeout_ms;
    member.client_id = context.client_id;
    member.client_host = context.client_host;
    member.topics.clear();
    for (const Str& topic : subscription->body.topics) member.topics.insert(topic.str());
    member.regex.clear();
    ClassicMemberData& classic = member.classic.emplace();
    classic.session_timeout_ms = request.session_timeout_ms;
    for (const auto& offered : request.protocols) {
        ByteView metadata = offered.metadata;
        classic.protocols.push_back({offered.name.str(), {metadata.begin(), metadata.end()}});
    }
    if (!change.group().member(member.id) || !member.same_metadata(before))
        change.set_member_metadata(member);
    bool bump = member.topics != before.topics;
    RegexUpdate regexes = consumer_.update_regexes(change, member.regex, before.regex, now);
    consumer_.refresh(change, bump, regexes, now, effects);
    TopicPartitions owned = owned_by(subscription->body, *table_.cluster);
    ConsumerMember after = consumer_.step(change, member, &owned, now);
    after.classic = member.classic;
    renew_session(group, after, now);

    protocol::JoinGroupResponse response;
    response.member_id = after.id;
    response.generation_id = after.epoch;
    response.protocol_type = Str{"consumer"};
    response.protocol_name = request.protocols.front().name.to_owned();
    downgrade_if_due(change, table_, now, effects);
    return response;
}

protocol::SyncGroupResponse MixedProtocol::sync(const ConsumerGroup& group,
                                                const protocol::SyncGroupRequest& request,
                                                Now now) {
    protocol::SyncGroupResponse response;
    auto refuse = [&](ErrorCode error) {
        response.error_code = wire(error);
        return response;
    };
    ErrorCode error =
        check_member(group, request.member_id, request.group_instance_id, request.generation_id);
    if (error != ErrorCode::none) return refuse(error);
    const ConsumerMember& member = *group.member(request.member_id);
    const ClassicProtocolMetadata& own = member.classic->protocols.front();
    if ((request.protocol_type && *request.protocol_type != "consumer") ||
        (request.protocol_name && *request.protocol_name != own.name))
        return refuse(ErrorCode::inconsistent_group_protocol);
    if (member.epoch < group.assignment_epoch()) return refuse(ErrorCode::rebalance_in_progress);
    renew_session(group, member, now);

    protocol::ConsumerProtocolAssignment assignment;
    for (const auto& [id, partitions] : member.assigned)
        if (auto topic = table_.cluster->topic(id)) {
            auto& out = assignment.assigned_partitions.emplace_back();
            out.topic = topic->name;
            out.partitions = partitions;
        }
    auto subscription = decode_subscription(own.metadata);
    response.protocol_type = Str{"consumer"};
    response.protocol_name = own.name;
    response.assignment =
        encode_assignment(assignment, subscription ? subscription->version : int16_t{0});
    return response;
}

protocol::HeartbeatResponse MixedProtocol::heartbeat(const ConsumerGroup& group,
                                                     const protocol::HeartbeatRequest& request,
                                                     Now now) {
    protocol::HeartbeatResponse response;
    ErrorCode error =
        check_member(group, request.member_id, request.group_instance_id, request.generation_id);
    if (error == ErrorCode::none) {
        const ConsumerMember& member = *group.member(request.member_id);
        renew_session(group, member, now);
        if (should_rejoin(group, member) || consumer_.target_due(group, now))
            error = ErrorCode::rebalance_in_progress;
    }
    response.error_code = wire(error);
    return response;
}

protocol::LeaveGroupResponse MixedProtocol::leave(const ConsumerGroup& group,
                                                  const protocol::LeaveGroupRequest& request,
                                                  Now now, Effects& effects) {
    protocol::LeaveGroupResponse response;
    std::vector<std::string> leaving;
    for (const auto& identity : request.members) {
        auto& out = response.members.emplace_back();
        out.member_id = identity.member_id.to_owned();
        out.group_instance_id.reset();
        if (identity.group_instance_id)
            out.group_instance_id = identity.group_instance_id->to_owned();
        std::string id = identity.member_id.str();
        ErrorCode error = ErrorCode::none;
        if (identity.group_instance_id) {
            std::optional<std::string> holder = group.static_member(*identity.group_instance_id);
            if (!holder)
                error = ErrorCode::unknown_member_id;
            else if (!id.empty() && *holder != id)
                error = ErrorCode::fenced_instance_id;
            else
                id = *holder;
        }
        const ConsumerMember* member = group.member(id);
        // An administrator, who knows only instances, may remove any member.
        if (error == ErrorCode::none &&
            (!member || (!member->classic && !identity.member_id.empty())))
            error = ErrorCode::unknown_member_id;
        if (error == ErrorCode::none) leaving.push_back(id);
        out.error_code = wire(error);
    }
    if (leaving.empty()) return response;
    GroupChange change{group, effects.records};
    consumer_.remove(change, leaving, now, effects);
    return response;
}

}  // namespace millrace::group
