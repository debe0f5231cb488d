#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::CreateTopicsResponse> create_topics(Broker& broker, RequestContext& context,
                                                   const protocol::CreateTopicsRequest& request) {
    auto response = co_await broker.metadata().create_topics(request, context.version);
    if (response) co_return *std::move(response);
    co_return refused(request, response.error());
}

}  // namespace millrace::broker::api
