#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::ListGroupsResponse> list_groups(Broker& broker, RequestContext& context,
                                               const protocol::ListGroupsRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().list_groups(group_context, request);
}

}  // namespace millrace::broker::api
