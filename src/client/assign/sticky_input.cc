#include "client/assign/sticky_input.h"

#include <algorithm>
#include <map>
#include <ranges>

#include "client/assign/rack_rules.h"

namespace millrace::client::assign {
namespace {

// Kafka differs: a claim of a partition that does not exist (its topic was made again with fewer)
// is dropped here; Java hands it on.
void believe(StickyInput& in) {
    std::map<Partition, Member> holder;
    for (Member m : in.group.java_order()) {
        const int32_t mine = in.claims[m].generation.value_or(kNoGeneration);
        in.generation_max = std::max(in.generation_max, mine);
        for (const TopicPartition& tp : in.claims[m].partitions) {
            const auto p = in.group.find(tp);
            if (!p) continue;
            const auto [at, first] = holder.emplace(*p, m);
            if (first) {
                in.owned[m].push_back(*p);
                continue;
            }
            // Java looks at the subscription's own field here, which the sticky assignor's members
            // do not fill in.
            const int32_t other = in.group.member(at->second).generation;
            if (mine < other) continue;
            if (mine == other) {
                in.disputed.insert(*p);
            } else {
                in.owned[m].push_back(*p);
            }
            auto& lost = in.owned[at->second];
            if (auto it = std::ranges::find(lost, *p); it != lost.end()) lost.erase(it);
            at->second = m;
        }
    }
}

}  // namespace

StickyInput sticky_input(const GroupView& group, std::vector<Claim> claims) {
    StickyInput in{.group = group,
                   .claims = std::move(claims),
                   .owned = std::vector<std::vector<Partition>>(group.member_count())};
    believe(in);
    const auto partitions = static_cast<Partition>(group.partition_count());
    in.racks = racks_count(group, group.java_order(), 0, partitions);
    if (!in.racks) return in;
    for (Partition p = 0; p < partitions; p++) {
        in.near_count.push_back(static_cast<uint32_t>(std::ranges::count_if(
            group.java_order(), [&](Member m) { return near(group, m, p); })));
    }
    return in;
}

bool StickyInput::has_rack(Member m) const {
    const auto& rack = group.member(m).rack;
    return racks && rack && !rack->empty();
}

bool StickyInput::far(Member m, Partition p) const {
    return has_rack(m) && !near(group, m, p);
}

void StickyInput::order_by_racks(std::vector<Partition>& partitions) const {
    if (!racks) return;
    std::multimap<uint32_t, Partition> ordered;  // equal keys stay in the order they came
    for (Partition p : partitions) ordered.emplace(near_count[p], p);
    std::ranges::copy(ordered | std::views::values, partitions.begin());
}

}  // namespace millrace::client::assign
