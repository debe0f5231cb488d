#include "client/assign/rack_rules.h"

#include <algorithm>

namespace millrace::client::assign {

bool racks_count(const GroupView& group, std::span<const Member> members, Partition first,
                 Partition last) {
    std::set<std::string_view> all;
    for (Partition p = first; p < last; p++) {
        all.insert(group.racks_of(p).begin(), group.racks_of(p).end());
    }
    const bool some_near = std::ranges::any_of(members, [&](Member m) {
        const auto& rack = group.member(m).rack;
        return rack && !rack->empty() && all.contains(*rack);
    });
    if (!some_near) return false;
    for (Partition p = first; p < last; p++) {
        const auto& racks = group.racks_of(p);
        if (std::set<std::string_view>(racks.begin(), racks.end()) != all) return true;
    }
    return false;
}

bool near(const GroupView& group, Member member, Partition partition) {
    const auto& rack = group.member(member).rack;
    if (!rack || rack->empty()) return false;
    const auto& racks = group.racks_of(partition);
    return std::ranges::find(racks, *rack) != racks.end();
}

}  // namespace millrace::client::assign
