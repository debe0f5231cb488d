#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    Broker& broker, RequestContext& context,
    const protocol::IncrementalAlterConfigsRequest& request) {
    auto response = co_await broker.metadata().incremental_alter_configs(request, context.version);
    if (response) co_return *std::move(response);
    co_return refused(request, response.error());
}

}  // namespace millrace::broker::api
