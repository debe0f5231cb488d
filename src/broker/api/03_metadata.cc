// Metadata: brokers, topics, and where the partitions' leaders are; may create a topic that a
// client asks for by name.
// Kafka: KafkaApis.handleTopicMetadataRequest.

#include <algorithm>
#include <set>

#include "broker/api/cluster_view.h"
#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

using protocol::MetadataRequest;
using protocol::MetadataResponse;
using TopicAnswer = MetadataResponse::MetadataResponseTopic;

constexpr int16_t kFirstVersionWithIds = 12;
constexpr int16_t kFirstVersionWithAutoCreationFlag = 4;
constexpr int16_t kFirstVersionWithClusterOperations = 8;
constexpr int16_t kLastVersionWithClusterOperations = 10;

TopicAnswer describe(const metadata::Image& image, const metadata::Topic& topic,
                     bool with_operations) {
    TopicAnswer out;
    out.name.emplace(topic.name);
    out.topic_id = topic.id;
    out.is_internal = metadata::is_internal_topic(topic.name);
    out.topic_authorized_operations = with_operations ? kTopicOperations : kOperationsNotAsked;
    out.partitions.reserve(topic.partitions.size());
    for (PartitionIndex index = 0; index < static_cast<PartitionIndex>(topic.partitions.size());
         ++index) {
        const metadata::Partition* partition = topic.partition(index);
        if (!partition) continue;
        auto& answer = out.partitions.emplace_back();
        answer.partition_index = index;
        answer.leader_id = available_leader(image, *partition);
        answer.error_code = static_cast<int16_t>(
            answer.leader_id < 0 ? ErrorCode::leader_not_available : ErrorCode::none);
        answer.leader_epoch = partition->leader_epoch;
        answer.replica_nodes = to_vector(partition->replicas);
        answer.isr_nodes = to_vector(partition->isr);
        answer.offline_replicas = offline_replicas(image, *partition);
    }
    return out;
}

TopicAnswer failed(std::optional<protocol::Str> name, const Uuid& id, ErrorCode code) {
    TopicAnswer out;
    out.name = std::move(name);
    out.topic_id = id;
    out.error_code = static_cast<int16_t>(code);
    return out;
}

void add_brokers(const metadata::Image& image, const std::string& listener,
                 MetadataResponse& response) {
    for (const auto& [id, registration] : *image.brokers) {
        const metadata::Endpoint* endpoint = registration.endpoint(listener);
        if (registration.fenced || !endpoint) continue;
        auto& out = response.brokers.emplace_back();
        out.node_id = id;
        out.host = endpoint->host;
        out.port = endpoint->port;
        if (registration.rack) out.rack.emplace(*registration.rack);
    }
}

// Topics that are asked for by name and do not exist are created, where the client and the
// configuration allow it.
Task<void> create_missing(Broker& broker, const RequestContext& context,
                          const MetadataRequest& request) {
    if (!request.topics || !broker.config().values().auto_create_topics) co_return;
    if (context.version >= kFirstVersionWithAutoCreationFlag && !request.allow_auto_topic_creation)
        co_return;
    std::vector<std::string> missing;
    for (const auto& topic : *request.topics)
        if (topic.name && topic.topic_id.is_zero() && valid_topic_name(*topic.name) &&
            !broker.image()->topic(std::string_view{*topic.name}))
            missing.push_back(topic.name->str());
    if (!missing.empty()) co_await broker.create_topics_automatically(std::move(missing));
}

// Versions 10 and 11 have the field for ids, but ids are answered from version 12 on.
bool names_by_id_too_early(const RequestContext& context, const MetadataRequest& request) {
    return context.version < kFirstVersionWithIds && request.topics &&
           std::ranges::any_of(
               *request.topics, [](const auto& t) { return !t.name || !t.topic_id.is_zero(); });
}

MetadataResponse refuse_ids(const MetadataRequest& request) {
    MetadataResponse response;
    response.cluster_id.reset();
    for (const auto& wanted : *request.topics)
        response.topics.push_back(failed(wanted.name ? wanted.name : protocol::Str{""},
                                         wanted.topic_id, ErrorCode::invalid_request));
    return response;
}

}  // namespace

Task<MetadataResponse> metadata(Broker& broker, RequestContext& context,
                                const MetadataRequest& request) {
    if (names_by_id_too_early(context, request)) co_return refuse_ids(request);
    co_await create_missing(broker, context, request);
    const metadata::ImagePtr image = broker.image();
    MetadataResponse response;
    add_brokers(*image, broker.listener(), response);
    response.cluster_id.emplace(broker.cluster_id());
    response.controller_id = controller_for_clients(*image);
    if (context.version >= kFirstVersionWithClusterOperations &&
        context.version <= kLastVersionWithClusterOperations &&
        request.include_cluster_authorized_operations)
        response.cluster_authorized_operations = kClusterOperations;

    const bool operations = request.include_topic_authorized_operations;
    const bool all = !request.topics || (context.version == 0 && request.topics->empty());
    if (all) {
        image->topics_by_name.for_each([&](const metadata::TopicPtr& topic) {
            response.topics.push_back(describe(*image, *topic, operations));
        });
        co_return response;
    }
    std::set<std::string_view> names;
    for (const auto& wanted : *request.topics) {
        if (wanted.name && wanted.topic_id.is_zero() && !names.insert(*wanted.name).second)
            continue;
        const bool by_id = !wanted.topic_id.is_zero();
        const metadata::TopicPtr topic =
            by_id ? image->topic(wanted.topic_id)
                  : image->topic(wanted.name ? wanted.name->view() : std::string_view{});
        if (topic)
            response.topics.push_back(describe(*image, *topic, operations));
        else if (by_id)
            response.topics.push_back(
                failed(std::nullopt, wanted.topic_id, ErrorCode::unknown_topic_id));
        else
            response.topics.push_back(failed(wanted.name, {},
                                             wanted.name && valid_topic_name(*wanted.name)
                                                 ? ErrorCode::unknown_topic_or_partition
                                                 : ErrorCode::invalid_topic_exception));
    }
    co_return response;
}

}  // namespace millrace::broker::api
