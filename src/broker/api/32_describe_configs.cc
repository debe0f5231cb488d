// DescribeConfigs: what is set, what holds, and where it comes from.
// Kafka: ConfigHelper.handleDescribeConfigsRequest.

#include <charconv>

#include "broker/api/cluster_view.h"
#include "broker/api/handlers.h"
#include "config/describe.h"
#include "config/loggers.h"

namespace millrace::broker::api {
namespace {

using metadata::ResourceType;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using Described = std::vector<config::Described>;

Result<Described> describe_broker(const Broker& broker, const config::BrokerConfig& config,
                                  std::string_view name, const config::Keys& keys) {
    if (name.empty()) return config::describe_broker_defaults(config, keys);
    NodeId id = -1;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size())
        return fail(ErrorCode::invalid_request,
                    fmt::format("a broker is named by its number, not by '{}'", name));
    if (id != broker.node_id())
        return fail(
            ErrorCode::invalid_request,
            fmt::format("this is broker {}; it does not know the configuration of broker {}",
                        broker.node_id(), name));
    return config::describe_broker(config, keys);
}

Result<Described> describe(Broker& broker, ResourceType type, std::string_view name,
                           const config::Keys& keys) {
    const metadata::Image& image = *broker.image();
    switch (type) {
        case ResourceType::topic:
            if (!valid_topic_name(name))
                return fail(ErrorCode::invalid_topic_exception,
                            fmt::format("'{}' cannot be a topic name", name));
            if (!image.topic(name)) return fail(ErrorCode::unknown_topic_or_partition);
            return config::describe_topic(image.overrides(type, name), broker.config(), keys);
        case ResourceType::broker:
            return describe_broker(broker, broker.config(), name, keys);
        case ResourceType::broker_logger:
            if (name != std::to_string(broker.node_id()))
                return fail(ErrorCode::invalid_request,
                            fmt::format("this is broker {}; it does not know the loggers of '{}'",
                                        broker.node_id(), name));
            return config::describe_loggers(keys);
        case ResourceType::client_metrics:
            if (name.empty())
                return fail(ErrorCode::invalid_request,
                            "a client metrics subscription needs a name");
            return config::describe_client_metrics(image.overrides(type, name), keys);
        case ResourceType::group:
            if (name.empty()) return fail(ErrorCode::invalid_request, "a group needs a name");
            return config::describe_group(image.overrides(type, name), broker.config(), keys);
        case ResourceType::unknown:
            break;
    }
    return fail(ErrorCode::invalid_request,
                fmt::format("resources of type {} have no configuration", static_cast<int>(type)));
}

std::optional<protocol::Str> text(const std::optional<std::string>& value) {
    if (!value) return std::nullopt;
    return protocol::Str{*value};
}

}  // namespace

Task<DescribeConfigsResponse> describe_configs(Broker& broker, RequestContext&,
                                               const DescribeConfigsRequest& request) {
    DescribeConfigsResponse response;
    for (const auto& resource : request.resources) {
        auto& out = response.results.emplace_back();
        out.resource_type = resource.resource_type;
        out.resource_name = resource.resource_name;
        config::Keys keys;
        if (resource.configuration_keys) {
            keys.emplace();
            for (const auto& key : *resource.configuration_keys) keys->push_back(key.str());
        }
        const auto described = describe(broker, static_cast<ResourceType>(resource.resource_type),
                                        resource.resource_name, keys);
        if (!described) {
            out.error_code = static_cast<int16_t>(described.error().code);
            out.error_message.emplace(described.error().message.empty()
                                          ? error_text(described.error().code)
                                          : std::string_view{described.error().message});
            continue;
        }
        for (const config::Described& entry : *described) {
            auto& config = out.configs.emplace_back();
            config.name = entry.name;
            config.value = text(entry.value);
            config.read_only = entry.read_only;
            config.config_source = static_cast<int8_t>(entry.source);
            config.is_sensitive = entry.sensitive;
            config.config_type = entry.type;
            if (!entry.documentation.empty())
                config.documentation = protocol::Str::borrow(entry.documentation);
            else if (!request.include_documentation)
                config.documentation.reset();
            if (!request.include_synonyms) continue;
            for (const config::DescribedSynonym& synonym : entry.synonyms) {
                auto& other = config.synonyms.emplace_back();
                other.name = synonym.name;
                other.value = text(synonym.value);
                other.source = static_cast<int8_t>(synonym.source);
            }
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
