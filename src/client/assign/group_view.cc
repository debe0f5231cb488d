#include "client/assign/group_view.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/java_text.h"

namespace millrace::client::assign {

uint32_t java_bucket(int32_t hash, size_t size) {
    size_t capacity = 16;
    while (size > capacity / 4 * 3) capacity *= 2;
    const auto bits = static_cast<uint32_t>(hash);
    return (bits ^ (bits >> 16)) & static_cast<uint32_t>(capacity - 1);
}

std::vector<uint32_t> java_map_order(std::span<const int32_t> hashes) {
    std::vector<uint32_t> order(hashes.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(
        order, {}, [&](uint32_t i) { return std::pair{java_bucket(hashes[i], hashes.size()), i}; });
    return order;
}

GroupView::GroupView(std::span<const GroupMember> members, const AssignableTopics& topics)
    : members_(members), ranks_(members.size()), member_topics_(members.size()) {
    std::vector<int32_t> hashes;
    for (const GroupMember& m : members) hashes.push_back(java_string_hash(m.id));
    java_order_ = java_map_order(hashes);

    std::vector<Member> by_id(members.size());
    std::iota(by_id.begin(), by_id.end(), 0u);
    std::ranges::sort(by_id, {}, [&](Member m) -> const std::string& { return members[m].id; });
    for (uint32_t place = 0; place < by_id.size(); place++) ranks_[by_id[place]] = place;

    std::set<std::string_view> wanted;
    for (const GroupMember& m : members) wanted.insert(m.topics.begin(), m.topics.end());
    for (const auto& [name, topic] : topics) {
        if (topic.partitions <= 0 || !wanted.contains(name)) continue;
        const auto count = static_cast<uint32_t>(topic.partitions);
        topics_.push_back({name, static_cast<Partition>(topic_of_.size()), count, {}, &topic});
        topic_of_.insert(topic_of_.end(), count, static_cast<uint32_t>(topics_.size() - 1));
    }
    for (Member m : java_order_) {
        for (const std::string& name : members[m].topics) {
            auto topic = find_topic(name);
            if (!topic) continue;
            member_topics_[m].push_back(*topic);
            topics_[*topic].subscribers.push_back(m);
        }
    }
}

std::vector<Member> GroupView::by_instance(std::vector<Member> list) const {
    std::ranges::sort(list, [&](Member a, Member b) {
        const auto& left = member(a).instance_id;
        const auto& right = member(b).instance_id;
        if (left && right) return *left < *right;
        if (left.has_value() != right.has_value()) return left.has_value();
        return rank(a) < rank(b);
    });
    return list;
}

std::optional<uint32_t> GroupView::find_topic(std::string_view name) const {
    auto at = std::ranges::lower_bound(topics_, name, {}, &Topic::name);
    if (at == topics_.end() || at->name != name) return std::nullopt;
    return static_cast<uint32_t>(at - topics_.begin());
}

bool GroupView::subscribes(Member m, uint32_t topic) const {
    return std::ranges::find(member_topics_[m], topic) != member_topics_[m].end();
}

bool GroupView::same_subscriptions() const {
    auto sorted = [](std::vector<std::string> names) {
        std::ranges::sort(names);
        return names;
    };
    const auto first = sorted(members_.front().topics);
    return std::ranges::all_of(members_,
                               [&](const GroupMember& m) { return sorted(m.topics) == first; });
}

std::optional<Partition> GroupView::find(const TopicPartition& tp) const {
    auto topic = find_topic(tp.topic);
    if (!topic || tp.partition < 0) return std::nullopt;
    const auto index = static_cast<uint32_t>(tp.partition);
    if (index >= topics_[*topic].count) return std::nullopt;
    return topics_[*topic].first + index;
}

const std::vector<std::string>& GroupView::racks_of(Partition p) const {
    static const std::vector<std::string> none;
    const auto& racks = topics_[topic_of_[p]].described->racks;
    return index_of(p) < racks.size() ? racks[index_of(p)] : none;
}

GroupAssignment GroupView::named(std::vector<std::vector<Partition>> assignment) const {
    GroupAssignment out(assignment.size());
    for (size_t m = 0; m < assignment.size(); m++) {
        std::ranges::sort(assignment[m]);
        for (Partition p : assignment[m]) out[m].push_back(name_of(p));
    }
    return out;
}

}  // namespace millrace::client::assign
