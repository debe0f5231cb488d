// When racks count in an assignment, and which member and partition are near each other (KIP-881).
#pragma once

#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "client/assign/group_view.h"

namespace millrace::client::assign {

// For the partitions `[first, last)` and the members that could own them. Racks count when some
// member's rack holds a replica, and partitions differ in the racks of their replicas.
bool racks_count(const GroupView& group, std::span<const Member> members, Partition first,
                 Partition last);
// The member said a rack, and a replica of the partition is there.
bool near(const GroupView& group, Member member, Partition partition);

}  // namespace millrace::client::assign
