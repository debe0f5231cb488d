// Share groups and streams groups, beside what groups.h has.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "client/admin/groups.h"

namespace millrace::client {

// How far a share group has come in a partition: everything before `start` is done with.
struct ShareOffset {
    Offset start = -1;  // -1: it has not begun there
    LeaderEpoch leader_epoch = -1;
    int64_t lag = -1;  // -1: not known
    Error error{ErrorCode::none, {}};
};
using ShareOffsets = std::map<TopicPartition, ShareOffset>;

// Tasks of a subtopology that a member has.
struct StreamsTasks {
    std::string subtopology;
    std::vector<int32_t> partitions;
};
struct StreamsAssignment {
    std::vector<StreamsTasks> active;
    std::vector<StreamsTasks> standby;
    std::vector<StreamsTasks> warmup;
};
struct StreamsMember {
    std::string id;
    std::string process;
    std::string client_id;
    std::string host;
    int32_t epoch = -1;
    int32_t topology_epoch = -1;
    StreamsAssignment assigned;
    StreamsAssignment target;
    bool classic = false;
};
struct Subtopology {
    std::string id;
    std::vector<std::string> source_topics;
    std::vector<std::string> repartition_topics;  // that it reads
    std::vector<std::string> changelog_topics;
};
struct StreamsGroupDescription {
    std::string id;
    Error error{ErrorCode::none, {}};
    std::string state;
    int32_t epoch = -1;
    int32_t target_epoch = -1;
    int32_t topology_epoch = -1;  // -1: no topology is known
    std::vector<Subtopology> topology;
    NodeId coordinator = -1;
    Address coordinator_address;
    std::vector<StreamsMember> members;
};

}  // namespace millrace::client
