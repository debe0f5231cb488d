#include "broker/api/controller_calls.h"

namespace millrace::broker::api {

Task<protocol::AlterConfigsResponse> alter_configs(Broker& broker, RequestContext& context,
                                                   const protocol::AlterConfigsRequest& request) {
    co_return answered(co_await broker.metadata().alter_configs(request, context.version), request);
}

}  // namespace millrace::broker::api
