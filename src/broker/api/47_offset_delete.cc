#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::OffsetDeleteResponse> offset_delete(Broker& broker, RequestContext& context,
                                                   const protocol::OffsetDeleteRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().offset_delete(group_context, request);
}

}  // namespace millrace::broker::api
