#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::JoinGroupResponse> join_group(Broker& broker, RequestContext& context,
                                             const protocol::JoinGroupRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().join_group(group_context, request);
}

}  // namespace millrace::broker::api
