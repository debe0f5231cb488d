#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::DescribeQuorumResponse> describe_quorum(Broker& broker, RequestContext&,
                                                       const protocol::DescribeQuorumRequest& request) {
    co_return broker.metadata().describe_quorum(request);
}

}  // namespace millrace::broker::api
