#include "group/consumer_group.h"

#include "base/check.h"

namespace millrace::group {

std::string_view state_name(ConsumerState state) {
    switch (state) {
        case ConsumerState::empty:
            return "Empty";
        case ConsumerState::assigning:
            return "Assigning";
        case ConsumerState::reconciling:
            return "Reconciling";
        case ConsumerState::stable:
            return "Stable";
    }
    return "Dead";
}

bool ConsumerMember::same_metadata(const ConsumerMember& o) const {
    return instance_id == o.instance_id && rack_id == o.rack_id && client_id == o.client_id &&
           client_host == o.client_host && topics == o.topics && regex == o.regex &&
           rebalance_timeout_ms == o.rebalance_timeout_ms && server_assignor == o.server_assignor &&
           classic == o.classic;
}

bool ConsumerMember::same_assignment(const ConsumerMember& o) const {
    return epoch == o.epoch && previous_epoch == o.previous_epoch && state == o.state &&
           assigned == o.assigned && revoking == o.revoking &&
           assignment_epochs == o.assignment_epochs;
}

ConsumerState ConsumerGroup::state() const {
    if (members_.empty()) return ConsumerState::empty;
    if (epoch_ > assignment_epoch_) return ConsumerState::assigning;
    for (const auto& [id, member] : members_)
        if (!member->reconciled_to(assignment_epoch_)) return ConsumerState::reconciling;
    return ConsumerState::stable;
}

const ConsumerMember* ConsumerGroup::member(std::string_view id) const {
    auto at = members_.find(id);
    return at == members_.end() ? nullptr : at->second.get();
}

std::optional<std::string> ConsumerGroup::static_member(std::string_view instance_id) const {
    auto at = static_members_.find(instance_id);
    if (at == static_members_.end()) return std::nullopt;
    return at->second;
}

bool ConsumerGroup::uses_regex(std::string_view regex) const {
    return std::ranges::any_of(members_, [&](const auto& m) { return m.second->regex == regex; });
}

std::set<std::string, std::less<>> ConsumerGroup::topics_of(const ConsumerMember& member) const {
    std::set<std::string, std::less<>> topics = member.topics;
    if (auto at = regexes_.find(member.regex); !member.regex.empty() && at != regexes_.end())
        topics.insert(at->second.topics.begin(), at->second.topics.end());
    return topics;
}

std::set<std::string, std::less<>> ConsumerGroup::subscribed_topics() const {
    std::set<std::string, std::less<>> topics;
    for (const auto& [id, member] : members_)
        topics.insert(member->topics.begin(), member->topics.end());
    for (const auto& [regex, resolved] : regexes_)
        if (uses_regex(regex)) topics.insert(resolved.topics.begin(), resolved.topics.end());
    return topics;
}

bool ConsumerGroup::subscribes(std::string_view topic) const {
    for (const auto& [id, member] : members_) {
        if (member->topics.contains(topic)) return true;
        if (member->regex.empty()) continue;
        auto at = regexes_.find(member->regex);
        if (at != regexes_.end() && at->second.topics.contains(topic)) return true;
    }
    return false;
}

const TopicPartitions& ConsumerGroup::target(std::string_view member_id) const {
    static const TopicPartitions kNone;
    auto at = targets_.find(member_id);
    return at == targets_.end() ? kNone : at->second;
}

bool ConsumerGroup::is_owned(const Uuid& topic, PartitionIndex partition) const {
    return owners_.contains({topic, partition});
}

std::optional<std::string> ConsumerGroup::preferred_assignor() const {
    std::map<std::string_view, size_t> votes;
    std::optional<std::string> best;
    for (const auto& [id, member] : members_)
        if (member->server_assignor) votes[*member->server_assignor]++;
    size_t most = 0;
    for (const auto& [name, count] : votes)
        if (count > most) {
            best = std::string{name};
            most = count;
        }
    return best;
}

size_t ConsumerGroup::count_classic_members() const {
    return static_cast<size_t>(std::ranges::count_if(
        members_, [](const auto& m) { return m.second->classic.has_value(); }));
}

bool ConsumerGroup::all_members_classic() const {
    return count_classic_members() == members_.size();
}

void ConsumerGroup::set_epoch(int32_t epoch, int64_t hash) {
    epoch_ = epoch;
    metadata_hash_ = hash;
}

void ConsumerGroup::set_assignment_epoch(int32_t epoch, TimestampMs timestamp) {
    assignment_epoch_ = epoch;
    assignment_timestamp_ = timestamp;
}

void ConsumerGroup::put(ConsumerMember member) {
    auto& slot = members_[member.id];
    if (slot) {
        count_partitions(*slot, -1);
        if (slot->instance_id && static_member(*slot->instance_id) == member.id)
            static_members_.erase(*slot->instance_id);
    }
    if (member.instance_id) static_members_[*member.instance_id] = member.id;
    count_partitions(member, +1);
    slot = std::make_shared<const ConsumerMember>(std::move(member));
}

void ConsumerGroup::count_partitions(const ConsumerMember& member, int by) {
    auto count = [&](const Uuid& topic, PartitionIndex partition) {
        auto at = owners_.try_emplace({topic, partition}, 0).first;
        at->second += by;
        if (at->second == 0) owners_.erase(at);
    };
    each(member.assigned, count);
    each(member.revoking, count);
}

void ConsumerGroup::set_member_metadata(const ConsumerMember& from) {
    ConsumerMember next = from;
    const ConsumerMember* old = member(from.id);
    ConsumerMember none;
    const ConsumerMember& keep = old ? *old : none;
    next.epoch = keep.epoch;
    next.previous_epoch = keep.previous_epoch;
    next.state = keep.state;
    next.assigned = keep.assigned;
    next.revoking = keep.revoking;
    next.assignment_epochs = keep.assignment_epochs;
    put(std::move(next));
}

void ConsumerGroup::set_member_assignment(const ConsumerMember& from) {
    const ConsumerMember* old = member(from.id);
    ConsumerMember next = old ? *old : ConsumerMember{.id = from.id};
    next.epoch = from.epoch;
    next.previous_epoch = from.previous_epoch;
    next.state = from.state;
    next.assigned = from.assigned;
    next.revoking = from.revoking;
    next.assignment_epochs = from.assignment_epochs;
    put(std::move(next));
}

void ConsumerGroup::set_target(const std::string& member_id, TopicPartitions target) {
    targets_[member_id] = std::move(target);
}

void ConsumerGroup::set_regex(const std::string& regex, ResolvedRegex resolved) {
    regexes_[regex] = std::move(resolved);
}

void ConsumerGroup::remove_member(std::string_view id) {
    auto at = members_.find(id);
    if (at == members_.end()) return;
    count_partitions(*at->second, -1);
    if (at->second->instance_id && static_member(*at->second->instance_id) == id)
        static_members_.erase(*at->second->instance_id);
    members_.erase(at);
}

void ConsumerGroup::remove_member_assignment(std::string_view id) {
    if (!member(id)) return;
    ConsumerMember cleared{
        .id = std::string{id}, .epoch = kLeaveEpoch, .previous_epoch = kLeaveEpoch};
    set_member_assignment(cleared);
}

void ConsumerGroup::remove_target(std::string_view id) {
    auto at = targets_.find(id);
    if (at != targets_.end()) targets_.erase(at);
}

void ConsumerGroup::remove_regex(std::string_view regex) {
    auto at = regexes_.find(regex);
    if (at != regexes_.end()) regexes_.erase(at);
}

bool operator==(const ConsumerGroup& a, const ConsumerGroup& b) {
    auto same_members = std::ranges::equal(
        a.members_, b.members_,
        [](const auto& x, const auto& y) { return x.first == y.first && *x.second == *y.second; });
    return a.id_ == b.id_ && a.epoch_ == b.epoch_ && a.metadata_hash_ == b.metadata_hash_ &&
           a.assignment_epoch_ == b.assignment_epoch_ &&
           a.assignment_timestamp_ == b.assignment_timestamp_ && same_members &&
           a.targets_ == b.targets_ && a.regexes_ == b.regexes_ &&
           a.static_members_ == b.static_members_ && a.owners_ == b.owners_;
}

}  // namespace millrace::group
