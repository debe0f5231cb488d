#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::ConsumerGroupHeartbeatResponse> consumer_group_heartbeat(
    Broker& broker, RequestContext& context,
    const protocol::ConsumerGroupHeartbeatRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().consumer_group_heartbeat(group_context, request);
}

}  // namespace millrace::broker::api
