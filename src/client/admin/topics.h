// Topics and partitions as an administrator sees them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "base/uuid.h"
#include "client/admin/outcome.h"

namespace millrace::client {

struct TopicListing {
    std::string name;
    Uuid id;
    bool internal = false;
};

struct PartitionDescription {
    PartitionIndex index = 0;
    NodeId leader = -1;
    LeaderEpoch leader_epoch = -1;
    std::vector<NodeId> replicas;
    std::vector<NodeId> in_sync;
    std::vector<NodeId> offline;
    // Nothing: the broker does not tell.
    std::optional<std::vector<NodeId>> eligible_leaders;
    std::optional<std::vector<NodeId>> last_known_eligible;
};

struct TopicDescription {
    std::string name;
    Uuid id;
    bool internal = false;
    Error error{ErrorCode::none, {}};
    std::vector<PartitionDescription> partitions;  // in order of the index
};

struct NewTopic {
    std::string name;
    int32_t partitions = -1;                      // -1: the broker's default
    int16_t replication = -1;                     // likewise
    std::vector<std::vector<NodeId>> assignment;  // instead of both: the replicas of each partition
    std::vector<std::pair<std::string, std::string>> configs;
};

struct NewPartitions {
    std::string topic;
    int32_t count = 0;                            // in all
    std::vector<std::vector<NodeId>> assignment;  // of the new ones; empty: the broker's choice
};

}  // namespace millrace::client
