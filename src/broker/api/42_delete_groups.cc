#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::DeleteGroupsResponse> delete_groups(Broker& broker, RequestContext& context,
                                                   const protocol::DeleteGroupsRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().delete_groups(group_context, request);
}

}  // namespace millrace::broker::api
