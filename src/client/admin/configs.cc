#include <charconv>

#include "client/admin.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "protocol/messages/list_config_resources.h"

namespace millrace::client {
namespace {

using protocol::Str;

// The broker that a resource is to be asked of; nothing: any.
std::optional<NodeId> broker_of(const Resource& resource) {
    if (resource.type != ResourceType::broker && resource.type != ResourceType::broker_logger)
        return std::nullopt;
    NodeId id = 0;
    const char* end = resource.name.data() + resource.name.size();
    const auto [stop, error] = std::from_chars(resource.name.data(), end, id);
    return error == std::errc{} && stop == end ? std::optional{id} : std::nullopt;
}

std::optional<std::string> owned(const std::optional<Str>& text) {
    return text ? std::optional{text->str()} : std::nullopt;
}

ResourceConfigs configs_of(const protocol::DescribeConfigsResponse::DescribeConfigsResult& said) {
    ResourceConfigs out{
        .resource = {static_cast<ResourceType>(said.resource_type), said.resource_name.str()},
        .error = said_error(said.error_code, said.error_message)};
    for (const auto& entry : said.configs) {
        ConfigEntry& one = out.entries.emplace_back();
        one.name = entry.name.str();
        one.value = owned(entry.value);
        one.source = entry.config_source;
        one.read_only = entry.read_only;
        one.sensitive = entry.is_sensitive;
        for (const auto& synonym : entry.synonyms)
            one.synonyms.push_back({synonym.name.str(), owned(synonym.value), synonym.source});
    }
    return out;
}

}  // namespace

runtime::Task<Result<std::vector<ResourceConfigs>>> Admin::describe_configs(
    std::vector<Resource> resources, bool synonyms) {
    const auto until = deadline();
    std::map<std::optional<NodeId>, std::vector<Resource>> by_broker;
    for (const Resource& resource : resources) by_broker[broker_of(resource)].push_back(resource);
    if (by_broker.size() != by_broker.count(std::nullopt))
        CO_TRY_OK(co_await cluster_.update(until));
    std::map<Resource, ResourceConfigs> found;
    for (const auto& [broker, asked] : by_broker) {
        protocol::DescribeConfigsRequest request;
        request.include_synonyms = synonyms;
        for (const Resource& resource : asked) {
            auto& one = request.resources.emplace_back();
            one.resource_type = static_cast<int8_t>(resource.type);
            one.resource_name = Str::borrow(resource.name);
            one.configuration_keys = std::nullopt;  // all
        }
        const auto reply = broker ? co_await cluster_.call(*broker, request, until)
                                  : co_await cluster_.call_any(request, until);
        if (!reply) co_return reply.error();
        for (const auto& result : (*reply)->results) {
            ResourceConfigs configs = configs_of(result);
            found.insert_or_assign(configs.resource, configs);
        }
    }
    std::vector<ResourceConfigs> out;
    for (const Resource& resource : resources) {
        const auto at = found.find(resource);
        if (at != found.end())
            out.push_back(at->second);
        else
            out.push_back({.resource = resource, .error = fail(ErrorCode::unknown_server_error)});
    }
    co_return out;
}

runtime::Task<Result<Outcome>> Admin::alter_configs(Resource resource,
                                                    std::vector<ConfigChange> changes,
                                                    bool validate_only) {
    const auto until = deadline();
    protocol::IncrementalAlterConfigsRequest request;
    request.validate_only = validate_only;
    auto& asked = request.resources.emplace_back();
    asked.resource_type = static_cast<int8_t>(resource.type);
    asked.resource_name = Str::borrow(resource.name);
    for (const ConfigChange& change : changes) {
        auto& one = asked.configs.emplace_back();
        one.name = Str::borrow(change.name);
        one.config_operation = static_cast<int8_t>(change.how);
        if (change.how == ConfigChange::How::remove)
            one.value = std::nullopt;
        else
            one.value = Str::borrow(change.value);
    }
    const auto broker = broker_of(resource);
    if (broker) CO_TRY_OK(co_await cluster_.update(until));
    const auto reply = broker ? co_await cluster_.call(*broker, request, until)
                              : co_await cluster_.call_controller(request, until);
    if (!reply) co_return reply.error();
    if ((*reply)->responses.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = (*reply)->responses.front();
    co_return Outcome{said.resource_name.str(), said_error(said.error_code, said.error_message)};
}

runtime::Task<Result<std::vector<std::string>>> Admin::list_config_resources(ResourceType type) {
    protocol::ListConfigResourcesRequest request;
    request.resource_types = {static_cast<int8_t>(type)};
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    std::vector<std::string> out;
    for (const auto& resource : reply->config_resources)
        if (resource.resource_type == static_cast<int8_t>(type))
            out.push_back(resource.resource_name.str());
    co_return out;
}

}  // namespace millrace::client
