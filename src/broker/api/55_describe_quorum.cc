#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {
constexpr int16_t kFirstVersionWithNodes = 2;
}

Task<protocol::DescribeQuorumResponse> describe_quorum(
    Broker& broker, RequestContext& context, const protocol::DescribeQuorumRequest& request) {
    protocol::DescribeQuorumResponse response = broker.metadata().describe_quorum(request);
    if (context.version < kFirstVersionWithNodes) response.nodes.clear();
    co_return response;
}

}  // namespace millrace::broker::api
