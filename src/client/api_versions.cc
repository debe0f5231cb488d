#include "client/api_versions.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::client {

ApiVersions::ApiVersions(const protocol::ApiVersionsResponse& said)
    : finalized_epoch_(said.finalized_features_epoch),
      keeps_conditions_(said.append_condition_version > 0) {
    for (const auto& api : said.api_keys)
        ranges_.push_back({api.api_key, api.min_version, api.max_version});
    std::ranges::sort(ranges_, {}, &Range::key);
    for (const auto& feature : said.supported_features)
        supported_.push_back({feature.name.str(), feature.min_version, feature.max_version});
    for (const auto& feature : said.finalized_features)
        finalized_.push_back(
            {feature.name.str(), feature.min_version_level, feature.max_version_level});
}

const ApiVersions::Range* ApiVersions::range(protocol::ApiKey api) const {
    const auto found =
        std::ranges::lower_bound(ranges_, static_cast<int16_t>(api), {}, &Range::key);
    return found != ranges_.end() && found->key == static_cast<int16_t>(api) ? &*found : nullptr;
}

Result<int16_t> ApiVersions::pick(protocol::ApiKey api, int16_t at_most) const {
    const protocol::ApiInfo& ours = protocol::api_info(api);
    const Range* theirs = range(api);
    if (theirs == nullptr)
        return fail(ErrorCode::unsupported_version,
                    fmt::format("the broker does not serve {}", ours.name));
    const int16_t max = std::min({theirs->max, ours.stable_max(), at_most});
    if (max < std::max(theirs->min, ours.version_min))
        return fail(
            ErrorCode::unsupported_version,
            fmt::format("the broker serves {} in versions {} to {}, here {} to {} is wanted",
                        ours.name, theirs->min, theirs->max, ours.version_min,
                        std::min(ours.stable_max(), at_most)));
    return max;
}

int16_t ApiVersions::finalized_level(std::string_view feature) const {
    const auto found = std::ranges::find(finalized_, feature, &Feature::name);
    return found == finalized_.end() ? int16_t{0} : found->max;
}

}  // namespace millrace::client
