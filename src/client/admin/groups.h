// Groups, their members and offsets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "client/address.h"
#include "client/admin/outcome.h"

namespace millrace::client {

// That of the first group in an answer about groups; 0: there is none.
template <typename Body>
int16_t group_error(const Body& body) {
    return body.groups.empty() ? int16_t{0} : body.groups[0].error_code;
}

struct GroupListing {
    std::string id;
    std::string protocol_type;  // "consumer", "share" ...; "" of a group without members
    std::string state;          // "Stable", "Empty" ...; "" from an old broker
    std::string type;           // "Classic", "Consumer", "Share" ...; "" from an old broker
};

// One partition's committed offset; -1: none.
struct GroupOffset {
    Offset offset = -1;
    LeaderEpoch leader_epoch = -1;
    std::string metadata;
    Error error{ErrorCode::none, {}};
};
using GroupOffsets = std::map<TopicPartition, GroupOffset>;

struct MemberDescription {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string host;
    std::vector<TopicPartition> assigned;
    std::vector<TopicPartition> target;  // consumer protocol: where it is to get to
    int32_t epoch = -1;                  // consumer protocol
    int32_t target_epoch = -1;
    std::string rack;
    bool classic = false;  // in a group of the consumer protocol
};

struct GroupDescription {
    std::string id;
    Error error{ErrorCode::none, {}};
    std::string type;   // "Classic", "Consumer"
    std::string state;  // "Stable", "Empty", "Dead" ...
    std::string protocol_type;
    std::string assignor;
    int32_t epoch = -1;  // consumer protocol
    int32_t target_epoch = -1;
    NodeId coordinator = -1;
    Address coordinator_address;
    std::vector<MemberDescription> members;
};

}  // namespace millrace::client
