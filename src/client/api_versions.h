// What one broker said about itself when the connection to it began: the APIs it serves, and the
// features of its cluster.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/api_table.h"
#include "protocol/messages/api_versions.h"

namespace millrace::client {

class ApiVersions {
public:
    struct Range {
        int16_t key = 0;
        int16_t min = 0;
        int16_t max = 0;
    };
    struct Feature {
        std::string name;
        int16_t min = 0;
        int16_t max = 0;
    };

    ApiVersions() = default;
    explicit ApiVersions(const protocol::ApiVersionsResponse& said);

    // The highest version that this client and the broker both know, not above `at_most`.
    // unsupported_version, naming both ranges.
    Result<int16_t> pick(protocol::ApiKey api, int16_t at_most = INT16_MAX) const;
    bool serves(protocol::ApiKey api) const { return range(api) != nullptr; }
    // nullptr when the broker does not serve it.
    const Range* range(protocol::ApiKey api) const;
    const std::vector<Range>& ranges() const { return ranges_; }

    // Whether it keeps conditions of appends (docs/conditional-append.md). Who does not ignores them.
    bool keeps_conditions() const { return keeps_conditions_; }

    // The level at which the cluster runs a feature, 0 when it does not.
    int16_t finalized_level(std::string_view feature) const;
    const std::vector<Feature>& supported_features() const { return supported_; }
    const std::vector<Feature>& finalized_features() const { return finalized_; }
    // -1 when the broker did not say.
    int64_t finalized_epoch() const { return finalized_epoch_; }

private:
    std::vector<Range> ranges_;  // in order of the key
    std::vector<Feature> supported_;
    std::vector<Feature> finalized_;
    int64_t finalized_epoch_ = -1;
    bool keeps_conditions_ = false;
};

}  // namespace millrace::client
