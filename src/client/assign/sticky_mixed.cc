// Sticky assignment when members want different topics: start from what is owned, give what is free
// to whoever has least, then move partitions one by one to members that have at least two fewer,
// until nothing improves.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "client/assign/partition_moves.h"
#include "client/assign/rack_rules.h"
#include "client/assign/sticky_input.h"

namespace millrace::client::assign {
namespace {

constexpr Member kNobody = ~Member{0};

class MixedShares {
public:
    explicit MixedShares(const StickyInput& input)
        : in_(input),
          group_(in_.group),
          given_(group_.member_count()),
          owner_(group_.partition_count(), kNobody),
          fixed_(group_.member_count()),
          moves_(group_) {
        for (Member m = 0; m < group_.member_count(); m++) {
            size_t most = 0;
            for (uint32_t t : group_.topics_of(m)) most += group_.topics()[t].count;
            most_.push_back(most);
        }
    }

    StickyResult run() {
        find_previous();
        keep_owned();
        std::vector<Partition> all = by_scarcity();
        std::vector<Partition> free = all;
        std::erase_if(free, [&](Partition p) { return owner_[p] != kNobody; });
        for (Member m = 0; m < group_.member_count(); m++) by_load_.insert(load(m));
        balance(std::move(free), std::move(all));
        return {std::move(given_), std::nullopt};
    }

private:
    struct Previous {
        Member member;
        int32_t generation;
    };
    using Load = std::pair<size_t, uint32_t>;  // how many it has; its rank

    Load load(Member m) {
        if (member_of_rank_.empty()) {
            member_of_rank_.resize(group_.member_count());
            for (Member i = 0; i < group_.member_count(); i++) member_of_rank_[group_.rank(i)] = i;
        }
        return {given_[m].size(), group_.rank(m)};
    }
    Member member_of(const Load& l) const { return member_of_rank_[l.second]; }

    // Who had a partition in an older generation: it goes back there if that helps the balance.
    void find_previous() {
        for (Member m : group_.java_order()) {
            const auto& claim = in_.claims[m];
            const int32_t generation = claim.generation.value_or(kNoGeneration);
            if (generation >= in_.generation_max) continue;
            for (const TopicPartition& tp : claim.partitions) {
                const auto p = group_.find(tp);
                if (!p) continue;
                const auto [at, first] = previous_.emplace(*p, Previous{m, generation});
                if (!first && generation > at->second.generation) at->second = {m, generation};
            }
        }
    }

    void keep_owned() {
        for (Member m : group_.java_order()) {
            for (Partition p : in_.owned[m]) {
                if (!group_.subscribes(m, group_.topic_of(p)) || in_.far(m, p)) {
                    must_revoke_ = true;
                    continue;
                }
                given_[m].push_back(p);
                owner_[p] = m;
            }
        }
    }

    size_t subscriber_count(Partition p) const {
        return group_.topics()[group_.topic_of(p)].subscribers.size();
    }
    std::vector<Partition> by_scarcity() const {
        std::vector<Partition> all;
        for (Partition p = 0; p < group_.partition_count(); p++) all.push_back(p);
        std::ranges::sort(all, {}, [&](Partition p) { return std::pair{subscriber_count(p), p}; });
        return all;
    }

    void change(Member m, auto&& change_given) {
        by_load_.erase(load(m));
        change_given(given_[m]);
        by_load_.insert(load(m));
    }

    bool give_to_least(Partition p, bool only_near) {
        for (const Load& l : by_load_) {
            const Member m = member_of(l);
            if (!group_.subscribes(m, group_.topic_of(p))) continue;
            if (only_near && in_.far(m, p)) continue;
            owner_[p] = m;
            change(m, [&](auto& list) { list.push_back(p); });
            return true;
        }
        return false;
    }

    bool can_change(Member m) const {
        return given_[m].size() < most_[m] ||
               std::ranges::any_of(given_[m], [&](Partition p) { return subscriber_count(p) > 1; });
    }

    void balance(std::vector<Partition> free, std::vector<Partition> all) {
        const bool fresh = by_load_.rbegin()->first == 0;
        std::vector<Partition> rest = free;
        if (in_.racks) std::erase_if(rest, [&](Partition p) { return give_to_least(p, true); });
        for (Partition p : rest) give_to_least(p, false);

        auto has_one_choice = [&](Partition p) { return subscriber_count(p) < 2; };
        std::erase_if(free, has_one_choice);
        std::erase_if(all, has_one_choice);
        for (Member m = 0; m < group_.member_count(); m++) {
            if (can_change(m)) continue;
            fixed_[m] = true;
            by_load_.erase(load(m));
        }
        const auto given_before = given_;
        const auto owner_before = owner_;
        const size_t spread_before = spread();
        if (!must_revoke_) move_some(free);
        const bool moved = move_some(all);
        if (!fresh && moved && spread() >= spread_before) {
            given_ = given_before;
            owner_ = owner_before;
        }
    }

    // The sum of the differences between all members that can change, two by two.
    size_t spread() const {
        size_t sum = 0;
        for (Member a = 0; a < group_.member_count(); a++) {
            for (Member b = a + 1; b < group_.member_count(); b++) {
                if (fixed_[a] || fixed_[b]) continue;
                const size_t more = std::max(given_[a].size(), given_[b].size());
                sum += more - std::min(given_[a].size(), given_[b].size());
            }
        }
        return sum;
    }

    // Nobody could get a partition from one that has more.
    bool balanced() const {
        if (by_load_.empty() || by_load_.begin()->first + 1 >= by_load_.rbegin()->first)
            return true;
        return std::ranges::none_of(by_load_, [&](const Load& l) {
            const Member m = member_of(l);
            if (l.first == most_[m]) return false;
            return std::ranges::any_of(group_.topics_of(m), [&](uint32_t t) {
                const Topic& topic = group_.topics()[t];
                for (Partition p = topic.first; p < topic.first + topic.count; p++) {
                    if (owner_[p] != m && given_[owner_[p]].size() > l.first) return true;
                }
                return false;
            });
        });
    }

    bool much_less(Member other, Member than) const {
        return given_[than].size() > given_[other].size() + 1;
    }

    bool move_some(const std::vector<Partition>& candidates) {
        bool ever = false;
        for (bool changed = true; changed;) {
            changed = false;
            for (Partition p : candidates) {
                if (balanced()) break;
                changed |= improve(p);
            }
            ever |= changed;
        }
        return ever;
    }

    bool improve(Partition p) {
        const Member owner = owner_[p];
        if (auto prev = previous_.find(p); prev != previous_.end()) {
            const Member m = prev->second.member;
            if (!fixed_[m] && much_less(m, owner)) {
                move(p, m);
                return true;
            }
        }
        const Topic& topic = group_.topics()[group_.topic_of(p)];
        if (std::ranges::none_of(topic.subscribers,
                                 [&](Member m) { return much_less(m, owner); })) {
            return false;
        }
        for (const Load& l : by_load_) {
            if (group_.subscribes(member_of(l), group_.topic_of(p))) {
                move(p, member_of(l));
                return true;
            }
        }
        return false;
    }

    void move(Partition wanted, Member to) {
        const Partition p = moves_.instead_of(wanted, owner_[wanted], to);
        const Member from = owner_[p];
        moves_.moved(p, from, to);
        change(from, [&](auto& list) { std::erase(list, p); });
        change(to, [&](auto& list) { list.push_back(p); });
        owner_[p] = to;
    }

    const StickyInput& in_;
    const GroupView& group_;
    std::vector<std::vector<Partition>> given_;  // by member
    std::vector<Member> owner_;                  // by partition
    std::vector<size_t> most_;                   // by member: all partitions of its topics
    std::vector<bool> fixed_;                    // by member: nothing can be given or taken
    std::vector<Member> member_of_rank_;
    std::set<Load> by_load_;  // without the fixed ones
    std::map<Partition, Previous> previous_;
    PartitionMoves moves_;
    bool must_revoke_ = false;
};

}  // namespace

StickyResult assign_mixed(const StickyInput& input) {
    return MixedShares(input).run();
}

}  // namespace millrace::client::assign
