#include "group/admin.h"

#include "group/consumer_records.h"
#include "group/offset_protocol.h"

namespace millrace::group {
namespace {

using protocol::Str;

bool same_word(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

bool passes(const std::vector<Str>& filter, std::string_view word) {
    return filter.empty() ||
           std::ranges::any_of(filter, [&](const Str& f) { return same_word(f, word); });
}

}  // namespace

void list_groups(const GroupTable& table, const protocol::ListGroupsRequest& request,
                 std::vector<protocol::ListGroupsResponse::ListedGroup>& out) {
    auto add = [&](const std::string& id, std::string_view protocol_type, std::string_view state,
                   std::string_view type) {
        if (!passes(request.states_filter, state) || !passes(request.types_filter, type)) return;
        auto& entry = out.emplace_back();
        entry.group_id = id;
        entry.protocol_type = protocol_type;
        entry.group_state = state;
        entry.group_type = type;
    };
    for (const auto& [id, group] : table.groups) {
        if (const auto* classic = std::get_if<ClassicGroup>(&group))
            add(id, classic->protocol_type().value_or(""), state_name(classic->state()), "classic");
        else if (const auto* consumer = std::get_if<ConsumerGroup>(&group))
            add(id, "consumer", state_name(consumer->state()), "consumer");
        else if (const auto* foreign = std::get_if<ForeignGroup>(&group))
            add(id, foreign->type, state_name(ClassicState::empty), foreign->type);
    }
    for (const auto& [id, topics] : table.offsets.groups())
        if (!table.exists(id)) add(id, "", state_name(ClassicState::empty), "classic");
}

ClassicDescription describe_classic(const GroupTable& table, std::string_view group_id,
                                    int16_t version) {
    ClassicDescription out;
    out.group_id = group_id;
    auto at = table.groups.find(group_id);
    const ClassicGroup* group =
        at == table.groups.end() ? nullptr : std::get_if<ClassicGroup>(&at->second);
    if (!group && at == table.groups.end() && table.offsets.has(group_id)) {
        out.group_state = state_name(ClassicState::empty);
        return out;
    }
    if (!group) {
        out.group_state = "Dead";
        if (version >= 6) {
            out.error_code = wire(ErrorCode::group_id_not_found);
            out.error_message =
                fmt::format("Group {} {}.", group_id,
                            at == table.groups.end() ? "not found" : "is not a classic group");
        }
        return out;
    }
    bool stable = group->in(ClassicState::stable);
    out.group_state = state_name(group->state());
    out.protocol_type = group->protocol_type().value_or("");
    if (stable) out.protocol_data = group->protocol().value_or("");
    for (const auto& [id, member] : group->members()) {
        auto& m = out.members.emplace_back();
        m.member_id = id;
        if (member.instance_id) m.group_instance_id = *member.instance_id;
        m.client_id = member.client_id;
        m.client_host = member.client_host;
        if (!stable) continue;
        m.member_metadata = member.metadata(*group->protocol());
        m.member_assignment = member.assignment;
    }
    return out;
}

namespace {

using Described = protocol::ConsumerGroupDescribeResponse;

// Topics that are gone are left out: there is no name to show.
Described::Assignment described(const TopicPartitions& partitions, const ClusterView& cluster) {
    Described::Assignment out;
    for (const auto& [id, list] : partitions)
        if (auto topic = cluster.topic(id)) out.topic_partitions.push_back({id, topic->name, list});
    return out;
}

Described::Member described(const ConsumerGroup& group, const ConsumerMember& member,
                            const ClusterView& cluster) {
    Described::Member out;
    out.member_id = member.id;
    if (member.instance_id) out.instance_id = *member.instance_id;
    if (member.rack_id) out.rack_id = *member.rack_id;
    out.member_epoch = member.epoch;
    out.client_id = member.client_id;
    out.client_host = member.client_host;
    for (const std::string& topic : member.topics) out.subscribed_topic_names.emplace_back(topic);
    out.subscribed_topic_regex = member.regex;
    // What it has been asked to give up is still its own.
    TopicPartitions owned = member.assigned;
    add_all(owned, member.revoking);
    out.assignment = described(owned, cluster);
    out.target_assignment = described(group.target(member.id), cluster);
    out.member_type = member.classic ? 0 : 1;
    return out;
}

}  // namespace

ConsumerDescription describe_consumer(const GroupTable& table, std::string_view group_id) {
    ConsumerDescription out;
    out.group_id = group_id;
    auto refuse = [&](ErrorCode error, std::string_view why) {
        out.error_code = wire(error);
        if (!why.empty()) out.error_message = fmt::format("Group {} {}.", group_id, why);
        return out;
    };
    if (group_id.empty()) return refuse(ErrorCode::invalid_group_id, {});
    auto at = table.groups.find(group_id);
    if (at == table.groups.end() && !table.offsets.has(group_id))
        return refuse(ErrorCode::group_id_not_found, "not found");
    const ConsumerGroup* group =
        at == table.groups.end() ? nullptr : std::get_if<ConsumerGroup>(&at->second);
    if (!group) return refuse(ErrorCode::group_id_not_found, "is not a consumer group");
    out.group_state = state_name(group->state());
    out.group_epoch = group->epoch();
    out.assignment_epoch = group->assignment_epoch();
    out.assignor_name =
        group->preferred_assignor().value_or(table.config.group_consumer_assignors.front());
    for (const auto& [id, member] : group->members())
        out.members.push_back(described(*group, *member, *table.cluster));
    return out;
}

bool has_members(const GroupTable& table, std::string_view group_id) {
    auto at = table.groups.find(group_id);
    if (at == table.groups.end()) return false;
    if (const auto* classic = std::get_if<ClassicGroup>(&at->second))
        return !classic->in(ClassicState::empty);
    if (const auto* consumer = std::get_if<ConsumerGroup>(&at->second))
        return !consumer->members().empty();
    return false;
}

void remove_empty_group(GroupTable& table, std::string_view group_id, Effects& effects) {
    if (const ConsumerGroup* group = table.consumer(group_id))
        GroupChange{*group, effects.records}.remove_group();
    else
        effects.records.push_back(ClassicGroup::tombstone(group_id));
}

ErrorCode delete_group(GroupTable& table, std::string_view group_id, Effects& effects) {
    if (!table.exists(group_id) && !table.offsets.has(group_id))
        return ErrorCode::group_id_not_found;
    // It is more than its records here: __share_group_state, or the topics of a streams application.
    if (table.foreign(group_id)) return ErrorCode::unsupported_version;
    if (has_members(table, group_id)) return ErrorCode::non_empty_group;
    OffsetProtocol{table}.remove_all(group_id, effects);
    remove_empty_group(table, group_id, effects);
    return ErrorCode::none;
}

}  // namespace millrace::group
