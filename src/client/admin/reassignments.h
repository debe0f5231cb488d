// Moving replicas between brokers, and between the directories of one broker.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "client/admin/outcome.h"

namespace millrace::client {

// A move that is under way.
struct Reassignment {
    std::vector<NodeId> replicas;  // all of them, those that come and go too
    std::vector<NodeId> adding;
    std::vector<NodeId> removing;
    // Those that are to remain.
    std::vector<NodeId> target() const;
};

// Where the replicas of a partition are to be; nothing: the move is called off.
using NewReplicas = std::optional<std::vector<NodeId>>;

// A partition's replica on one broker.
struct Replica {
    TopicPartition partition;
    NodeId broker = -1;
    friend auto operator<=>(const Replica&, const Replica&) = default;
};

}  // namespace millrace::client
