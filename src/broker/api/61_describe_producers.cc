// DescribeProducers: who has written to a partition lately (KIP-664).
// Kafka: ReplicaManager.activeProducerState.

#include "broker/api/cluster_view.h"
#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::DescribeProducersResponse> describe_producers(
    Broker& broker, RequestContext&, const protocol::DescribeProducersRequest& request) {
    protocol::DescribeProducersResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        const metadata::TopicPtr known = broker.image()->topic(std::string_view{topic.name});
        const ErrorCode refused = !valid_topic_name(topic.name) ? ErrorCode::invalid_topic_exception
                                  : known                       ? ErrorCode::none
                                          : ErrorCode::unknown_topic_or_partition;
        for (const PartitionIndex index : topic.partition_indexes) {
            if (refused != ErrorCode::none) {
                auto& answer = out.partitions.emplace_back();
                answer.partition_index = index;
                answer.error_code = static_cast<int16_t>(refused);
                answer.error_message.emplace(error_text(refused));
                continue;
            }
            const auto opened = co_await broker.partitions().get(known, index);
            auto& answer = out.partitions.emplace_back();
            answer.partition_index = index;
            answer.error_code = static_cast<int16_t>(opened.code());
            if (!opened) continue;
            for (const storage::ActiveProducer& producer : (*opened)->log().producers()) {
                auto& active = answer.active_producers.emplace_back();
                active.producer_id = producer.producer_id;
                active.producer_epoch = producer.epoch;
                active.last_sequence = producer.last_sequence;
                active.last_timestamp = producer.last_timestamp;
                active.coordinator_epoch = producer.coordinator_epoch;
                active.current_txn_start_offset = producer.transaction_start;
            }
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
