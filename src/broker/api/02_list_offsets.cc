// ListOffsets: the offset of a time, or of one of the special timestamps.
// Kafka: KafkaApis.handleListOffsetRequest.

#include <set>

#include "broker/api/handlers.h"

namespace millrace::broker::api {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using PartitionResponse = ListOffsetsResponse::ListOffsetsPartitionResponse;

constexpr int8_t kReadCommitted = 1;
constexpr int16_t kFirstVersionWithEpochs = 4;
// The version from which each special timestamp may be asked for; before, it gets
// UNSUPPORTED_VERSION.
int16_t first_version_of(TimestampMs timestamp) {
    switch (timestamp) {
        case storage::kMaxTimestamp:
            return 7;
        case storage::kEarliestLocalTimestamp:
            return 8;
        case storage::kLatestTieredTimestamp:
            return 9;
        case storage::kEarliestPendingUploadTimestamp:
            return 11;
        default:
            return 1;
    }
}

Task<PartitionResponse> list_one(Broker& broker, const RequestContext& context,
                                 metadata::TopicPtr topic,
                                 const ListOffsetsRequest::ListOffsetsPartition& wanted,
                                 bool committed) {
    PartitionResponse out;
    out.partition_index = wanted.partition_index;
    const auto failed = [&](ErrorCode code) {
        out.error_code = static_cast<int16_t>(code);
        return out;
    };
    if (context.version < first_version_of(wanted.timestamp) ||
        wanted.timestamp < storage::kEarliestPendingUploadTimestamp)
        co_return failed(ErrorCode::unsupported_version);
    const auto opened = co_await broker.partitions().get(std::move(topic), wanted.partition_index);
    if (!opened) co_return failed(opened.error().code);
    Partition& partition = **opened;
    if (const ErrorCode stale = partition.check_epoch(wanted.current_leader_epoch);
        stale != ErrorCode::none)
        co_return failed(stale);
    storage::Log& log = partition.log();
    const Offset bound = committed ? log.last_stable_offset() : log.high_watermark();
    const auto found = co_await log.offset_for_timestamp(wanted.timestamp, bound);
    if (!found) co_return failed(found.error().code);
    out.offset = found->offset;
    out.timestamp = found->timestamp;
    if (context.version >= kFirstVersionWithEpochs) out.leader_epoch = found->leader_epoch;
    co_return out;
}

}  // namespace

Task<ListOffsetsResponse> list_offsets(Broker& broker, RequestContext& context,
                                       const ListOffsetsRequest& request) {
    ListOffsetsResponse response;
    const metadata::ImagePtr image = broker.image();
    std::set<std::pair<std::string_view, PartitionIndex>> seen;
    std::set<std::pair<std::string_view, PartitionIndex>> repeated;
    for (const auto& topic : request.topics)
        for (const auto& partition : topic.partitions)
            if (!seen.emplace(topic.name, partition.partition_index).second)
                repeated.emplace(topic.name, partition.partition_index);
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        for (const auto& partition : topic.partitions) {
            if (repeated.contains({topic.name, partition.partition_index})) {
                auto& refused = out.partitions.emplace_back();
                refused.partition_index = partition.partition_index;
                refused.error_code = static_cast<int16_t>(ErrorCode::invalid_request);
                continue;
            }
            if (request.isolation_level < 0 || request.isolation_level > kReadCommitted) {
                auto& refused = out.partitions.emplace_back();
                refused.partition_index = partition.partition_index;
                refused.error_code = static_cast<int16_t>(ErrorCode::unknown_server_error);
                continue;
            }
            out.partitions.push_back(
                co_await list_one(broker, context, image->topic(std::string_view{topic.name}),
                                  partition, request.isolation_level == kReadCommitted));
        }
    }
    co_return response;
}

}  // namespace millrace::broker::api
