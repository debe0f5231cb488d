#include "group/migration.h"

#include "group/classic_protocol.h"
#include "group/embedded.h"
#include "group/metadata_hash.h"

namespace millrace::group {
namespace {

using protocol::Str;

Error refused(const ClassicGroup& group, std::string_view why) {
    return fail(
        ErrorCode::group_id_not_found,
        fmt::format("classic group {} does not become a consumer group: {}", group.id(), why));
}

TopicPartitions by_id(const std::vector<protocol::ConsumerProtocolAssignment::TopicPartition>& from,
                      const ClusterView& cluster) {
    TopicPartitions out;
    for (const auto& topic : from)
        if (auto info = cluster.topic(topic.topic); info && !topic.partitions.empty()) {
            out[info->id] = topic.partitions;
            normalize(out[info->id]);
        }
    return out;
}

Result<ConsumerMember> upgraded_member(const ClassicGroup& group, const ClassicMember& member,
                                       const ClusterView& cluster) {
    ByteView metadata = group.protocol() ? member.metadata(*group.protocol())
                                         : ByteView{member.protocols.front().metadata};
    auto subscription = decode_subscription(metadata);
    if (!subscription) return refused(group, "a member's subscription cannot be read");
    ConsumerMember out{.id = member.id};
    out.instance_id = member.instance_id;
    if (subscription->body.rack_id) out.rack_id = subscription->body.rack_id->str();
    out.client_id = member.client_id;
    out.client_host = member.client_host;
    for (const Str& topic : subscription->body.topics) out.topics.insert(topic.str());
    out.rebalance_timeout_ms = member.rebalance_timeout_ms;
    out.classic = ClassicMemberData{member.session_timeout_ms, member.protocols};
    out.epoch = out.previous_epoch = group.generation();
    if (!member.assignment.empty()) {
        auto assignment = decode_assignment(member.assignment);
        if (!assignment) return refused(group, "a member's assignment cannot be read");
        out.assigned = by_id(assignment->assigned_partitions, cluster);
        each(out.assigned,
             [&](const Uuid& t, PartitionIndex p) { out.assignment_epochs[{t, p}] = out.epoch; });
    }
    return out;
}

}  // namespace

Result<ConsumerGroup> upgrade(const ClassicGroup& classic, GroupTable& table, Now now,
                              Effects& effects) {
    MigrationPolicy policy = table.config.group_consumer_migration_policy;
    if (policy != MigrationPolicy::upgrade && policy != MigrationPolicy::bidirectional)
        return refused(classic, "online upgrade is disabled");
    if (!classic.uses_consumer_protocol())
        return refused(classic, "it does not use the consumer embedded protocol");
    if (classic.members().size() > static_cast<size_t>(table.config.group_consumer_max_size))
        return refused(classic, "it has more members than a consumer group may have");
    std::vector<ConsumerMember> members;
    for (const auto& [id, member] : classic.members()) {
        TRY(ConsumerMember converted, upgraded_member(classic, member, *table.cluster));
        members.push_back(std::move(converted));
    }

    effects.records.push_back(ClassicGroup::tombstone(classic.id()));
    ConsumerGroup start{classic.id()};
    GroupChange change{start, effects.records};
    for (const ConsumerMember& member : members) change.set_member_metadata(member);
    change.set_epoch(classic.generation(),
                     metadata_hash(change.group().subscribed_topics(), *table.cluster));
    for (const ConsumerMember& member : members) change.set_target(member.id, member.assigned);
    change.set_assignment_epoch(classic.generation(), 0);
    for (const ConsumerMember& member : members) change.set_member_assignment(member);

    then(effects, [&table, now, id = classic.id()](ErrorCode error, Effects&) {
        const ConsumerGroup* group = table.consumer(id);
        if (error != ErrorCode::none || !group) return;
        for (const auto& [member_id, member] : group->members())
            if (member->classic)
                table.timers.set({id, TimerKind::consumer_session, member_id},
                                 now.mono_ms + member->classic->session_timeout_ms);
    });
    return change.group();
}

namespace {

std::vector<uint8_t> downgraded_assignment(const ConsumerMember& member,
                                           const ClusterView& cluster) {
    auto subscription = decode_subscription(member.classic->protocols.front().metadata);
    protocol::ConsumerProtocolAssignment assignment;
    for (const auto& [id, partitions] : member.assigned)
        if (auto topic = cluster.topic(id)) {
            auto& out = assignment.assigned_partitions.emplace_back();
            out.topic = topic->name;
            out.partitions = partitions;
        }
    return encode_assignment(assignment, subscription ? subscription->version : int16_t{0});
}

ClassicGroup downgraded(const ConsumerGroup& group, const GroupTable& table, Now now) {
    ClassicGroup classic{group.id(), now.wall_ms};
    for (const auto& [id, member] : group.members()) {
        ClassicMember out;
        out.id = id;
        out.instance_id = member->instance_id;
        out.client_id = member->client_id;
        out.client_host = member->client_host;
        out.rebalance_timeout_ms = member->rebalance_timeout_ms;
        out.session_timeout_ms = member->classic->session_timeout_ms;
        out.protocols = member->classic->protocols;
        out.assignment = downgraded_assignment(*member, *table.cluster);
        classic.add(std::move(out), "consumer");
    }
    classic.restore(group.epoch(), classic.select_protocol(), classic.members().begin()->first);
    classic.transition(ClassicState::stable, now.wall_ms);
    return classic;
}

}  // namespace

bool downgrade_if_due(GroupChange& change, GroupTable& table, Now now, Effects& effects) {
    MigrationPolicy policy = table.config.group_consumer_migration_policy;
    const ConsumerGroup& group = change.group();
    if (policy != MigrationPolicy::downgrade && policy != MigrationPolicy::bidirectional)
        return false;
    if (group.members().empty() || !group.all_members_classic()) return false;
    if (group.members().size() > static_cast<size_t>(table.config.group_max_size)) return false;

    ClassicGroup classic = downgraded(group, table, now);
    change.remove_group();
    effects.records.push_back(classic.to_record());
    // The record is applied as the classic group of a log would be; what then waits in it starts
    // here.
    then(effects, [&table, now, id = classic.id()](ErrorCode error, Effects& more) {
        ClassicGroup* live = table.classic(id);
        if (error != ErrorCode::none || !live) return;
        table.cancel_timers(id);
        ClassicProtocol protocol{table};
        protocol.loaded(*live, now, more);
        if (live->in(ClassicState::stable)) protocol.prepare_rebalance(*live, now, more);
    });
    return true;
}

}  // namespace millrace::group
