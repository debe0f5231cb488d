// Produce: appends one batch for each partition. With acks=0 nothing is answered, and an error
// closes the connection, which is the only way to tell such a client. Kafka:
// KafkaApis.handleProduceRequest, ReplicaManager.appendRecords.

#include "broker/api/handlers.h"
#include "protocol/record_batch.h"

namespace millrace::broker::api {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;
using PartitionResponse = ProduceResponse::PartitionProduceResponse;

constexpr int16_t kFirstVersionWithTopicIds = 13;
constexpr int16_t kAcksAll = -1;

PartitionResponse failed(PartitionIndex index, ErrorCode code,
                         const std::optional<std::string>& message = {}) {
    PartitionResponse out;
    out.index = index;
    out.error_code = static_cast<int16_t>(code);
    out.base_offset = -1;
    if (message) out.error_message.emplace(*message);
    return out;
}

ErrorCode appendable(const Partition& partition, int16_t acks) {
    if (partition.gone()) return ErrorCode::unknown_topic_or_partition;
    // A topic with fewer replicas than min.insync.replicas needs all that it has (KIP-966).
    const int32_t needed =
        std::min(partition.config().min_insync_replicas, partition.replica_count());
    if (acks == kAcksAll && partition.isr_size() < needed) return ErrorCode::not_enough_replicas;
    return ErrorCode::none;
}

// The batch lies in the request's own buffer, which nobody else writes: it is stamped there,
// written from there, and kept there for readers.
storage::AppendBytes batch_of(const RequestContext& context, const ByteView& records) {
    auto* bytes = const_cast<uint8_t*>(records.data());
    return {.batches = {bytes, records.size()},
            .owner = context.frame.owner,
            .owner_bytes = context.frame.size()};
}

// Kafka answers these errors without the log's start, and all others that the log itself gives with
// it.
bool tells_log_start(const protocol::AppendError& error) {
    return !error.of_request && error.code != ErrorCode::message_too_large &&
           error.code != ErrorCode::record_list_too_large &&
           error.code != ErrorCode::corrupt_message && error.code != ErrorCode::kafka_storage_error;
}

Task<PartitionResponse> append(Broker& broker, const RequestContext& context,
                               const metadata::TopicPtr& topic, PartitionIndex index,
                               ByteView records, int16_t acks) {
    PartitionPtr partition;
    if (const PartitionPtr* open = topic ? broker.partitions().find(topic->id, index) : nullptr) {
        partition = *open;
    } else {
        auto opened = co_await broker.partitions().get(topic, index);
        if (!opened) co_return failed(index, opened.error().code);
        partition = *std::move(opened);
    }
    while (partition->paused()) co_await partition->until_resumed(broker.loop());
    if (!partition->take_room(records.size(), broker.loop().wall_ms()))
        co_return failed(index, ErrorCode::kafka_storage_error, "the log directory is full");
    if (const ErrorCode refused = appendable(*partition, acks); refused != ErrorCode::none)
        co_return failed(index, refused);

    const storage::LeaderAppend how{.leader_epoch = partition->leader_epoch(),
                                    .now = broker.loop().wall_ms(),
                                    .produce_version = context.version};
    const auto appended = partition->log().append_as_leader(batch_of(context, records), how);
    if (!appended) {
        PartitionResponse out = failed(index, appended.error().code, appended.error().wire_message);
        if (tells_log_start(appended.error()))
            out.log_start_offset = partition->log().start_offset();
        for (const auto& wrong : appended.error().record_errors) {
            auto& record = out.record_errors.emplace_back();
            record.batch_index = wrong.batch_index;
            record.batch_index_error_message = protocol::Str{wrong.message};
        }
        co_return out;
    }
    if (appended->flush_due)
        if (const auto flushed = co_await partition->log().flush(); !flushed)
            co_return failed(index, flushed.error().code, flushed.error().message);
    if (!appended->duplicate) partition->advance();
    broker.metrics().produced_bytes += records.size();
    ++broker.metrics().produced_batches;

    PartitionResponse out;
    out.index = index;
    out.base_offset = appended->first_offset;
    out.log_append_time_ms = appended->append_time;
    out.log_start_offset = appended->log_start;
    co_return out;
}

// One contiguous piece: that is how a request's records are decoded.
ByteView contiguous(const std::optional<Chain>& records) {
    return records && !records->empty() ? records->parts().front().bytes : ByteView{};
}

// Only Kafka's own admin client may write to internal topics.
bool internal_refused(const metadata::Topic& topic, const RequestContext& context) {
    return metadata::is_internal_topic(topic.name) && context.client_id != "__admin_client";
}

bool is_transactional(ByteView records) {
    const auto header = protocol::BatchHeaderView::parse(records);
    return header && header->is_transactional();
}

}  // namespace

Task<Result<std::optional<ProduceResponse>>> produce(Broker& broker, RequestContext& context,
                                                     ProduceRequest& request) {
    ProduceResponse response;
    const bool known_acks = request.acks == 0 || request.acks == 1 || request.acks == kAcksAll;
    const metadata::ImagePtr image = broker.image();
    ErrorCode worst = ErrorCode::none;
    response.responses.reserve(request.topic_data.size());
    for (auto& data : request.topic_data) {
        const bool by_id = context.version >= kFirstVersionWithTopicIds;
        const metadata::TopicPtr topic =
            by_id ? image->topic(data.topic_id) : image->topic(std::string_view{data.name});
        if (data.partition_data.empty()) continue;
        auto& out = response.responses.emplace_back();
        out.name = data.name;
        out.topic_id = data.topic_id;
        out.partition_responses.reserve(data.partition_data.size());
        for (auto& partition : data.partition_data) {
            const ByteView records = contiguous(partition.records);
            PartitionResponse answer;
            if (topic && internal_refused(*topic, context)) {
                answer = failed(partition.index, ErrorCode::invalid_topic_exception);
            } else if (!known_acks) {
                answer = failed(partition.index, ErrorCode::invalid_required_acks);
            } else if (!topic) {
                answer = failed(partition.index, by_id ? ErrorCode::unknown_topic_id
                                                       : ErrorCode::unknown_topic_or_partition);
            } else if (is_transactional(records)) {
                // No transactional producer id was ever given out by this node.
                answer =
                    failed(partition.index, request.transactional_id
                                                ? ErrorCode::invalid_txn_state
                                                : ErrorCode::transactional_id_authorization_failed);
            } else {
                answer =
                    co_await append(broker, context, topic, partition.index, records, request.acks);
            }
            if (answer.error_code != 0) worst = static_cast<ErrorCode>(answer.error_code);
            out.partition_responses.push_back(std::move(answer));
        }
    }
    if (request.acks != 0) co_return std::optional{std::move(response)};
    if (worst != ErrorCode::none) co_return fail(worst, "a batch sent with acks=0 was refused");
    co_return std::nullopt;
}

}  // namespace millrace::broker::api
