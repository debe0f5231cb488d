#include "client/admin.h"
#include "protocol/messages/describe_cluster.h"
#include "protocol/messages/elect_leaders.h"

namespace millrace::client {

runtime::Task<Result<ClusterDescription>> Admin::describe_cluster(bool fenced_too) {
    protocol::DescribeClusterRequest request;
    request.include_fenced_brokers = fenced_too;
    constexpr int8_t kControllerEndpoints = 2;
    if (cluster_.config().controllers) request.endpoint_type = kControllerEndpoints;
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

runtime::Task<Result<std::map<TopicPartition, Error>>> Admin::elect_leaders(
    ElectionType type, std::optional<std::vector<TopicPartition>> partitions) {
    protocol::ElectLeadersRequest request;
    request.election_type = static_cast<int8_t>(type);
    request.timeout_ms = static_cast<int32_t>(cluster_.config().request_timeout.count());
    if (!partitions) {
        request.topic_partitions = std::nullopt;
    } else {
        std::map<std::string, std::vector<PartitionIndex>> topics;
        for (const TopicPartition& tp : *partitions) topics[tp.topic].push_back(tp.partition);
        for (const auto& [topic, indexes] : topics)
            request.topic_partitions->push_back({protocol::Str(topic), indexes});
    }
    CO_TRY(const auto reply, co_await cluster_.call_controller(request, deadline()));
    if (reply->error_code != 0) co_return said_error(reply->error_code);
    std::map<TopicPartition, Error> out;
    for (const auto& topic : reply->replica_election_results)
        for (const auto& p : topic.partition_result)
            out[{topic.topic.str(), p.partition_id}] = said_error(p.error_code, p.error_message);
    co_return out;
}

}  // namespace millrace::client
