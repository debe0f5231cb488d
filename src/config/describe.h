// config/describe.h: the content of a DescribeConfigs answer for one resource, as plain data.
//
// Entries are sorted by name (Kafka's order is that of a Java hash map, on which nobody can rely).
// Only loggers are documented: Kafka's sentences are not ours to copy, and clients print them only
// when asked.
// Kafka: ConfigHelper.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/broker_config.h"
#include "config/config_def.h"
#include "config/validate.h"

namespace millrace::config {

struct DescribedSynonym {
    std::string name;
    std::optional<std::string> value;  // null when sensitive
    Source source;
    friend bool operator==(const DescribedSynonym&, const DescribedSynonym&) = default;
};

struct Described {
    std::string name;
    std::optional<std::string> value;  // null when sensitive or without a value
    Source source = Source::default_value;
    bool is_default = true;  // source is default_value; only version 0 asked for it
    bool read_only = false;
    bool sensitive = false;
    std::vector<DescribedSynonym> synonyms;  // strongest first
    int8_t type = 0;                         // Type's number, 0 = unknown
    std::string_view documentation;          // a constant
    friend bool operator==(const Described&, const Described&) = default;
};

// `keys`: only these names (unknown ones are left out), or all when null.
using Keys = std::optional<std::vector<std::string>>;

std::vector<Described> describe_topic(const Overrides& topic, const BrokerConfig& broker,
                                      const Keys& keys);
std::vector<Described> describe_group(const Overrides& group, const BrokerConfig& broker,
                                      const Keys& keys);
std::vector<Described> describe_client_metrics(const Overrides& subscription, const Keys& keys);
// This broker: everything, static and default values too.
std::vector<Described> describe_broker(const BrokerConfig& broker, const Keys& keys);
// The resource with the empty name: only what is set dynamically for all brokers.
std::vector<Described> describe_broker_defaults(const BrokerConfig& broker, const Keys& keys);
// Broker loggers: loggers.h.

}  // namespace millrace::config
