#include "broker/api/cluster_view.h"
#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::DescribeGroupsResponse> describe_groups(
    Broker& broker, RequestContext& context, const protocol::DescribeGroupsRequest& request) {
    const auto group_context = to_group_context(context);
    auto response = co_await broker.groups().describe_groups(group_context, request);
    if (request.include_authorized_operations)
        for (auto& group : response.groups)
            if (group.error_code == 0) group.authorized_operations = kGroupOperations;
    co_return response;
}

}  // namespace millrace::broker::api
