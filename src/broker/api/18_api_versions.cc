// ApiVersions: what this node serves, and the feature levels of the cluster.
// Kafka: KafkaApis.handleApiVersionsRequest.

#include "broker/api/handlers.h"
#include "broker/api_registry.h"
#include "broker/append_conditions.h"
#include "metadata/features.h"

namespace millrace::broker::api {
namespace {

constexpr int16_t kFirstVersionWithSoftware = 3;
constexpr int16_t kFirstVersionWithZeroMinimum = 4;
constexpr int16_t kProduceKey = 0;

bool alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? (KIP-511)
bool valid_software(std::string_view text) {
    if (text.empty() || !alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
    for (const char c : text)
        if (!alphanumeric(c) && c != '-' && c != '.') return false;
    return true;
}

}  // namespace

Task<protocol::ApiVersionsResponse> api_versions(Broker& broker, RequestContext& context,
                                                 const protocol::ApiVersionsRequest& request) {
    protocol::ApiVersionsResponse response;
    if (context.version >= kFirstVersionWithSoftware) {
        if (valid_software(request.client_software_name) &&
            valid_software(request.client_software_version)) {
            context.connection.software_name = request.client_software_name.str();
            context.connection.software_version = request.client_software_version.str();
        } else {
            response.error_code = static_cast<int16_t>(ErrorCode::invalid_request);
            co_return response;
        }
    }
    for (const Api& served : served_apis()) {
        auto& key = response.api_keys.emplace_back();
        key.api_key = served.key;
        // Old librdkafka looks for Produce 0 to 2 to learn which codecs a broker knows, though
        // nobody serves them any more.
        key.min_version = served.key == kProduceKey ? int16_t{0} : served.version_min;
        key.max_version = served.offered_max(broker.config().values().unstable_api_versions);
    }
    for (const auto& feature : metadata::features()) {
        // Clients before v4 take a minimum of 0 for an error.
        if (context.version < kFirstVersionWithZeroMinimum && feature.min == 0) continue;
        auto& out = response.supported_features.emplace_back();
        out.name = feature.name;
        out.min_version = feature.min;
        out.max_version = feature.max;
    }
    response.append_condition_version = kAppendConditionVersion;
    const metadata::ImagePtr image = broker.image();
    response.finalized_features_epoch = image->position.offset;
    const auto finalized = [&](std::string_view name, int16_t level) {
        auto& out = response.finalized_features.emplace_back();
        out.name = name;
        out.min_version_level = level;
        out.max_version_level = level;
    };
    for (const auto& [name, level] : *image->features) finalized(name, level);
    // As with the other features, level 0 is not said.
    if (const int16_t level = broker.metadata().kraft_version(); level > 0)
        finalized(metadata::kKraftVersion, level);
    co_return response;
}

}  // namespace millrace::broker::api
