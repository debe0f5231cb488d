// DescribeTopicPartitions: topics by name, page by page (KIP-966).
// Kafka: DescribeTopicPartitionsRequestHandler.

#include <algorithm>

#include "broker/api/cluster_view.h"
#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;

// The topics to describe, sorted, from the cursor on.
std::vector<std::string> wanted_topics(const metadata::Image& image,
                                       const DescribeTopicPartitionsRequest& request) {
    std::vector<std::string> names;
    if (request.topics.empty())
        image.topics_by_name.for_each(
            [&](const metadata::TopicPtr& topic) { names.push_back(topic->name); });
    for (const auto& topic : request.topics) names.push_back(topic.name.str());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (request.cursor)
        names.erase(names.begin(), std::lower_bound(names.begin(), names.end(),
                                                    request.cursor->topic_name.view()));
    return names;
}

void describe(const metadata::Image& image, const metadata::Partition& partition,
              PartitionIndex index,
              DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponsePartition& out) {
    out.partition_index = index;
    out.leader_id = available_leader(image, partition);
    out.error_code =
        static_cast<int16_t>(out.leader_id < 0 ? ErrorCode::leader_not_available : ErrorCode::none);
    out.leader_epoch = partition.leader_epoch;
    out.replica_nodes = to_vector(partition.replicas);
    out.isr_nodes = to_vector(partition.isr);
    out.eligible_leader_replicas = to_vector(partition.eligible_leader_replicas);
    out.last_known_elr = to_vector(partition.last_known_elr);
    out.offline_replicas = offline_replicas(image, partition);
}

bool sound_cursor(const DescribeTopicPartitionsRequest& request) {
    if (!request.cursor) return true;
    if (request.cursor->partition_index < 0) return false;
    return request.topics.empty() || std::ranges::any_of(request.topics, [&](const auto& topic) {
               return topic.name == request.cursor->topic_name;
           });
}

}  // namespace

Task<DescribeTopicPartitionsResponse> describe_topic_partitions(
    Broker& broker, RequestContext&, const DescribeTopicPartitionsRequest& request) {
    DescribeTopicPartitionsResponse response;
    if (!sound_cursor(request)) {
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name.emplace(topic.name);
            out.error_code = static_cast<int16_t>(ErrorCode::invalid_request);
        }
        co_return response;
    }
    const metadata::ImagePtr image = broker.image();
    int32_t left =
        std::min(request.response_partition_limit, broker.config().values().request_partitions_max);
    left = std::max(left, 1);
    for (const std::string& name : wanted_topics(*image, request)) {
        if (left == 0) {
            // The page is full: the next one starts with this topic.
            response.next_cursor.emplace();
            response.next_cursor->topic_name = name;
            break;
        }
        const auto topic = image->topic(std::string_view{name});
        auto& out = response.topics.emplace_back();
        out.name.emplace(name);
        out.topic_authorized_operations = kTopicOperations;
        if (!topic) {
            out.error_code =
                static_cast<int16_t>(valid_topic_name(name) ? ErrorCode::unknown_topic_or_partition
                                                            : ErrorCode::invalid_topic_exception);
            continue;
        }
        out.topic_id = topic->id;
        out.is_internal = metadata::is_internal_topic(name);
        const bool continued = request.cursor && request.cursor->topic_name == name;
        PartitionIndex index = continued ? std::max(request.cursor->partition_index, 0) : 0;
        const auto count = static_cast<PartitionIndex>(topic->partitions.size());
        for (; index < count && left > 0; ++index, --left)
            if (const auto* partition = topic->partition(index))
                describe(*image, *partition, index, out.partitions.emplace_back());
        if (index < count) {
            // The page is full: the next one goes on in this topic.
            response.next_cursor.emplace();
            response.next_cursor->topic_name = name;
            response.next_cursor->partition_index = index;
            break;
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
