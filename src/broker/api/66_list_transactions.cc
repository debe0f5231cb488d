#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::ListTransactionsResponse> list_transactions(
    Broker& broker, RequestContext&, const protocol::ListTransactionsRequest& request) {
    co_return broker.transactions().list(request);
}

}  // namespace millrace::broker::api
