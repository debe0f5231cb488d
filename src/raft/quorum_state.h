// The file quorum-state: which epoch this node has seen, who led it, whom it voted for. One JSON
// object without a newline; its fields by data_version:
//
//   1  kraft.version 1: leaderId, leaderEpoch, votedId, votedDirectoryId
//   0  kraft.version 0: clusterId "", leaderId, leaderEpoch, votedId, appliedOffset 0,
//      currentVoters [{voterId}]
//
// Pure. Kafka: FileQuorumStateStore, QuorumStateData.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "raft/voters.h"

namespace millrace::raft {

struct QuorumState {
    NodeId leader_id = -1;
    LeaderEpoch leader_epoch = 0;
    NodeId voted_id = -1;
    Uuid voted_directory_id;
    friend bool operator==(const QuorumState&, const QuorumState&) = default;
};

constexpr std::string_view kQuorumStateName = "quorum-state";

// Errors: malformed.
Result<QuorumState> parse_quorum_state(std::string_view text);
// `voters` go into the file only at kraft.version 0.
std::string format_quorum_state(const QuorumState& state, int16_t kraft_version,
                                const std::vector<Voter>& voters);

}  // namespace millrace::raft
