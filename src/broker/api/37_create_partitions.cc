#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::CreatePartitionsResponse> create_partitions(
    Broker& broker, RequestContext& context, const protocol::CreatePartitionsRequest& request) {
    auto response = co_await broker.metadata().create_partitions(request, context.version);
    if (response) co_return *std::move(response);
    co_return refused(request, response.error());
}

}  // namespace millrace::broker::api
