// What a group of the consumer protocol should look like: its topics, its epoch, its target
// assignment, and each member's next step there.
#include "group/assignor.h"
#include "group/consumer_protocol.h"
#include "group/metadata_hash.h"
#include "group/reconciler.h"
#include "group/regex.h"

namespace millrace::group {

RegexUpdate ConsumerProtocol::update_regexes(GroupChange& change, const std::string& new_regex,
                                             const std::string& old_regex, Now now) {
    const ClusterView& cluster = *table_.cluster;
    RegexUpdate update;
    auto resolve = [&](const std::string& regex) {
        ResolvedRegex resolved{match_topics(regex, cluster), cluster.version(), now.wall_ms};
        auto known = change.group().regexes().find(regex);
        if (known != change.group().regexes().end() && known->second.topics == resolved.topics)
            return;
        change.set_regex(regex, resolved);
        update.changed = true;
    };
    if (!new_regex.empty() && !change.group().regexes().contains(new_regex)) resolve(new_regex);
    if (old_regex != new_regex && !old_regex.empty() && !change.group().uses_regex(old_regex)) {
        change.remove_regex(old_regex);
        update.changed = true;
    }
    ConsumerGroup* live = table_.consumer(change.group().id());
    update.current = change.group().regexes().empty();
    if (!live || update.current || live->seen_metadata == cluster.version() ||
        now.mono_ms - live->regexes_checked_ms < kRegexRefreshMinMs)
        return update;
    live->regexes_checked_ms = now.mono_ms;
    update.current = true;
    std::vector<std::string> all;
    for (const auto& [regex, resolved] : change.group().regexes()) all.push_back(regex);
    for (const std::string& regex : all) resolve(regex);
    return update;
}

void ConsumerProtocol::refresh(GroupChange& change, bool bump, RegexUpdate regexes, Now now,
                               Effects& effects) {
    const ConsumerGroup* live = table_.consumer(change.group().id());
    Offset version = table_.cluster->version();
    bump |= regexes.changed;
    if (bump || !live || live->seen_metadata != version) {
        int64_t hash = metadata_hash(change.group().subscribed_topics(), *table_.cluster);
        if (bump || hash != change.group().metadata_hash())
            change.set_epoch(change.group().epoch() + 1, hash);
        // What regular expressions match may have changed too: until they were looked at, this view
        // is not done with.
        if (regexes.current)
            then(effects, [this, version, id = change.group().id()](ErrorCode error, Effects&) {
                ConsumerGroup* group = table_.consumer(id);
                if (error == ErrorCode::none && group) group->seen_metadata = version;
            });
    }
    update_target(change, now);
}

bool ConsumerProtocol::target_due(const ConsumerGroup& group, Now now) const {
    if (group.epoch() <= group.assignment_epoch()) return false;
    int64_t since = now.wall_ms - group.assignment_timestamp();
    int32_t interval = table_.cluster->overrides(group.id())
                           .consumer_assignment_interval_ms.value_or(
                               table_.config.group_consumer_assignment_interval_ms);
    return since >= interval || since < 0;
}

void ConsumerProtocol::update_target(GroupChange& change, Now now) {
    const ConsumerGroup& group = change.group();
    if (!target_due(group, now)) return;
    AssignorTopics topics;
    std::vector<AssignorMember> members;
    for (const auto& [id, member] : group.members()) {
        AssignorMember& in =
            members.emplace_back(AssignorMember{.id = id, .current = &group.target(id)});
        if (member->instance_id) in.instance_id = *member->instance_id;
        for (const std::string& name : group.topics_of(*member))
            if (auto topic = table_.cluster->topic(name)) {
                topics[topic->id] = topic->partitions;
                in.topics.push_back(topic->id);
            }
        std::ranges::sort(in.topics);
    }
    Assignor assign = find_assignor(
        group.preferred_assignor().value_or(table_.config.group_consumer_assignors.front()));
    if (!assign) assign = assign_uniform;
    std::vector<TopicPartitions> targets = assign(members, topics);
    std::vector<std::pair<std::string, TopicPartitions>> changed;
    for (size_t i = 0; i < members.size(); i++)
        if (!group.has_target(members[i].id) || targets[i] != group.target(members[i].id))
            changed.emplace_back(members[i].id, std::move(targets[i]));
    for (const auto& [id, target] : changed) change.set_target(id, target);
    change.set_assignment_epoch(change.group().epoch(), now.wall_ms);
}

ConsumerMember ConsumerProtocol::step(GroupChange& change, const ConsumerMember& member,
                                      const TopicPartitions* owned, Now now) {
    const ConsumerGroup& group = change.group();
    std::optional<std::set<Uuid>> subscribed;
    ReconcileInput input{
        .target_epoch = group.assignment_epoch(),
        .target = &group.target(member.id),
        .owned = owned,
        .is_owned = [&](const Uuid& t, PartitionIndex p) { return group.is_owned(t, p); },
        .subscribes =
            [&](const Uuid& t) {
                if (!subscribed) {
                    subscribed.emplace();
                    for (const std::string& name : group.topics_of(member))
                        if (auto topic = table_.cluster->topic(name)) subscribed->insert(topic->id);
                }
                return subscribed->contains(t);
            }};
    ConsumerMember after = reconcile(member, input);
    Timer timer{group.id(), TimerKind::consumer_rebalance, member.id};
    if (!after.same_assignment(*group.member(member.id))) {
        change.set_member_assignment(after);
        if (after.state == MemberState::unrevoked_partitions)
            table_.timers.set(timer, now.mono_ms + after.rebalance_timeout_ms);
    }
    if (after.state != MemberState::unrevoked_partitions) table_.timers.cancel(timer);
    return after;
}

}  // namespace millrace::group
