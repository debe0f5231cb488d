// Produce: appends one batch for each partition. With acks=0 nothing is answered, and an error
// closes the connection, which is the only way to tell such a client.
// Kafka: KafkaApis.handleProduceRequest, ReplicaManager.appendRecords.

#include "broker/api/handlers.h"
#include "broker/append_conditions.h"
#include "broker/transaction_admission.h"
#include "protocol/record_batch.h"

namespace millrace::broker::api {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;
using PartitionResponse = ProduceResponse::PartitionProduceResponse;

constexpr int16_t kFirstVersionWithTopicIds = 13;
constexpr int16_t kAcksAll = -1;
constexpr int32_t kWaitMsMax = 60'000;

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

struct Append {
    ByteView records;
    int16_t acks;
    // The request has more partitions.
    bool gather = false;
    // Of a transactional batch, when that is to be checked.
    const TransactionalWrite* admitted = nullptr;
    storage::AppendCondition* condition = nullptr;
    // How long a condition on keys may wait for their index.
    runtime::TimePoint until = runtime::kNever;

    bool needs_keys() const { return condition && !condition->expected_keys.empty(); }
};

// A batch that was taken in; its answer is good once the log has committed it.
struct Appended {
    PartitionPtr partition;       // null: refused
    storage::Log* log = nullptr;  // the partition may have moved to another since
    storage::AppendResult result;
    size_t bytes = 0;
    PartitionResponse* answer = nullptr;
};

// Fills in the answer.
Task<Appended> append(Broker& broker, const RequestContext& context,
                      const metadata::TopicPtr& topic, Append what, PartitionResponse& answer) {
    const ByteView records = what.records;
    const PartitionIndex index = answer.index;
    PartitionPtr partition;
    if (const PartitionPtr* open = topic ? broker.partitions().find(topic->id, index) : nullptr) {
        partition = *open;
    } else {
        auto opened = co_await broker.partitions().get(topic, index);
        if (!opened) {
            answer = failed(index, opened.error().code);
            co_return Appended{};
        }
        partition = *std::move(opened);
    }
    // From the end of this loop to the append nothing is waited for, or what is known would be old.
    while (partition->paused() || (what.needs_keys() && !partition->log().knows_keys())) {
        if (partition->paused()) {
            co_await partition->until_resumed(broker.loop());
            continue;
        }
        const auto known = co_await partition->log().know_keys(broker.loop(), what.until);
        if (known) continue;
        answer = failed(index, known.error().code, known.error().message);
        co_return Appended{};
    }
    if (!partition->take_room(records.size(), broker.loop().wall_ms())) {
        answer = failed(index, ErrorCode::kafka_storage_error, "the log directory is full");
        co_return Appended{};
    }
    if (const ErrorCode refused = appendable(*partition, what.acks); refused != ErrorCode::none) {
        answer = failed(index, refused);
        co_return Appended{};
    }
    const storage::LeaderAppend how{.leader_epoch = partition->leader_epoch(),
                                    .now = broker.loop().wall_ms(),
                                    .produce_version = context.version,
                                    .must_be_verified = what.admitted != nullptr,
                                    .verification = what.admitted ? what.admitted->verification : 0,
                                    .condition = what.condition,
                                    .gather = what.gather};
    auto appended = partition->log().append_as_leader(batch_of(context, records), how);
    if (!appended) {
        answer = failed(index, appended.error().code, appended.error().wire_message);
        if (what.condition) report(*what.condition, appended.error(), answer);
        if (tells_log_start(appended.error()))
            answer.log_start_offset = partition->log().start_offset();
        for (const auto& wrong : appended.error().record_errors) {
            auto& record = answer.record_errors.emplace_back();
            record.batch_index = wrong.batch_index;
            record.batch_index_error_message = protocol::Str{wrong.message};
        }
        co_return Appended{};
    }
    answer.base_offset = appended->first_offset;
    answer.log_append_time_ms = appended->append_time;
    answer.log_start_offset = appended->log_start;
    storage::Log* const log = &partition->log();
    co_return Appended{std::move(partition), log, *std::move(appended), records.size(), &answer};
}

// All batches of the request wait together: most of them for one write, and one sync.
Task<void> commit_all(Broker& broker, std::vector<Appended> batches) {
    for (Appended& batch : batches) {
        storage::Log& log = *batch.log;
        if (!log.committed(batch.result))
            if (const auto done = co_await log.commit(batch.result); !done) {
                const bool gone = batch.partition->gone();
                *batch.answer =
                    failed(batch.answer->index,
                           gone ? ErrorCode::unknown_topic_or_partition : done.error().code,
                           gone ? std::nullopt : std::optional{done.error().message});
                continue;
            }
        batch.partition->advance();
        broker.metrics().produced_bytes += batch.bytes;
        ++broker.metrics().produced_batches;
    }
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

// What the coordinator says about the transactional batches of one request.
class Admissions {
public:
    using Key = std::pair<Uuid, PartitionIndex>;

    // Asks it, once for all. Partitions that cannot be opened are left to the append to refuse.
    Task<void> ask(Broker& broker, const RequestContext& context, const ProduceRequest& request) {
        const bool adds = context.version >= kFirstVersionThatAdds;
        if (!request.transactional_id) co_return;
        if (!adds && !broker.config().values().transaction_verification) co_return;
        const metadata::ImagePtr image = broker.image();
        for (const auto& data : request.topic_data) {
            const metadata::TopicPtr topic = topic_of(*image, context, data);
            if (!topic) continue;
            for (const auto& partition : data.partition_data) {
                const ByteView records = contiguous(partition.records);
                if (!is_transactional(records)) continue;
                auto opened = co_await broker.partitions().get(topic, partition.index);
                if (!opened) continue;
                const auto header = protocol::BatchHeaderView::parse(records);
                keys_.push_back({topic->id, partition.index});
                writes_.push_back({.partition = *std::move(opened),
                                   .producer_id = header->producer_id(),
                                   .epoch = header->producer_epoch(),
                                   .base_sequence = header->base_sequence()});
            }
        }
        const TransactionSupport support = adds ? TransactionSupport::add
                                                : (context.version >= kFirstVersionWithAbortable
                                                       ? TransactionSupport::verify_abortable
                                                       : TransactionSupport::verify);
        co_await admit(broker, *request.transactional_id, support, writes_);
    }
    // nullptr: the batch need not be checked.
    const TransactionalWrite* find(const Uuid& topic, PartitionIndex partition) const {
        const auto at = std::ranges::find(keys_, Key{topic, partition});
        return at == keys_.end() ? nullptr : &writes_[static_cast<size_t>(at - keys_.begin())];
    }

    static metadata::TopicPtr topic_of(const metadata::Image& image, const RequestContext& context,
                                       const ProduceRequest::TopicProduceData& data) {
        return context.version >= kFirstVersionWithTopicIds
                   ? image.topic(data.topic_id)
                   : image.topic(std::string_view{data.name});
    }

private:
    static constexpr int16_t kFirstVersionWithAbortable = 11;
    static constexpr int16_t kFirstVersionThatAdds = 12;

    std::vector<Key> keys_;
    std::vector<TransactionalWrite> writes_;
};

// Where the coordinator could not be asked, the producer is to try again later; not all versions
// know the true reason for such a one.
PartitionResponse not_admitted(PartitionIndex index, ErrorCode error, int16_t version) {
    constexpr int16_t kFirstVersionThatWaits = 12;
    switch (error) {
        case ErrorCode::concurrent_transactions:
            if (version >= kFirstVersionThatWaits) return failed(index, error);
            [[fallthrough]];
        case ErrorCode::coordinator_load_in_progress:
        case ErrorCode::coordinator_not_available:
        case ErrorCode::not_coordinator:
            return failed(
                index, ErrorCode::not_enough_replicas,
                fmt::format("the transaction could not be verified: {}", error_name(error)));
        case ErrorCode::invalid_txn_state:
            return failed(index, error, "the partition is not part of the transaction");
        default:
            return failed(index, error);
    }
}

}  // namespace

Task<Result<std::optional<ProduceResponse>>> produce(Broker& broker, RequestContext& context,
                                                     ProduceRequest& request) {
    ProduceResponse response;
    const bool known_acks = request.acks == 0 || request.acks == 1 || request.acks == kAcksAll;
    const metadata::ImagePtr image = broker.image();
    Admissions admissions;
    co_await admissions.ask(broker, context, request);
    const runtime::TimePoint until = broker.loop().now() + std::chrono::milliseconds{std::clamp(
                                                               request.timeout_ms, 0, kWaitMsMax)};
    const bool gather =
        request.topic_data.size() > 1 ||
        (request.topic_data.size() == 1 && request.topic_data.front().partition_data.size() > 1);
    std::vector<Appended> appended;
    response.responses.reserve(request.topic_data.size());  // its answers must not move
    for (auto& data : request.topic_data) {
        const bool by_id = context.version >= kFirstVersionWithTopicIds;
        const metadata::TopicPtr topic = Admissions::topic_of(*image, context, data);
        if (data.partition_data.empty()) continue;
        auto& out = response.responses.emplace_back();
        out.name = data.name;
        out.topic_id = data.topic_id;
        out.partition_responses.reserve(data.partition_data.size());
        for (auto& partition : data.partition_data) {
            const ByteView records = contiguous(partition.records);
            PartitionResponse& answer = out.partition_responses.emplace_back();
            answer.index = partition.index;
            if (topic && internal_refused(*topic, context)) {
                answer = failed(partition.index, ErrorCode::invalid_topic_exception);
            } else if (!known_acks) {
                answer = failed(partition.index, ErrorCode::invalid_required_acks);
            } else if (!topic) {
                answer = failed(partition.index, by_id ? ErrorCode::unknown_topic_id
                                                       : ErrorCode::unknown_topic_or_partition);
            } else if (is_transactional(records) && !request.transactional_id) {
                answer = failed(partition.index, ErrorCode::transactional_id_authorization_failed);
            } else if (const auto* admitted = admissions.find(topic->id, partition.index);
                       admitted && admitted->error != ErrorCode::none) {
                answer = not_admitted(partition.index, admitted->error, context.version);
            } else {
                auto condition = append_condition(partition);
                const Append what{.records = records,
                                  .acks = request.acks,
                                  .gather = gather,
                                  .admitted = admitted,
                                  .condition = condition ? &*condition : nullptr,
                                  .until = until};
                auto batch = co_await append(broker, context, topic, what, answer);
                if (batch.partition) appended.push_back(std::move(batch));
            }
        }
    }
    co_await commit_all(broker, std::move(appended));
    ErrorCode worst = ErrorCode::none;
    for (const auto& topic : response.responses)
        for (const auto& answer : topic.partition_responses)
            if (answer.error_code != 0) worst = static_cast<ErrorCode>(answer.error_code);
    if (request.acks != 0) co_return std::optional{std::move(response)};
    if (worst != ErrorCode::none) co_return fail(worst, "a batch sent with acks=0 was refused");
    co_return std::nullopt;
}

}  // namespace millrace::broker::api
