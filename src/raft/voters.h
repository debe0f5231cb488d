// The voters of the quorum, as KRaftVoters control records and static configuration name them
// (KIP-853).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"

namespace millrace::raft {

struct VoterEndpoint {
    std::string listener;
    std::string host;
    uint16_t port = 0;
    friend bool operator==(const VoterEndpoint&, const VoterEndpoint&) = default;
};

struct Voter {
    NodeId id = -1;
    Uuid directory_id;  // zero where kraft.version is 0
    std::vector<VoterEndpoint> endpoints;
    int16_t kraft_version_min = 0;
    int16_t kraft_version_max = 1;
    friend bool operator==(const Voter&, const Voter&) = default;
};

}  // namespace millrace::raft
