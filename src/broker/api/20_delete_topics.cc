#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::DeleteTopicsResponse> delete_topics(Broker& broker, RequestContext& context,
                                                   const protocol::DeleteTopicsRequest& request) {
    auto response = co_await broker.metadata().delete_topics(request, context.version);
    if (response) co_return *std::move(response);
    co_return refused(request, response.error());
}

}  // namespace millrace::broker::api
