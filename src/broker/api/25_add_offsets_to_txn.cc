// AddOffsetsToTxn: the partition of __consumer_offsets that keeps a group becomes part of a
// transaction. Kafka: KafkaApis.handleAddOffsetsToTxnRequest.

#include "broker/api/transaction_calls.h"
#include "broker/coordinator_host.h"

namespace millrace::broker::api {

constexpr int16_t kFirstVersionWithFenced = 2;

Task<protocol::AddOffsetsToTxnResponse> add_offsets_to_txn(
    Broker& broker, RequestContext& context, const protocol::AddOffsetsToTxnRequest& request) {
    const ErrorCode error = co_await broker.transactions().add_partitions(
        {.id = request.transactional_id,
         .producer = {request.producer_id, request.producer_epoch},
         .partitions = {
             {std::string{kOffsetsTopic}, {broker.groups().partition_for(request.group_id)}}}});
    protocol::AddOffsetsToTxnResponse response;
    response.error_code = fenced_for(error, context.version, kFirstVersionWithFenced);
    co_return response;
}

}  // namespace millrace::broker::api
