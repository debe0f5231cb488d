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
    // In order of the id. A client of controllers gets these, instead of the brokers.
    std::vector<BrokerDescription> brokers;
};

}  // namespace millrace::client
