#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::SyncGroupResponse> sync_group(Broker& broker, RequestContext& context,
                                             const protocol::SyncGroupRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().sync_group(group_context, request);
}

}  // namespace millrace::broker::api
