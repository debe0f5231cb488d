#include "group/consumer_protocol.h"

#include "group/metadata_hash.h"
#include "group/migration.h"
#include "group/regex.h"

namespace millrace::group {
namespace {

using protocol::Str;

TopicPartitions owned_of(const protocol::ConsumerGroupHeartbeatRequest& request) {
    TopicPartitions owned;
    for (const auto& topic : *request.topic_partitions) {
        if (topic.partitions.empty()) continue;
        std::vector<PartitionIndex>& list = owned[topic.topic_id];
        list.insert(list.end(), topic.partitions.begin(), topic.partitions.end());
        normalize(list);
    }
    return owned;
}

Error fenced_epoch(const ConsumerMember& member, int32_t received, bool greater) {
    return fail(
        ErrorCode::fenced_member_epoch,
        fmt::format(
            "member epoch {} is {} the group's for this member, {}: it must give up its partitions "
            "and join again",
            received, greater ? "above" : "below", member.epoch));
}

// The member's epoch, or the one before it when the answer with the new one may have been lost. 0
// always joins again.
Result<void> check_epoch(const ConsumerMember& member,
                         const protocol::ConsumerGroupHeartbeatRequest& request) {
    int32_t received = request.member_epoch;
    if (received == 0 || received == member.epoch) return {};
    if (received > member.epoch) return fenced_epoch(member, received, true);
    if (received == member.previous_epoch && request.topic_partitions &&
        is_subset(owned_of(request), member.assigned))
        return {};
    return fenced_epoch(member, received, false);
}

Error unknown_member(std::string_view member, std::string_view group) {
    return fail(ErrorCode::unknown_member_id,
                fmt::format("{} is no member of group {}", member, group));
}

void update_from(ConsumerMember& member, const protocol::ConsumerGroupHeartbeatRequest& request,
                 const RequestContext& context) {
    if (request.instance_id) member.instance_id = request.instance_id->str();
    if (request.rack_id) member.rack_id = request.rack_id->str();
    if (request.rebalance_timeout_ms != -1)
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    if (request.server_assignor) member.server_assignor = request.server_assignor->str();
    if (request.subscribed_topic_names) {
        member.topics.clear();
        for (const Str& topic : *request.subscribed_topic_names) member.topics.insert(topic.str());
    }
    if (request.subscribed_topic_regex) member.regex = request.subscribed_topic_regex->str();
    member.client_id = context.client_id;
    member.client_host = context.client_host;
    member.classic.reset();
}

}  // namespace

int32_t ConsumerProtocol::session_timeout_ms(std::string_view group_id) const {
    return table_.cluster->overrides(group_id).consumer_session_timeout_ms.value_or(
        table_.config.group_consumer_session_timeout_ms);
}

int32_t ConsumerProtocol::heartbeat_interval_ms(std::string_view group_id) const {
    return table_.cluster->overrides(group_id).consumer_heartbeat_interval_ms.value_or(
        table_.config.group_consumer_heartbeat_interval_ms);
}

ConsumerProtocol::Response ConsumerProtocol::heartbeat(const RequestContext& context,
                                                       const Request& request, Now now,
                                                       Effects& effects) {
    auto decide = [&]() -> Result<Response> {
        TRY_OK(check(context, request));
        if (request.member_epoch < 0) return leave(request, now, effects);
        return join_or_beat(context, request, now, effects);
    };
    Result<Response> result = decide();
    if (result) return *std::move(result);
    effects = {};
    Response error;
    error.error_code = wire(result.error().code);
    error.error_message = result.error().message;
    return error;
}

Result<void> ConsumerProtocol::check(const RequestContext& context, const Request& request) const {
    auto invalid = [](const char* why) { return fail(ErrorCode::invalid_request, why); };
    if (!table_.config.consumer_protocol_enabled) return fail(ErrorCode::unsupported_version);
    if (request.group_id.empty()) return invalid("an empty GroupId");
    // Since version 1 the client makes its id, before that the coordinator does when it joins.
    if (request.member_id.empty() && (request.member_epoch != 0 || context.api_version >= 1))
        return invalid("an empty MemberId");
    if (request.instance_id && request.instance_id->empty()) return invalid("an empty InstanceId");
    if (request.rack_id && request.rack_id->empty()) return invalid("an empty RackId");
    if (request.member_epoch == 0) {
        if (request.rebalance_timeout_ms == -1)
            return invalid("a joining member must say its RebalanceTimeoutMs");
        if (!request.topic_partitions || !request.topic_partitions->empty())
            return invalid("a joining member owns nothing: TopicPartitions must be empty");
        // Empty names are fine: a client that matches its own pattern may have found no topic yet.
        if (!request.subscribed_topic_names && !request.subscribed_topic_regex)
            return invalid(
                "a joining member subscribes by SubscribedTopicNames or SubscribedTopicRegex: "
                "neither is set");
    } else if (request.member_epoch == kStaticLeaveEpoch) {
        if (!request.instance_id) return invalid("a static member leaves with its InstanceId");
    } else if (request.member_epoch < kStaticLeaveEpoch) {
        return invalid("MemberEpoch is below -2");
    }
    const auto& assignors = table_.config.group_consumer_assignors;
    if (request.server_assignor &&
        std::ranges::find(assignors, request.server_assignor->view()) == assignors.end())
        return fail(ErrorCode::unsupported_assignor,
                    fmt::format("no assignor {} here; there are: {}",
                                request.server_assignor->view(), fmt::join(assignors, ", ")));
    if (request.subscribed_topic_regex && !request.subscribed_topic_regex->empty())
        TRY_OK(check_regex(*request.subscribed_topic_regex));
    return {};
}

Result<const ConsumerGroup*> ConsumerProtocol::find_group(const Request& request,
                                                          std::optional<ConsumerGroup>& fresh,
                                                          Now now, Effects& effects) {
    std::string_view id = request.group_id;
    if (const ConsumerGroup* group = table_.consumer(id)) return group;
    bool joins = request.member_epoch == 0;
    ClassicGroup* classic = table_.classic(id);
    if (table_.foreign(id)) joins = false;
    if (!classic && !table_.exists(id)) {
        if (!joins)
            return fail(ErrorCode::group_id_not_found,
                        fmt::format("there is no consumer group {}", id));
        return &fresh.emplace(std::string{id});
    }
    if (joins && classic->in(ClassicState::empty)) {
        effects.records.push_back(ClassicGroup::tombstone(id));
        return &fresh.emplace(std::string{id});
    }
    if (joins) {
        TRY(ConsumerGroup converted, upgrade(*classic, table_, now, effects));
        return &fresh.emplace(std::move(converted));
    }
    return fail(ErrorCode::group_id_not_found,
                fmt::format("group {} is of another type than consumer", id));
}

Result<ConsumerMember> ConsumerProtocol::find_member(GroupChange& change, const Request& request,
                                                     std::string member_id) {
    const ConsumerGroup& group = change.group();
    bool joins = request.member_epoch == 0;
    const ConsumerMember* known = group.member(member_id);
    if (!request.instance_id) {
        if (known) {
            TRY_OK(check_epoch(*known, request));
            return *known;
        }
        if (!joins) return unknown_member(member_id, group.id());
        return ConsumerMember{.id = std::move(member_id)};
    }

    std::string_view instance = *request.instance_id;
    std::optional<std::string> holder = group.static_member(instance);
    if (!holder) {
        if (!joins)
            return fail(ErrorCode::unknown_member_id,
                        fmt::format("no member has the instance id {}", instance));
        if (known) return *known;
        return ConsumerMember{.id = std::move(member_id)};
    }
    const ConsumerMember& current = *group.member(*holder);
    if (*holder == member_id) {
        TRY_OK(check_epoch(current, request));
        return current;
    }
    if (!joins)
        return fail(ErrorCode::fenced_instance_id,
                    fmt::format("static member {} of instance id {} was replaced by member {}",
                                member_id, instance, *holder));
    if (current.epoch != kStaticLeaveEpoch && !current.classic)
        return fail(
            ErrorCode::unreleased_instance_id,
            fmt::format("static member {} cannot join: instance id {} is still that of member {}",
                        member_id, instance, *holder));
    return replace(change, current, std::move(member_id), 0);
}

ConsumerMember ConsumerProtocol::replace(GroupChange& change, const ConsumerMember& from,
                                         std::string to, int32_t epoch) {
    ConsumerMember member = from;
    TopicPartitions target = change.group().target(from.id);
    std::string old_id = from.id;
    member.id = std::move(to);
    member.epoch = epoch;
    member.previous_epoch = 0;
    change.remove_member(old_id);
    change.set_member_metadata(member);
    change.set_target(member.id, target);
    change.set_member_assignment(member);
    return member;
}

Result<ConsumerProtocol::Response> ConsumerProtocol::join_or_beat(const RequestContext& context,
                                                                  const Request& request, Now now,
                                                                  Effects& effects) {
    std::optional<ConsumerGroup> fresh;
    TRY(const ConsumerGroup* base, find_group(request, fresh, now, effects));
    std::string member_id =
        request.member_id.empty() ? Uuid::random(table_.rng).to_string() : request.member_id.str();
    auto size_max = static_cast<size_t>(table_.config.group_consumer_max_size);
    if (base->members().size() >= size_max && !base->member(member_id))
        return fail(ErrorCode::group_max_size_reached,
                    fmt::format("the group is full with {} members", size_max));

    GroupChange change{*base, effects.records};
    TRY(ConsumerMember before, find_member(change, request, std::move(member_id)));
    bool is_new = change.group().member(before.id) == nullptr;
    ConsumerMember member = before;
    update_from(member, request, context);
    if (is_new || !member.same_metadata(before)) change.set_member_metadata(member);
    bool bump = member.topics != before.topics;
    RegexUpdate regexes = update_regexes(change, member.regex, before.regex, now);
    refresh(change, bump, regexes, now, effects);

    std::optional<TopicPartitions> owned;
    if (request.topic_partitions) owned = owned_of(request);
    ConsumerMember after = step(change, member, owned ? &*owned : nullptr, now);
    auto start_session = [this, now,
                          timer = Timer{base->id(), TimerKind::consumer_session, after.id}] {
        table_.timers.set(timer, now.mono_ms + session_timeout_ms(timer.group));
    };
    start_session();
    // The end of the group that this one replaces ends its timers.
    if (fresh)
        then(effects, [start_session](ErrorCode error, Effects&) {
            if (error == ErrorCode::none) start_session();
        });
    return reply(before, after, request, base->id());
}

void ConsumerProtocol::remove(GroupChange& change, std::span<const std::string> ids, Now now,
                              Effects& effects) {
    std::set<std::string> regexes;
    for (const std::string& id : ids) {
        const ConsumerMember* member = change.group().member(id);
        if (!member) continue;
        if (!member->regex.empty()) regexes.insert(member->regex);
        change.remove_member(id);
    }
    for (const std::string& regex : regexes)
        if (!change.group().uses_regex(regex) && change.group().regexes().contains(regex))
            change.remove_regex(regex);
    if (downgrade_if_due(change, table_, now, effects)) return;
    change.set_epoch(change.group().epoch() + 1,
                     metadata_hash(change.group().subscribed_topics(), *table_.cluster));
}

Result<ConsumerProtocol::Response> ConsumerProtocol::leave(const Request& request, Now now,
                                                           Effects& effects) {
    std::string_view group_id = request.group_id;
    const ConsumerGroup* group = table_.consumer(group_id);
    if (!group) {
        if (table_.exists(group_id))
            return fail(ErrorCode::group_id_not_found,
                        fmt::format("group {} is of another type than consumer", group_id));
        return fail(ErrorCode::group_id_not_found,
                    fmt::format("there is no consumer group {}", group_id));
    }
    std::string id = request.member_id.str();
    if (request.instance_id) {
        std::optional<std::string> holder = group->static_member(*request.instance_id);
        if (!holder)
            return fail(
                ErrorCode::unknown_member_id,
                fmt::format("no member has the instance id {}", request.instance_id->view()));
        if (*holder != id)
            return fail(ErrorCode::fenced_instance_id,
                        fmt::format("static member {} of instance id {} was replaced by member {}",
                                    id, request.instance_id->view(), *holder));
    } else if (!group->member(id)) {
        return unknown_member(id, group_id);
    }

    GroupChange change{*group, effects.records};
    if (request.member_epoch == kStaticLeaveEpoch) {
        ConsumerMember member = *group->member(id);
        member.epoch = kStaticLeaveEpoch;
        member.revoking.clear();
        change.set_member_assignment(member);
        table_.timers.cancel({std::string{group_id}, TimerKind::consumer_rebalance, id});
    } else {
        remove(change, std::span{&id, 1}, now, effects);
    }
    Response response;
    response.member_id = id;
    response.member_epoch = request.member_epoch;
    return response;
}

ConsumerProtocol::Response ConsumerProtocol::reply(const ConsumerMember& before,
                                                   const ConsumerMember& after,
                                                   const Request& request,
                                                   std::string_view group_id) const {
    Response response;
    response.member_id = after.id;
    response.member_epoch = after.epoch;
    response.heartbeat_interval_ms = heartbeat_interval_ms(group_id);
    bool full = request.rebalance_timeout_ms != -1 &&
                (request.subscribed_topic_names || request.subscribed_topic_regex) &&
                request.topic_partitions;
    if (request.member_epoch == 0 || full || before.assigned != after.assigned) {
        Response::Assignment& assignment = response.assignment.emplace();
        for (const auto& [topic, partitions] : after.assigned)
            assignment.topic_partitions.push_back({topic, partitions});
    }
    return response;
}

void ConsumerProtocol::on_session_timeout(const Timer& timer, Now now, Effects& effects) {
    const ConsumerGroup* group = table_.consumer(timer.group);
    if (!group || !group->member(timer.member) || table_.timers.get(timer)) return;
    expire(*group, timer, now, effects);
}

void ConsumerProtocol::on_rebalance_timeout(const Timer& timer, Now now, Effects& effects) {
    const ConsumerGroup* group = table_.consumer(timer.group);
    if (!group || table_.timers.get(timer)) return;
    const ConsumerMember* member = group->member(timer.member);
    if (!member || member->state != MemberState::unrevoked_partitions) return;
    expire(*group, timer, now, effects);
}

void ConsumerProtocol::expire(const ConsumerGroup& group, const Timer& timer, Now now,
                              Effects& effects) {
    GroupChange change{group, effects.records};
    remove(change, std::span{&timer.member, 1}, now, effects);
    then(effects, [this, timer, now](ErrorCode error, Effects&) {
        if (error != ErrorCode::none) table_.timers.set(timer, now.mono_ms + kTimerRetryMs);
    });
}

void ConsumerProtocol::loaded(const ConsumerGroup& group, Now now) {
    for (const auto& [id, member] : group.members()) {
        int32_t session =
            member->classic ? member->classic->session_timeout_ms : session_timeout_ms(group.id());
        table_.timers.set({group.id(), TimerKind::consumer_session, id}, now.mono_ms + session);
        if (member->state == MemberState::unrevoked_partitions)
            table_.timers.set({group.id(), TimerKind::consumer_rebalance, id},
                              now.mono_ms + member->rebalance_timeout_ms);
    }
}

}  // namespace millrace::group
