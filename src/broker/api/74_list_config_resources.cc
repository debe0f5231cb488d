// ListConfigResources: what has configurations, by type (KIP-1142).
// Kafka: KafkaApis.handleListConfigResources.

#include <algorithm>
#include <set>

#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

using metadata::ResourceType;

constexpr ResourceType kAllTypes[] = {ResourceType::topic, ResourceType::broker,
                                      ResourceType::broker_logger, ResourceType::client_metrics,
                                      ResourceType::group};

std::set<std::string> names_of(const metadata::Image& image, ResourceType type) {
    std::set<std::string> names;
    if (type == ResourceType::topic)
        image.topics_by_name.for_each(
            [&](const metadata::TopicPtr& topic) { names.insert(topic->name); });
    if (type == ResourceType::broker || type == ResourceType::broker_logger)
        for (const auto& [id, registration] : *image.brokers)
            if (!registration.fenced) names.insert(std::to_string(id));
    if (type == ResourceType::client_metrics || type == ResourceType::group)
        image.configs.for_each([&](const std::shared_ptr<const metadata::ResourceConfig>& config) {
            if (config->resource.type == type) names.insert(config->resource.name);
        });
    return names;
}

}  // namespace

Task<protocol::ListConfigResourcesResponse> list_config_resources(
    Broker& broker, RequestContext& context, const protocol::ListConfigResourcesRequest& request) {
    protocol::ListConfigResourcesResponse response;
    std::vector<ResourceType> types;
    for (const int8_t type : request.resource_types)
        types.push_back(static_cast<ResourceType>(type));
    const bool known = std::all_of(types.begin(), types.end(), [](ResourceType type) {
        return std::find(std::begin(kAllTypes), std::end(kAllTypes), type) != std::end(kAllTypes);
    });
    if (!known) {
        response.error_code = static_cast<int16_t>(ErrorCode::unsupported_version);
        co_return response;
    }
    if (context.version == 0)
        types = {ResourceType::client_metrics};
    else if (types.empty())
        types.assign(std::begin(kAllTypes), std::end(kAllTypes));
    for (const ResourceType type : types)
        for (const std::string& name : names_of(*broker.image(), type)) {
            auto& out = response.config_resources.emplace_back();
            out.resource_name = name;
            out.resource_type = static_cast<int8_t>(type);
        }
    co_return response;
}

}  // namespace millrace::broker::api
