#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::OffsetFetchResponse> offset_fetch(Broker& broker, RequestContext& context,
                                                 const protocol::OffsetFetchRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().offset_fetch(group_context, request);
}

}  // namespace millrace::broker::api
