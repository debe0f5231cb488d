#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::DescribeTransactionsResponse> describe_transactions(
    Broker& broker, RequestContext&, const protocol::DescribeTransactionsRequest& request) {
    protocol::DescribeTransactionsResponse response;
    for (const auto& id : request.transactional_ids)
        response.transaction_states.push_back(broker.transactions().describe(id));
    co_return response;
}

}  // namespace millrace::broker::api
