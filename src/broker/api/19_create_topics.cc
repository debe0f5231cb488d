#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::CreateTopicsResponse> create_topics(Broker& broker, RequestContext& context,
                                                   const protocol::CreateTopicsRequest& request) {
    co_return answered(co_await broker.metadata().create_topics(request, context.version), request);
}

}  // namespace millrace::broker::api
