// The metadata quorum, for `millrace quorum` and kafka-metadata-quorum alike.
#pragma once

#include <string>
#include <vector>

#include "cli/cluster/session.h"

namespace millrace::cli {

struct QuorumMember {
    NodeId id = -1;
    Uuid directory;
    Offset end = -1;
    TimestampMs last_fetch = -1;
    TimestampMs last_caught_up = -1;
    std::vector<std::string> endpoints;  // NAME://host:port
    std::string status;                  // Leader, Follower, Observer
};
struct Quorum {
    std::string cluster_id;
    NodeId leader = -1;
    LeaderEpoch epoch = -1;
    Offset high_watermark = -1;
    std::vector<QuorumMember> voters;
    std::vector<QuorumMember> observers;
    Offset leader_end() const;
};
Result<Quorum> view_quorum(Session& session);

}  // namespace millrace::cli
