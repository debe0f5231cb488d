// The brokers of a cluster.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "client/address.h"

namespace millrace::client {

struct BrokerDescription {
    NodeId id = -1;
    Address address;
    std::optional<std::string> rack;
    bool fenced = false;
};

struct ClusterDescription {
    std::string id;
    NodeId controller = -1;
    std::vector<BrokerDescription> brokers;  // in order of the id
};

}  // namespace millrace::client
