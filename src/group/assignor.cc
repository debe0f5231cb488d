#include "group/assignor.h"

#include <set>

#include "base/check.h"

namespace millrace::group {
namespace {

constexpr uint32_t kNobody = UINT32_MAX;

// Sticky balancing: keep, hand out what is free to the least loaded, then move partitions from
// loaded members to idle ones as long as that evens out a pair. With equal subscriptions the loads
// end at most one apart.
class UniformBuilder {
public:
    UniformBuilder(std::span<const AssignorMember> members, const AssignorTopics& topics)
        : members_(members), load_(members.size(), 0) {
        for (uint32_t m = 0; m < members.size(); m++) {
            for (const Uuid& id : members[m].topics) {
                Topic& topic = topics_[id];
                if (topic.subscribers.empty())
                    topic.owners.assign(static_cast<size_t>(topics.at(id)), kNobody);
                topic.subscribers.push_back(m);
            }
        }
    }

    std::vector<TopicPartitions> build() {
        keep_current();
        if (all_alike()) release_surplus();
        hand_out_free();
        while (move_once_over_all()) {
        }
        std::vector<TopicPartitions> out(members_.size());
        for (const auto& [id, topic] : topics_)
            for (size_t p = 0; p < topic.owners.size(); p++)
                out[topic.owners[p]][id].push_back(static_cast<PartitionIndex>(p));
        return out;
    }

private:
    struct Topic {
        std::vector<uint32_t> owners;       // by partition
        std::vector<uint32_t> subscribers;  // ascending
    };
    using Ranked = std::set<std::pair<uint32_t, uint32_t>>;  // (load, member)

    void keep_current() {
        for (uint32_t m = 0; m < members_.size(); m++) {
            if (members_[m].current == nullptr) continue;
            for (const auto& [id, partitions] : *members_[m].current) {
                auto at = topics_.find(id);
                if (at == topics_.end() || !std::ranges::binary_search(at->second.subscribers, m))
                    continue;
                for (PartitionIndex p : partitions) {
                    auto index = static_cast<size_t>(p);
                    if (p < 0 || index >= at->second.owners.size() ||
                        at->second.owners[index] != kNobody)
                        continue;
                    at->second.owners[index] = m;
                    load_[m]++;
                }
            }
        }
    }

    bool all_alike() const {
        return std::ranges::all_of(members_,
                                   [&](const auto& m) { return m.topics == members_[0].topics; });
    }

    // With equal subscriptions the final loads are known, so what is over them is let go here once,
    // instead of in moves that could pass a partition on twice.
    void release_surplus() {
        if (members_.empty()) return;
        size_t total = 0;
        for (const auto& [id, topic] : topics_) total += topic.owners.size();
        auto share = static_cast<uint32_t>(total / members_.size());
        size_t extra = total % members_.size();
        std::vector<uint32_t> allowed(members_.size(), share);
        for (uint32_t m = 0; m < members_.size() && extra > 0; m++)
            if (load_[m] > share) {
                allowed[m]++;
                extra--;
            }
        for (auto& [id, topic] : topics_)
            for (size_t p = topic.owners.size(); p-- > 0;) {
                uint32_t& owner = topic.owners[p];
                if (owner == kNobody || load_[owner] <= allowed[owner]) continue;
                load_[owner]--;
                owner = kNobody;
            }
    }

    // Topics with few subscribers first: they have the least choice.
    void hand_out_free() {
        std::vector<std::tuple<size_t, Uuid, Topic*>> order;
        for (auto& [id, topic] : topics_) order.emplace_back(topic.subscribers.size(), id, &topic);
        std::ranges::sort(order);
        for (auto& [subscribers, id, topic] : order) {
            if (std::ranges::find(topic->owners, kNobody) == topic->owners.end()) continue;
            Ranked ranked = rank(*topic);
            for (uint32_t& owner : topic->owners) {
                if (owner != kNobody) continue;
                owner = ranked.begin()->second;
                change_load(ranked, owner, +1);
            }
        }
    }

    // Every move makes the sum of squared loads smaller, so this ends.
    bool move_once_over_all() {
        bool moved = false;
        for (auto& [id, topic] : topics_) {
            Ranked ranked = rank(topic);
            if (ranked.rbegin()->first - ranked.begin()->first < 2) continue;
            for (size_t p = topic.owners.size(); p-- > 0;) {
                uint32_t from = topic.owners[p];
                auto [least, to] = *ranked.begin();
                if (load_[from] < least + 2) continue;
                topic.owners[p] = to;
                change_load(ranked, from, -1);
                change_load(ranked, to, +1);
                moved = true;
            }
        }
        return moved;
    }

    Ranked rank(const Topic& topic) const {
        Ranked out;
        for (uint32_t m : topic.subscribers) out.emplace(load_[m], m);
        return out;
    }

    void change_load(Ranked& ranked, uint32_t member, int by) {
        ranked.erase({load_[member], member});
        load_[member] = static_cast<uint32_t>(static_cast<int>(load_[member]) + by);
        ranked.emplace(load_[member], member);
    }

    std::span<const AssignorMember> members_;
    std::vector<uint32_t> load_;
    std::map<Uuid, Topic> topics_;
};

// Static members by instance id before dynamic ones by member id, so that a restart of a static
// member moves nothing.
bool range_order(const AssignorMember& a, const AssignorMember& b) {
    if (a.instance_id.has_value() != b.instance_id.has_value()) return a.instance_id.has_value();
    if (a.instance_id && *a.instance_id != *b.instance_id) return *a.instance_id < *b.instance_id;
    return a.id < b.id;
}

}  // namespace

std::vector<TopicPartitions> assign_uniform(std::span<const AssignorMember> members,
                                            const AssignorTopics& topics) {
    return UniformBuilder{members, topics}.build();
}

std::vector<TopicPartitions> assign_range(std::span<const AssignorMember> members,
                                          const AssignorTopics& topics) {
    std::vector<size_t> order(members.size());
    for (size_t i = 0; i < order.size(); i++) order[i] = i;
    std::ranges::sort(order,
                      [&](size_t a, size_t b) { return range_order(members[a], members[b]); });
    std::map<Uuid, std::vector<size_t>> subscribers;
    for (size_t m : order)
        for (const Uuid& topic : members[m].topics) subscribers[topic].push_back(m);

    std::vector<TopicPartitions> out(members.size());
    for (const auto& [topic, who] : subscribers) {
        auto partitions = static_cast<size_t>(topics.at(topic));
        size_t next = 0;
        for (size_t i = 0; i < who.size(); i++) {
            size_t share = partitions / who.size() + (i < partitions % who.size() ? 1 : 0);
            for (size_t end = next + share; next < end; next++)
                out[who[i]][topic].push_back(static_cast<PartitionIndex>(next));
        }
        INVARIANT(next == partitions);
    }
    return out;
}

Assignor find_assignor(std::string_view name) {
    if (name == "uniform") return assign_uniform;
    if (name == "range") return assign_range;
    return nullptr;
}

}  // namespace millrace::group
