#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::HeartbeatResponse> heartbeat(Broker& broker, RequestContext& context,
                                            const protocol::HeartbeatRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().heartbeat(group_context, request);
}

}  // namespace millrace::broker::api
