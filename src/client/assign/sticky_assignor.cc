#include <algorithm>
#include <iterator>
#include <set>

#include "client/assign/assignors.h"
#include "client/assign/sticky_input.h"
#include "client/assign/sticky_user_data.h"

namespace millrace::client::assign {
namespace {

StickyResult assign_sticky(const GroupView& group, std::vector<Claim> claims) {
    const StickyInput input = sticky_input(group, std::move(claims));
    return group.same_subscriptions() ? assign_even(input) : assign_mixed(input);
}

class StickyAssignor final : public Assignor {
public:
    std::string_view name() const override { return "sticky"; }

    std::vector<uint8_t> user_data() const override {
        if (!last_) return {};
        return encode_claim(last_->partitions, *last_->generation);
    }
    void assigned(std::span<const TopicPartition> partitions, int32_t generation) override {
        last_ = Claim{{partitions.begin(), partitions.end()}, generation};
    }

    GroupAssignment assign(std::span<const GroupMember> members,
                           const AssignableTopics& topics) const override {
        const GroupView group(members, topics);
        std::vector<Claim> claims;
        for (const GroupMember& m : members) claims.push_back(decode_claim(m.user_data));
        return group.named(assign_sticky(group, std::move(claims)).given);
    }

private:
    std::optional<Claim> last_;
};

class CooperativeStickyAssignor final : public Assignor {
public:
    std::string_view name() const override { return "cooperative-sticky"; }
    bool cooperative() const override { return true; }

    std::vector<uint8_t> user_data() const override { return encode_generation(generation_); }
    void assigned(std::span<const TopicPartition>, int32_t generation) override {
        generation_ = generation;
    }

    GroupAssignment assign(std::span<const GroupMember> members,
                           const AssignableTopics& topics) const override {
        const GroupView group(members, topics);
        std::vector<Claim> claims;
        for (const GroupMember& m : members) {
            const auto generation =
                m.generation >= 0 ? std::optional(m.generation) : decode_generation(m.user_data);
            claims.push_back({m.owned, generation});
        }
        StickyResult result = assign_sticky(group, std::move(claims));
        if (!result.moved) result.moved = moved_between(group, result.given);
        for (auto& given : result.given)
            std::erase_if(given, [&](Partition p) { return result.moved->contains(p); });
        return group.named(std::move(result.given));
    }

private:
    // Partitions that one member says it has and another is to get.
    static std::set<Partition> moved_between(const GroupView& group,
                                             const std::vector<std::vector<Partition>>& given) {
        std::set<Partition> lost;
        std::set<Partition> won;
        for (Member m = 0; m < group.member_count(); m++) {
            std::set<Partition> had;
            for (const TopicPartition& tp : group.member(m).owned) {
                if (auto p = group.find(tp)) had.insert(*p);
            }
            const std::set<Partition> has(given[m].begin(), given[m].end());
            std::ranges::set_difference(had, has, std::inserter(lost, lost.end()));
            std::ranges::set_difference(has, had, std::inserter(won, won.end()));
        }
        std::set<Partition> moved;
        std::ranges::set_intersection(lost, won, std::inserter(moved, moved.end()));
        return moved;
    }

    int32_t generation_ = kNoGeneration;
};

}  // namespace

std::unique_ptr<Assignor> make_sticky() {
    return std::make_unique<StickyAssignor>();
}
std::unique_ptr<Assignor> make_cooperative_sticky() {
    return std::make_unique<CooperativeStickyAssignor>();
}

}  // namespace millrace::client::assign
