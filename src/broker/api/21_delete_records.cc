// DeleteRecords: moves a partition's log start up.
// Kafka: KafkaApis.handleDeleteRecordsRequest, ReplicaManager.deleteRecords.

#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

// Internal topics are the coordinators' state: nobody but they may cut it.
Task<Result<Offset>> delete_before(Broker& broker, metadata::TopicPtr topic, PartitionIndex index,
                                   Offset offset) {
    if (topic && metadata::is_internal_topic(topic->name))
        co_return fail(ErrorCode::invalid_topic_exception);
    CO_TRY(const PartitionPtr partition, co_await broker.partitions().get(std::move(topic), index));
    const auto& config = partition->config();
    if (config.cleanup_compact && !config.cleanup_delete)
        co_return fail(ErrorCode::policy_violation);
    CO_TRY(const Offset log_start,
           partition->log().delete_records(offset, broker.loop().wall_ms()));
    partition->changed().notify();
    co_return log_start;
}

}  // namespace

Task<protocol::DeleteRecordsResponse> delete_records(
    Broker& broker, RequestContext&, const protocol::DeleteRecordsRequest& request) {
    protocol::DeleteRecordsResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        for (const auto& partition : topic.partitions) {
            const auto deleted =
                co_await delete_before(broker, broker.image()->topic(std::string_view{topic.name}),
                                       partition.partition_index, partition.offset);
            auto& answer = out.partitions.emplace_back();
            answer.partition_index = partition.partition_index;
            answer.error_code = static_cast<int16_t>(deleted.code());
            answer.low_watermark = deleted ? *deleted : -1;
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
