// InitProducerId for idempotent producers: a fresh id, epoch 0. Transactional ones need the
// transaction coordinator, which this node does not have.
// Kafka: KafkaApis.handleInitProducerIdRequest, TransactionCoordinator.handleInitProducerId.

#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::InitProducerIdResponse> init_producer_id(
    Broker& broker, RequestContext&, const protocol::InitProducerIdRequest& request) {
    protocol::InitProducerIdResponse response;
    const auto failed = [&](ErrorCode code) {
        response.error_code = static_cast<int16_t>(code);
        response.producer_id = -1;
        response.producer_epoch = -1;
        return response;
    };
    if (request.transactional_id)
        co_return failed(request.transactional_id->empty() ? ErrorCode::invalid_request
                                                           : ErrorCode::coordinator_not_available);
    if ((request.producer_id == -1) != (request.producer_epoch == -1))
        co_return failed(ErrorCode::invalid_request);
    const auto id = co_await broker.next_producer_id();
    if (!id) co_return failed(ErrorCode::coordinator_not_available);
    response.producer_id = *id;
    response.producer_epoch = 0;
    co_return response;
}

}  // namespace millrace::broker::api
