// The settings of topics, brokers, groups ...
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/admin/outcome.h"

namespace millrace::client {

// The numbers are the protocol's.
enum class ResourceType : int8_t {
    topic = 2,
    broker = 4,
    broker_logger = 8,
    client_metrics = 16,
    group = 32,
};

struct Resource {
    ResourceType type;
    std::string name;
    friend auto operator<=>(const Resource&, const Resource&) = default;
};

struct ConfigSynonym {
    std::string name;
    std::optional<std::string> value;
    int8_t source = 0;
};

struct ConfigEntry {
    std::string name;
    std::optional<std::string> value;  // nothing: null, or sensitive
    int8_t source = 0;                 // DescribeConfigs' numbers: 1 topic, 2 broker ... 5 default
    bool read_only = false;
    bool sensitive = false;
    std::vector<ConfigSynonym> synonyms;
};

struct ResourceConfigs {
    Resource resource;
    Error error{ErrorCode::none, {}};
    std::vector<ConfigEntry> entries;  // in the broker's order
};

struct ConfigChange {
    enum class How : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
    std::string name;
    How how = How::set;
    std::string value;
};

}  // namespace millrace::client
