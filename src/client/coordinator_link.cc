#include "client/coordinator_link.h"

namespace millrace::client {

runtime::Task<Result<ConnectionPtr>> CoordinatorLink::connection(runtime::TimePoint deadline) {
    const auto guard = co_await connecting_.lock();
    CO_TRY(const NodeId node,
           co_await cluster_.coordinator(CoordinatorType::group, group_id_, deadline));
    const auto& brokers = cluster_.metadata().brokers();
    const auto broker = brokers.find(node);
    if (broker == brokers.end()) {
        lost();
        cluster_.request_update();
        co_return fail(ErrorCode::coordinator_not_available, "the coordinator is not known yet");
    }
    const Address address = broker->second.address;
    if (connection_ && connection_->open() && address_ == address) co_return connection_;
    connection_.reset();
    const auto patience = cluster_.after(cluster_.config().connection_setup_timeout);
    auto opened = co_await BrokerConnection::open(
        cluster_.context(), pool_, address, cluster_.config().client_id,
        {cluster_.traffic(), ClientTraffic::coordinator_id(node)}, std::min(deadline, patience));
    if (!opened) {
        lost();
        cluster_.request_update();
        co_return opened.error();
    }
    connection_ = *std::move(opened);
    address_ = address;
    co_return connection_;
}

void CoordinatorLink::lost() {
    cluster_.forget_coordinator(CoordinatorType::group, group_id_);
}

void CoordinatorLink::disconnect() {
    if (connection_) connection_->close(fail(ErrorCode::connection_closed, "closed by the client"));
    connection_.reset();
}

bool CoordinatorLink::worth_retrying(ErrorCode code) {
    const bool network = Cluster::network_error(code);
    if (network || code == ErrorCode::not_coordinator ||
        code == ErrorCode::coordinator_not_available)
        lost();
    return network || error_retriable(code);
}

}  // namespace millrace::client
