// Which APIs exist: one row per API of the schema, in order of the key. The rows of what a node
// advertises and accepts, of the header versions and of dispatch all come from here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace millrace::protocol {

enum class ApiKey : int16_t {
#define MILLRACE_API(key, Name, name, ...) name = key,
#include "protocol/api_table.inc"
#undef MILLRACE_API
};

struct ApiInfo {
    ApiKey key;
    std::string_view name;  // Kafka's: "Fetch"
    int16_t version_min;
    int16_t version_max;
    int16_t flexible_from;
    // -1: by the rule; ApiVersions always answers with header version 0.
    int8_t fixed_response_header;
    bool on_broker;        // served on broker listeners
    bool on_controller;    // served on controller listeners
    bool forwarded;        // a broker passes it on to the controller
    bool cluster_action;   // needs ClusterAction permission
    bool delayed;          // the request must outlive the handler's return
    bool unstable_latest;  // the highest version is neither advertised nor accepted by default

    constexpr bool has(int16_t version) const {
        return version_min <= version && version <= version_max;
    }
    constexpr bool flexible(int16_t version) const { return version >= flexible_from; }
    constexpr int16_t request_header(int16_t version) const { return flexible(version) ? 2 : 1; }
    constexpr int16_t response_header(int16_t version) const {
        return fixed_response_header >= 0 ? fixed_response_header : flexible(version) ? 1 : 0;
    }
    // The highest version that a node offers.
    constexpr int16_t stable_max() const {
        return static_cast<int16_t>(version_max - (unstable_latest ? 1 : 0));
    }
};

std::span<const ApiInfo> all_apis();
// nullptr when there is none; any number may be asked for.
const ApiInfo* find_api(int16_t key);
// The row of a key that is known to exist.
const ApiInfo& api_info(ApiKey key);

}  // namespace millrace::protocol
