// OffsetForLeaderEpoch: where a leader epoch ends in this log (KIP-101, KIP-320).
// Kafka: ReplicaManager.lastOffsetForLeaderEpoch.

#include "broker/api/handlers.h"

namespace millrace::broker::api {

Task<protocol::OffsetForLeaderEpochResponse> offset_for_leader_epoch(
    Broker& broker, RequestContext&, const protocol::OffsetForLeaderEpochRequest& request) {
    protocol::OffsetForLeaderEpochResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.topic = topic.topic;
        for (const auto& wanted : topic.partitions) {
            const auto opened = co_await broker.partitions().get(
                broker.image()->topic(std::string_view{topic.topic}), wanted.partition);
            auto& answer = out.partitions.emplace_back();
            answer.partition = wanted.partition;
            const ErrorCode error =
                opened ? (*opened)->check_epoch(wanted.current_leader_epoch) : opened.error().code;
            answer.error_code = static_cast<int16_t>(error);
            if (error != ErrorCode::none) continue;
            const storage::EpochEnd end = (*opened)->log().end_of_epoch(wanted.leader_epoch);
            answer.leader_epoch = end.epoch;
            answer.end_offset = end.end_offset;
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
