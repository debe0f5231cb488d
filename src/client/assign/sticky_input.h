// What the members of a sticky group had before, as far as it can be believed, and what racks mean
// for it: the common ground of both ways to assign (sticky_even.cc, sticky_mixed.cc).
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "client/assign/group_view.h"

namespace millrace::client::assign {

// What one member says that it had.
struct Claim {
    std::vector<TopicPartition> partitions;
    std::optional<int32_t> generation;
};
inline constexpr int32_t kNoGeneration = -1;

struct StickyInput {
    const GroupView& group;
    std::vector<Claim> claims;                  // by member
    std::vector<std::vector<Partition>> owned;  // by member: claims that nobody newer disputes
    std::set<Partition> disputed;               // claimed twice in one generation
    int32_t generation_max = kNoGeneration;
    // Racks count (rack_rules.h); how many members are near each partition then, else empty.
    bool racks = false;
    std::vector<uint32_t> near_count;

    // Racks count, and this member would have to read from another rack.
    bool far(Member m, Partition p) const;
    bool has_rack(Member m) const;
    // Partitions that fewer members are near to come first.
    void order_by_racks(std::vector<Partition>& partitions) const;
};
// `claims` are by member. `group` outlives the result.
StickyInput sticky_input(const GroupView& group, std::vector<Claim> claims);

struct StickyResult {
    std::vector<std::vector<Partition>> given;  // by member
    // Partitions that went from one member to another, where that is known on the way.
    std::optional<std::set<Partition>> moved;
};
// All members subscribe to the same topics.
StickyResult assign_even(const StickyInput& input);
StickyResult assign_mixed(const StickyInput& input);

}  // namespace millrace::client::assign
