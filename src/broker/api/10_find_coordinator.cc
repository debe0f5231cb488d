// FindCoordinator: which node keeps a group or a transactional id. This node keeps all of them; the
// internal topics are created on first use. Kafka: KafkaApis.handleFindCoordinatorRequest.

#include <algorithm>

#include "broker/api/handlers.h"
#include "broker/coordinator_host.h"

namespace millrace::broker::api {
namespace {

constexpr int8_t kGroupKey = 0;
constexpr int8_t kTransactionKey = 1;
constexpr int8_t kShareKey = 2;
constexpr int16_t kFirstVersionWithBatches = 4;
constexpr int16_t kFirstVersionWithShareKeys = 6;

struct Found {
    ErrorCode error = ErrorCode::none;
    NodeId node = -1;
    std::string host;
    int32_t port = -1;
};

Task<Found> find(Broker& broker, int8_t key_type, std::string_view key) {
    // A share coordinator's key is group:topic id:partition.
    if (key_type == kShareKey && std::ranges::count(key, ':') < 2)
        co_return Found{ErrorCode::invalid_request};
    if (key_type == kShareKey) co_return Found{ErrorCode::coordinator_not_available};
    const bool group = key_type == kGroupKey;
    const std::string name{group ? kOffsetsTopic : kTransactionsTopic};
    if (!broker.image()->topic(std::string_view{name})) {
        const auto made = co_await broker.create_topics_automatically({name});
        if (made.front() != ErrorCode::none) co_return Found{ErrorCode::coordinator_not_available};
    }
    const metadata::ImagePtr image = broker.image();
    const PartitionIndex index =
        group ? broker.groups().partition_for(key) : broker.transactions().partition_for(key);
    const auto* partition = image->partition(std::string_view{name}, index);
    const auto* registration = partition ? image->broker(partition->leader) : nullptr;
    const auto* endpoint = registration ? registration->endpoint(broker.listener()) : nullptr;
    if (!endpoint) co_return Found{ErrorCode::coordinator_not_available};
    co_return Found{ErrorCode::none, registration->id, endpoint->host, endpoint->port};
}

bool known_key_type(int8_t type, int16_t version) {
    return type == kGroupKey || type == kTransactionKey ||
           (type == kShareKey && version >= kFirstVersionWithShareKeys);
}

}  // namespace

Task<protocol::FindCoordinatorResponse> find_coordinator(
    Broker& broker, RequestContext& context, const protocol::FindCoordinatorRequest& request) {
    protocol::FindCoordinatorResponse response;
    const bool known = known_key_type(request.key_type, context.version);
    if (context.version < kFirstVersionWithBatches) {
        Found found{ErrorCode::invalid_request};
        if (known) found = co_await find(broker, request.key_type, request.key);
        response.error_code = static_cast<int16_t>(found.error);
        response.error_message.emplace(found.error == ErrorCode::none ? "NONE"
                                                                      : error_text(found.error));
        response.node_id = found.node;
        response.host = found.host;
        response.port = found.port;
        co_return response;
    }
    for (const auto& key : request.coordinator_keys) {
        Found found{ErrorCode::invalid_request};
        if (known) found = co_await find(broker, request.key_type, key);
        auto& out = response.coordinators.emplace_back();
        out.key = key;
        out.error_code = static_cast<int16_t>(found.error);
        if (found.error != ErrorCode::none) out.error_message.emplace(error_text(found.error));
        out.node_id = found.node;
        out.host = found.host;
        out.port = found.port;
    }
    co_return response;
}

}  // namespace millrace::broker::api
