// EndTxn: commits or aborts. From version 5 on every end gives the producer a new epoch (KIP-890).
// Kafka: KafkaApis.handleEndTxnRequest.

#include "broker/api/transaction_calls.h"

namespace millrace::broker::api {

constexpr int16_t kFirstVersionWithFenced = 2;
constexpr int16_t kFirstVersionWithBumps = 5;

Task<protocol::EndTxnResponse> end_txn(Broker& broker, RequestContext& context,
                                       const protocol::EndTxnRequest& request) {
    const bool bumps = context.version >= kFirstVersionWithBumps;
    const auto ended = co_await broker.transactions().end(
        {.id = request.transactional_id,
         .producer = {request.producer_id, request.producer_epoch},
         .commit = request.committed,
         .client_version = bumps ? transaction::kEpochBumps : int16_t{0}});
    protocol::EndTxnResponse response;
    response.error_code = fenced_for(ended.error, context.version, kFirstVersionWithFenced);
    response.producer_id = ended.producer.id;
    response.producer_epoch = ended.producer.epoch;
    co_return response;
}

}  // namespace millrace::broker::api
