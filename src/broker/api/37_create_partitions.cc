#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::CreatePartitionsResponse> create_partitions(
    Broker& broker, RequestContext& context, const protocol::CreatePartitionsRequest& request) {
    co_return answered(co_await broker.metadata().create_partitions(request, context.version),
                       request);
}

}  // namespace millrace::broker::api
