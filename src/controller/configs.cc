#include "controller/configs.h"

#include <map>

#include <fmt/format.h>

#include "controller/topic_names.h"

namespace millrace::controller {
namespace {

using metadata::ConfigResource;
using metadata::ResourceType;

constexpr std::string_view kMinInsyncReplicas = "min.insync.replicas";

config::Scope scope_of(ResourceType type) {
    switch (type) {
        case ResourceType::topic:
            return config::Scope::topic;
        case ResourceType::client_metrics:
            return config::Scope::client_metrics;
        case ResourceType::group:
            return config::Scope::group;
        default:
            return config::Scope::broker;
    }
}

// Whether the resource can have configs at all.
Result<void> check_resource(const Context& context, const ConfigResource& resource) {
    switch (resource.type) {
        case ResourceType::topic:
            if (resource.name.empty())
                return fail(ErrorCode::invalid_request,
                            "a topic's configuration needs the topic's name");
            TRY_OK(check_topic_name(resource.name));
            if (!context.state.topic(resource.name))
                return fail(ErrorCode::unknown_topic_or_partition,
                            fmt::format("there is no topic '{}'", resource.name));
            return {};
        case ResourceType::broker:
            return config::validate_broker_name(resource.name, context.node_id);
        case ResourceType::client_metrics:
            if (resource.name.empty())
                return fail(ErrorCode::invalid_request,
                            "a client metrics configuration needs a name");
            return {};
        case ResourceType::group:
            if (resource.name.empty())
                return fail(ErrorCode::invalid_request,
                            "a group's configuration needs the group's name");
            return {};
        default:
            return fail(ErrorCode::invalid_request,
                        fmt::format("resources of type {} cannot be configured",
                                    static_cast<int>(resource.type)));
    }
}

Result<void> validate(const Context& context, const ConfigResource& resource,
                      const config::Overrides& before, const config::Overrides& after) {
    switch (resource.type) {
        case ResourceType::topic:
            return config::validate_topic(after, before, context.config);
        case ResourceType::client_metrics:
            return config::validate_client_metrics(resource.name, after);
        case ResourceType::group:
            return config::validate_group(resource.name, after, context.config);
        default:
            return config::validate_broker(after, resource.name.empty(), context.config);
    }
}

// The overrides as the request wants them; `E` is one entry of either request.
template <typename Entries>
Result<config::Overrides> replaced(const ConfigResource&, const config::Overrides&,
                                   const Entries& entries)
    requires(!requires { entries[0].config_operation; })
{
    config::Overrides after;
    for (const auto& e : entries) {
        if (!e.value) {
            return fail(ErrorCode::invalid_request,
                        fmt::format("{} must have a value", e.name.view()));
        }
        if (!after.emplace(e.name.str(), e.value->str()).second)
            return fail(ErrorCode::invalid_request, "a configuration is named twice");
    }
    return after;
}

template <typename Entries>
Result<config::Overrides> replaced(const ConfigResource& resource, const config::Overrides& before,
                                   const Entries& entries)
    requires(requires { entries[0].config_operation; })
{
    std::vector<config::Alteration> alterations;
    for (const auto& e : entries) {
        if (e.config_operation < 0 || e.config_operation > 3) {
            return fail(ErrorCode::invalid_request,
                        fmt::format("there is no operation {}", e.config_operation));
        }
        auto& a = alterations.emplace_back();
        a.name = e.name.str();
        a.op = static_cast<config::AlterOp>(e.config_operation);
        if (a.op != config::AlterOp::remove && !e.value) {
            return fail(ErrorCode::invalid_request,
                        fmt::format("{} must have a value", e.name.view()));
        }
        if (e.value) a.value = e.value->str();
    }
    return config::apply_alterations(scope_of(resource.type), before, alterations);
}

template <typename Resource>
Result<void> alter(const Context& context, const Resource& wanted, bool validate_only,
                   Records& records) {
    const ConfigResource resource{static_cast<ResourceType>(wanted.resource_type),
                                  wanted.resource_name.str()};
    TRY_OK(check_resource(context, resource));
    const config::Overrides& before = context.state.overrides(resource.type, resource.name);
    TRY(const config::Overrides after, replaced(resource, before, wanted.configs));
    TRY_OK(validate(context, resource, before, after));
    if (!validate_only) add_config_records(context, resource, before, after, records);
    return {};
}

template <typename Response, typename Request>
Outcome<Response> alter_all(const Context& context, const Request& request) {
    Outcome<Response> out;
    std::map<std::pair<int8_t, std::string_view>, int> times;
    for (const auto& r : request.resources)
        ++times[{r.resource_type, std::string_view(r.resource_name)}];
    for (const auto& r : request.resources) {
        const std::pair<int8_t, std::string_view> key{r.resource_type, r.resource_name};
        auto& result = out.response.responses.emplace_back();
        result.resource_type = r.resource_type;
        result.resource_name = r.resource_name.to_owned();
        result.error_message.reset();
        Result<void> altered;
        if (times[key] > 1) {
            altered = fail(ErrorCode::invalid_request, "a resource is named twice");
        } else {
            altered = alter(context, r, request.validate_only, out.records);
        }
        if (!altered) set_error(result, altered.error());
    }
    return out;
}

}  // namespace

Outcome<protocol::AlterConfigsResponse> alter_configs(
    const Context& context, const protocol::AlterConfigsRequest& request) {
    return alter_all<protocol::AlterConfigsResponse>(context, request);
}

Outcome<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const Context& context, const protocol::IncrementalAlterConfigsRequest& request) {
    return alter_all<protocol::IncrementalAlterConfigsResponse>(context, request);
}

void add_config_records(const Context& context, const metadata::ConfigResource& resource,
                        const config::Overrides& before, const config::Overrides& after,
                        Records& records) {
    auto record = [&](const std::string& name, std::optional<std::string_view> value) {
        protocol::ConfigRecord r;
        r.resource_type = static_cast<int8_t>(resource.type);
        r.resource_name = protocol::Str(resource.name);
        r.name = protocol::Str(name);
        r.value.reset();
        if (value) r.value = protocol::Str(*value);
        records.push_back(std::move(r));
    };
    bool clear_elr = false;
    for (const auto& [name, value] : before) {
        if (after.contains(name)) continue;
        record(name, std::nullopt);
        clear_elr |= name == kMinInsyncReplicas;
    }
    for (const auto& [name, value] : after) {
        auto old = before.find(name);
        if (old != before.end() && old->second == value) continue;
        record(name, value);
        clear_elr |= name == kMinInsyncReplicas;
    }
    if (!clear_elr || !context.state.elr_enabled()) return;
    if (resource.type == ResourceType::topic) {
        records.push_back(protocol::ClearElrRecord{.topic_name = protocol::Str(resource.name)});
    } else if (resource.type == ResourceType::broker) {
        records.push_back(protocol::ClearElrRecord{});
    }
}

}  // namespace millrace::controller
