// The moves that one sticky assignment has made so far. When partition b of a topic is to go from Y
// to X although a of the same topic went from X to Y, then a goes back instead.
#pragma once

#include <map>
#include <vector>

#include "client/assign/group_view.h"

namespace millrace::client::assign {

class PartitionMoves {
public:
    explicit PartitionMoves(const GroupView& group) : group_(group) {}

    // Which partition to move when `p` is to go from `from` to `to`.
    Partition instead_of(Partition p, Member from, Member to) const;
    void moved(Partition p, Member from, Member to);

private:
    struct Pair {
        Member from;
        Member to;
        auto operator<=>(const Pair&) const = default;
    };
    // Gives the one that a java.util.HashSet gives first.
    struct MovedSet {
        std::vector<Partition> partitions;  // in the order they came
        size_t size_max = 0;                // its table never shrinks
    };

    void add(Partition p, Pair pair);
    Partition first(const MovedSet& set) const;

    const GroupView& group_;
    std::map<std::pair<uint32_t, Pair>, MovedSet> by_topic_;
    std::map<Partition, Pair> of_partition_;
};

}  // namespace millrace::client::assign
