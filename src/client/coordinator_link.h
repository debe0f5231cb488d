// The way to the coordinator of one group: a connection of its own beside those for records, as a
// broker answers in order and a fetch or a join may keep it waiting.
//
// Owner: the consumer. Loop: its own.
#pragma once

#include "client/cluster.h"
#include "client/metrics/group_stats.h"

namespace millrace::client {

class CoordinatorLink {
public:
    CoordinatorLink(Cluster& cluster, std::string group_id)
        : cluster_(cluster), group_id_(std::move(group_id)) {}

    // Finds the coordinator and connects, as far as that is not done. Errors: those of
    // Cluster::coordinator and BrokerConnection::open.
    runtime::Task<Result<ConnectionPtr>> connection(runtime::TimePoint deadline);
    // One attempt. `deadline` counts alone: request.timeout.ms is the caller's to add.
    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> call(const Request& request,
                                                                  runtime::TimePoint deadline,
                                                                  int16_t at_most = INT16_MAX) {
        CO_TRY(const ConnectionPtr connection, co_await this->connection(deadline));
        auto reply = co_await connection->call(request, deadline, at_most);
        if (!reply && Cluster::network_error(reply.code())) lost();
        co_return std::move(reply);
    }
    // The coordinator is another one now, or cannot be reached.
    void lost();
    // Ends the calls that are under way.
    void disconnect();
    // Whether an attempt that failed with this may succeed when it is repeated; looks for the
    // coordinator again where that is the reason.
    bool worth_retrying(ErrorCode code);
    const std::string& group_id() const { return group_id_; }
    runtime::TimePoint read_clock() const { return cluster_.loop().read_clock(); }
    // For all who speak with the coordinator.
    GroupStats stats;

private:
    Cluster& cluster_;
    const std::string group_id_;
    net::BufferPool pool_;
    runtime::AsyncMutex connecting_;
    ConnectionPtr connection_;
    Address address_;
};

}  // namespace millrace::client
