// IncrementalAlterConfigs. Levels of this broker's loggers are set here; all else is the
// controller's.
// Kafka: KafkaApis.handleIncrementalAlterConfigsRequest, ConfigAdminManager.

#include <algorithm>

#include "broker/api/controller_calls.h"
#include "config/loggers.h"

namespace millrace::broker::api {
namespace {

using metadata::ResourceType;
using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;
using Resource = IncrementalAlterConfigsRequest::AlterConfigsResource;

bool is_logger(const Resource& resource) {
    return resource.resource_type == static_cast<int8_t>(ResourceType::broker_logger);
}

Result<void> alter_loggers(const Broker& broker, const Resource& resource, bool validate_only) {
    if (resource.resource_name.view() != std::to_string(broker.node_id()))
        return fail(ErrorCode::invalid_request,
                    fmt::format("this is broker {}; it has no loggers of '{}'", broker.node_id(),
                                resource.resource_name.view()));
    std::vector<config::Alteration> alterations;
    for (const auto& entry : resource.configs) {
        if (entry.config_operation < 0 || entry.config_operation > 3)
            return fail(ErrorCode::invalid_request,
                        fmt::format("there is no operation {}", entry.config_operation));
        auto& alteration = alterations.emplace_back();
        alteration.name = entry.name.str();
        alteration.op = static_cast<config::AlterOp>(entry.config_operation);
        if (entry.value) alteration.value = entry.value->str();
    }
    return config::alter_loggers(alterations, validate_only);
}

// The answers for all loggers of the request.
void alter_all_loggers(const Broker& broker, const IncrementalAlterConfigsRequest& request,
                       IncrementalAlterConfigsResponse& response) {
    for (const Resource& resource : request.resources) {
        if (!is_logger(resource)) continue;
        const auto times = std::ranges::count_if(request.resources, [&](const Resource& other) {
            return is_logger(other) && other.resource_name == resource.resource_name;
        });
        Result<void> altered;
        if (times > 1)
            altered = fail(ErrorCode::invalid_request, "a resource is named twice");
        else
            altered = alter_loggers(broker, resource, request.validate_only);
        auto& out = response.responses.emplace_back();
        out.resource_type = resource.resource_type;
        out.resource_name = resource.resource_name.to_owned();
        out.error_message.reset();
        if (altered) continue;
        out.error_code = static_cast<int16_t>(altered.error().code);
        out.error_message = protocol::Str{altered.error().message};
    }
}

}  // namespace

Task<IncrementalAlterConfigsResponse> incremental_alter_configs(
    Broker& broker, RequestContext& context, const IncrementalAlterConfigsRequest& request) {
    if (!std::ranges::any_of(request.resources, is_logger))
        co_return answered(
            co_await broker.metadata().incremental_alter_configs(request, context.version),
            request);
    IncrementalAlterConfigsResponse response;
    IncrementalAlterConfigsRequest rest;
    rest.validate_only = request.validate_only;
    std::ranges::copy_if(request.resources, std::back_inserter(rest.resources),
                         [](const Resource& resource) { return !is_logger(resource); });
    if (!rest.resources.empty()) {
        // Its answers borrow nothing from `rest`, which ends here.
        response = answered(
            co_await broker.metadata().incremental_alter_configs(rest, context.version), rest);
    }
    alter_all_loggers(broker, request, response);
    co_return response;
}

}  // namespace millrace::broker::api
