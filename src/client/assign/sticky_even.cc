// Sticky assignment when all members want the same: each ends with the smaller or the larger share
// of (count / members), and as many with the larger as the rest demands.
#include <algorithm>
#include <deque>

#include "base/check.h"
#include "client/assign/rack_rules.h"
#include "client/assign/sticky_input.h"

namespace millrace::client::assign {
namespace {

class EvenShares {
public:
    explicit EvenShares(const StickyInput& input)
        : in_(input),
          small_(in_.group.partition_count() / in_.group.member_count()),
          large_(small_ + (in_.group.partition_count() % in_.group.member_count() > 0 ? 1 : 0)),
          large_left_(in_.group.partition_count() % in_.group.member_count()),
          given_(in_.group.member_count()),
          let_go_by_(in_.group.partition_count()),
          taken_(in_.group.partition_count()) {}

    StickyResult run() {
        for (Member m : in_.group.java_order()) keep_owned(m);
        std::vector<Partition> free;
        for (Partition p = 0; p < in_.group.partition_count(); p++) {
            if (!taken_[p]) free.push_back(p);
        }
        auto by_id = [&](Member m) { return in_.group.rank(m); };
        std::ranges::sort(below_small_, {}, by_id);
        std::ranges::sort(at_small_, {}, by_id);
        in_.order_by_racks(free);
        if (in_.racks) deal_near(free);
        deal(free);
        return {std::move(given_), std::move(moved_)};
    }

private:
    void keep_owned(Member m) {
        std::vector<Partition> owned;
        for (Partition p : in_.owned[m]) {
            if (in_.far(m, p))
                let_go_by_[p] = m;
            else if (!in_.disputed.contains(p))
                owned.push_back(p);
        }
        // By partition index first, so that what is let go is spread over topics.
        std::ranges::sort(owned, {}, [&](Partition p) {
            return std::pair{in_.group.index_of(p), in_.group.topic_of(p)};
        });
        size_t kept = owned.size();
        if (owned.size() < small_) {
            below_small_.push_back(m);
        } else if (owned.size() >= large_ && large_left_ > 0) {
            kept = large_;
            one_more_large();
        } else {
            kept = small_;
            if (large_left_ > 0) at_small_.push_back(m);
        }
        for (size_t i = 0; i < owned.size(); i++) {
            if (i < kept) {
                given_[m].push_back(owned[i]);
                taken_[owned[i]] = true;
            } else {
                let_go_by_[owned[i]] = m;
            }
        }
    }

    // Once all larger shares are taken, those with the smaller share are full.
    void one_more_large() {
        if (--large_left_ == 0) at_small_.clear();
    }

    size_t give(Member m, Partition p) {
        given_[m].push_back(p);
        if ((let_go_by_[p] && *let_go_by_[p] != m) || in_.disputed.contains(p)) moved_.insert(p);
        return given_[m].size();
    }

    std::optional<size_t> next_near(Partition p, const auto& members, size_t from) const {
        for (size_t i = 0; i < members.size(); i++) {
            const size_t at = (from + i) % members.size();
            if (near(in_.group, members[at], p)) return at;
        }
        return std::nullopt;
    }

    // Gives what some member with room is near to, and leaves the rest in `free`.
    void deal_near(std::vector<Partition>& free) {
        size_t next = 0;
        std::erase_if(free, [&](Partition p) {
            if (auto at = next_near(p, below_small_, next)) {
                const Member m = below_small_[*at];
                next = *at;
                if (give(m, p) >= small_) {
                    below_small_.erase(below_small_.begin() + static_cast<ptrdiff_t>(*at));
                    if (large_left_ > 0) at_small_.push_back(m);
                } else {
                    next++;
                }
                next = below_small_.empty() ? 0 : next % below_small_.size();
                return true;
            }
            auto at = next_near(p, at_small_, 0);
            if (!at) return false;
            const Member m = at_small_[*at];
            at_small_.erase(at_small_.begin() + static_cast<ptrdiff_t>(*at));
            if (give(m, p) == large_) one_more_large();
            return true;
        });
    }

    void deal(const std::vector<Partition>& free) {
        size_t next = 0;
        for (Partition p : free) {
            if (below_small_.empty()) {
                INVARIANT(!at_small_.empty());
                const Member m = at_small_.front();
                at_small_.pop_front();
                if (give(m, p) == large_) one_more_large();
                continue;
            }
            if (next >= below_small_.size()) next = 0;
            const Member m = below_small_[next];
            const size_t has = give(m, p);
            if (has < small_) {
                next++;
                continue;
            }
            below_small_.erase(below_small_.begin() + static_cast<ptrdiff_t>(next));
            if (large_left_ > 0) at_small_.push_back(m);
        }
    }

    const StickyInput& in_;
    const size_t small_;
    const size_t large_;
    size_t large_left_;  // members that may still get the larger share
    std::vector<std::vector<Partition>> given_;
    std::vector<std::optional<Member>> let_go_by_;
    std::vector<bool> taken_;
    std::vector<Member> below_small_;
    std::deque<Member> at_small_;
    std::set<Partition> moved_;
};

}  // namespace

StickyResult assign_even(const StickyInput& input) {
    return EvenShares(input).run();
}

}  // namespace millrace::client::assign
