#include "client/admin.h"
#include "protocol/messages/describe_cluster.h"

namespace millrace::client {

runtime::Task<Result<ClusterDescription>> Admin::describe_cluster(bool fenced_too) {
    protocol::DescribeClusterRequest request;
    request.include_fenced_brokers = fenced_too;
    CO_TRY(const auto reply, co_await cluster_.call_any(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code, reply->error_message);
    ClusterDescription out{.id = reply->cluster_id.str(), .controller = reply->controller_id};
    for (const auto& broker : reply->brokers) {
        BrokerDescription& one = out.brokers.emplace_back();
        one.id = broker.broker_id;
        one.address = {broker.host.str(), static_cast<uint16_t>(broker.port)};
        if (broker.rack) one.rack = broker.rack->str();
        one.fenced = broker.is_fenced;
    }
    std::ranges::sort(out.brokers, {}, &BrokerDescription::id);
    co_return out;
}

}  // namespace millrace::client
