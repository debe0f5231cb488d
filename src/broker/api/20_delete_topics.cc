#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::DeleteTopicsResponse> delete_topics(Broker& broker, RequestContext& context,
                                                   const protocol::DeleteTopicsRequest& request) {
    co_return answered(co_await broker.metadata().delete_topics(request, context.version), request);
}

}  // namespace millrace::broker::api
