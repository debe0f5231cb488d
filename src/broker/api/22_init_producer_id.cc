// InitProducerId: for an idempotent producer a fresh id, epoch 0; for a transactional one, who the
// id belongs to from now on. Kafka: KafkaApis.handleInitProducerIdRequest.

#include "broker/api/transaction_calls.h"

namespace millrace::broker::api {

constexpr int16_t kFirstVersionWithFenced = 4;

Task<protocol::InitProducerIdResponse> init_producer_id(
    Broker& broker, RequestContext& context, const protocol::InitProducerIdRequest& request) {
    protocol::InitProducerIdResponse response;
    const auto failed = [&](ErrorCode code) {
        response.error_code = fenced_for(code, context.version, kFirstVersionWithFenced);
        response.producer_id = -1;
        response.producer_epoch = -1;
        return response;
    };
    if ((request.producer_id == -1) != (request.producer_epoch == -1))
        co_return failed(ErrorCode::invalid_request);
    if (request.transactional_id) {
        transaction::TransactionCoordinator::Init init{.id = *request.transactional_id,
                                                       .timeout_ms = request.transaction_timeout_ms,
                                                       .two_phase_commit = request.enable2_pc,
                                                       .keep_prepared = request.keep_prepared_txn};
        if (request.producer_id != -1)
            init.expected.emplace(request.producer_id, request.producer_epoch);
        const auto outcome = co_await broker.transactions().init_producer_id(init);
        if (outcome.error != ErrorCode::none) co_return failed(outcome.error);
        response.producer_id = outcome.producer.id;
        response.producer_epoch = outcome.producer.epoch;
        co_return response;
    }
    const auto id = co_await broker.next_producer_id();
    if (!id) co_return failed(ErrorCode::coordinator_not_available);
    response.producer_id = *id;
    response.producer_epoch = 0;
    co_return response;
}

}  // namespace millrace::broker::api
