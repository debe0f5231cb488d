// DescribeCluster (KIP-700, KIP-919). Kafka: AuthHelper.computeDescribeClusterResponse.

#include "broker/api/cluster_view.h"
#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

constexpr int8_t kBrokerEndpoints = 1;
constexpr int16_t kFirstVersionWithFenced = 2;

}  // namespace

Task<protocol::DescribeClusterResponse> describe_cluster(
    Broker& broker, RequestContext& context, const protocol::DescribeClusterRequest& request) {
    protocol::DescribeClusterResponse response;
    if (request.endpoint_type != kBrokerEndpoints) {
        const bool unknown = request.endpoint_type != 2;
        response.error_code = static_cast<int16_t>(unknown ? ErrorCode::unsupported_endpoint_type
                                                           : ErrorCode::mismatched_endpoint_type);
        response.error_message.emplace("this listener serves broker endpoints only");
        co_return response;
    }
    const metadata::ImagePtr image = broker.image();
    response.cluster_id = broker.cluster_id();
    response.controller_id = controller_for_clients(*image);
    if (request.include_cluster_authorized_operations)
        response.cluster_authorized_operations = kClusterOperations;
    for (const auto& [id, registration] : *image->brokers) {
        const bool wanted = !registration.fenced || (context.version >= kFirstVersionWithFenced &&
                                                     request.include_fenced_brokers);
        const auto* endpoint = registration.endpoint(broker.listener());
        if (!wanted || !endpoint) continue;
        auto& out = response.brokers.emplace_back();
        out.broker_id = id;
        out.host = endpoint->host;
        out.port = endpoint->port;
        out.is_fenced = registration.fenced;
        if (registration.rack) out.rack.emplace(*registration.rack);
    }
    co_return response;
}

}  // namespace millrace::broker::api
