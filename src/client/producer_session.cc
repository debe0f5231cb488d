#include "client/producer_session.h"

#include <limits>

#include "protocol/messages/init_producer_id.h"

namespace millrace::client {

bool ProducerSession::raise_epoch() {
    if (identity_.epoch == std::numeric_limits<ProducerEpoch>::max()) {
        identity_ = {};
        return false;
    }
    ++identity_.epoch;
    return true;
}

runtime::Task<Result<void>> ProducerSession::acquire(runtime::TimePoint deadline, bool raise) {
    for (int failures = 0;; ++failures) {
        auto given = co_await ask(raise, deadline);
        if (given) {
            identity_ = *given;
            co_return {};
        }
        const ErrorCode code = given.code();
        if (code == ErrorCode::not_coordinator || code == ErrorCode::coordinator_not_available ||
            Cluster::network_error(code))
            cluster_.forget_coordinator(CoordinatorType::transaction, config_.transactional_id);
        if (!error_retriable(code) && !Cluster::network_error(code)) co_return given.error();
        CO_TRY_OK(co_await cluster_.pause(failures, deadline, given.error()));
    }
}

runtime::Task<Result<ProducerIdentity>> ProducerSession::ask(bool raise,
                                                             runtime::TimePoint deadline) {
    protocol::InitProducerIdRequest request;
    request.transactional_id.reset();
    request.transaction_timeout_ms = INT32_MAX;
    if (raise) {
        request.producer_id = identity_.id;
        request.producer_epoch = identity_.epoch;
    }
    if (config_.transactional_id.empty()) {
        CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline));
        if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
            co_return fail(code);
        co_return ProducerIdentity{reply->producer_id, reply->producer_epoch};
    }
    request.transactional_id = protocol::Str::borrow(config_.transactional_id);
    request.transaction_timeout_ms = static_cast<int32_t>(config_.transaction_timeout.count());
    CO_TRY(const NodeId node, co_await cluster_.coordinator(CoordinatorType::transaction,
                                                            config_.transactional_id, deadline));
    CO_TRY(const auto reply, co_await cluster_.call(node, request, deadline));
    if (const auto code = static_cast<ErrorCode>(reply->error_code); code != ErrorCode::none)
        co_return fail(code);
    co_return ProducerIdentity{reply->producer_id, reply->producer_epoch};
}

}  // namespace millrace::client
