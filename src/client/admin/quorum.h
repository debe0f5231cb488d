// The quorum that keeps the cluster's metadata, and the features of the cluster.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"
#include "client/admin/outcome.h"

namespace millrace::client {

struct QuorumListener {
    std::string name;
    std::string host;
    uint16_t port = 0;
    std::string text() const;  // "CONTROLLER://host:port"
};
struct QuorumMember {
    NodeId id = -1;
    Uuid directory;
    Offset end = -1;
    TimestampMs last_fetch = -1;
    TimestampMs last_caught_up = -1;
    std::vector<QuorumListener> listeners;
};
struct QuorumDescription {
    NodeId leader = -1;
    LeaderEpoch epoch = -1;
    Offset high_watermark = -1;
    std::vector<QuorumMember> voters;
    std::vector<QuorumMember> observers;
    Offset leader_end() const;
};

struct NewVoter {
    NodeId id = -1;
    Uuid directory;
    std::vector<QuorumListener> listeners;
};

enum class FeatureChangeType : int8_t { upgrade = 1, safe_downgrade = 2, unsafe_downgrade = 3 };
struct FeatureChange {
    std::string name;
    int16_t level = 0;  // 0: off
    FeatureChangeType type = FeatureChangeType::upgrade;
};
struct FeatureDescription {
    int16_t level = 0;  // in use
    int16_t min = 0;    // what the broker that answered serves
    int16_t max = 0;
};
struct FeaturesDescription {
    std::map<std::string, FeatureDescription> features;
    int64_t epoch = -1;  // of what is in use; -1: not said
};

}  // namespace millrace::client
