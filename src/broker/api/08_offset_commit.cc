#include "broker/api/group_calls.h"

namespace millrace::broker::api {

Task<protocol::OffsetCommitResponse> offset_commit(Broker& broker, RequestContext& context,
                                                   const protocol::OffsetCommitRequest& request) {
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().offset_commit(group_context, request);
}

}  // namespace millrace::broker::api
