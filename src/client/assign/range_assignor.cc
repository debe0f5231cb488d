#include <algorithm>
#include <map>

#include "client/assign/assignors.h"
#include "client/assign/group_view.h"
#include "client/assign/rack_rules.h"

namespace millrace::client::assign {
namespace {

// What is left to give of one topic. Each member gets an equal share; the partitions that are left
// over make the shares of those one larger who reach them first.
class TopicShare {
public:
    TopicShare(const GroupView& group, const Topic& topic)
        : group_(group),
          topic_(topic),
          consumers(group.by_instance(topic.subscribers)),
          share_(topic.count / consumers.size()),
          larger_left_(topic.count % consumers.size()),
          racks_(racks_count(group, consumers, topic.first, topic.first + topic.count)) {
        for (uint32_t i = 0; i < topic.count; i++) left_.push_back(topic.first + i);
    }

    bool racks() const { return racks_; }
    uint32_t partition_count() const { return topic_.count; }
    bool empty() const { return left_.empty(); }
    Partition partition(uint32_t index) const { return topic_.first + index; }
    // Racks do not forbid it; a member without one may have anything.
    bool matches(Member m, Partition p) const {
        const auto& rack = group_.member(m).rack;
        return !racks_ || !rack || rack->empty() || near(group_, m, p);
    }
    size_t room(Member m) const {
        const size_t full = share_ + (larger_left_ > 0 ? 1 : 0);
        const auto at = given_.find(m);
        const size_t has = at == given_.end() ? 0 : at->second;
        return full > has ? full - has : 0;
    }

    void give(Member m, const std::vector<Partition>& partitions,
              std::vector<std::vector<Partition>>& out) {
        out[m].insert(out[m].end(), partitions.begin(), partitions.end());
        if ((given_[m] += partitions.size()) > share_) larger_left_--;
        for (Partition p : partitions) std::erase(left_, p);
    }

    // Each member in turn the first that it may have, as many as it has room for.
    void give_ranges(bool only_matching, std::vector<std::vector<Partition>>& out) {
        for (Member m : consumers) {
            std::vector<Partition> run;
            const size_t most = room(m);
            for (Partition p : left_) {
                if (run.size() == most) break;
                if (!only_matching || matches(m, p)) run.push_back(p);
            }
            if (!run.empty()) give(m, run, out);
        }
    }

private:
    const GroupView& group_;
    const Topic& topic_;

public:
    const std::vector<Member> consumers;

private:
    size_t share_;
    size_t larger_left_;
    bool racks_;
    std::vector<Partition> left_;
    std::map<Member, size_t> given_;
};

// Topics of the same members and size are joined by their users partition by partition: equal
// indexes go to the same member, if it is near all of them.
void give_joined(std::span<TopicShare*> topics, std::vector<std::vector<Partition>>& out) {
    std::vector<Member> open = topics.front()->consumers;
    for (uint32_t i = 0; i < topics.front()->partition_count() && !open.empty(); i++) {
        auto fits = std::ranges::find_if(open, [&](Member m) {
            return std::ranges::all_of(topics, [&](const TopicShare* t) {
                return t->matches(m, t->partition(i)) && t->room(m) > 0;
            });
        });
        if (fits == open.end()) continue;
        for (TopicShare* t : topics) t->give(*fits, {t->partition(i)}, out);
        const Member m = *fits;
        if (std::ranges::none_of(topics, [&](const TopicShare* t) { return t->room(m) > 0; })) {
            open.erase(fits);
        }
    }
}

class RangeAssignor final : public Assignor {
public:
    std::string_view name() const override { return "range"; }

    GroupAssignment assign(std::span<const GroupMember> members,
                           const AssignableTopics& topics) const override {
        const GroupView group(members, topics);
        std::vector<std::vector<Partition>> given(members.size());
        std::vector<TopicShare> shares;
        for (const Topic& topic : group.topics()) shares.emplace_back(group, topic);
        if (std::ranges::any_of(shares, &TopicShare::racks)) {
            std::map<std::pair<std::vector<Member>, uint32_t>, std::vector<TopicShare*>> alike;
            for (TopicShare& share : shares)
                alike[{share.consumers, share.partition_count()}].push_back(&share);
            for (auto& [key, set] : alike) {
                if (set.size() > 1)
                    give_joined(set, given);
                else if (set.front()->racks())
                    set.front()->give_ranges(true, given);
            }
        }
        for (TopicShare& share : shares) share.give_ranges(false, given);
        return group.named(std::move(given));
    }
};

}  // namespace

std::unique_ptr<Assignor> make_range() {
    return std::make_unique<RangeAssignor>();
}

}  // namespace millrace::client::assign
