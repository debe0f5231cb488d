// Produce, as the leader of the stand-in cluster answers it.

#include "protocol/record_batch.h"
#include "sim/client/cluster/stand_in_broker.h"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using enum ErrorCode;
using runtime::Task;
using PartitionAnswer = protocol::ProduceResponse::PartitionProduceResponse;

constexpr int16_t kFirstWithTopicIds = 13;
constexpr int16_t kFirstThatAdds = 12;
constexpr int16_t kFirstWithHints = 10;

// Nothing was appended.
constexpr ErrorCode kRefusals[] = {
    not_leader_or_follower,     leader_not_available, not_enough_replicas,
    unknown_topic_or_partition, corrupt_message,      kafka_storage_error,
    request_timed_out,          fenced_leader_epoch,  network_exception};
constexpr ErrorCode kRefusalsById[] = {not_leader_or_follower, not_enough_replicas,
                                       unknown_topic_id, inconsistent_topic_id,
                                       kafka_storage_error};
// It was, and may stay: the leader changed while it waited for the replicas, they are too few now,
// they were too slow, the directory failed.
constexpr ErrorCode kAfterAppend[] = {not_leader_or_follower, not_enough_replicas_after_append,
                                      request_timed_out, kafka_storage_error,
                                      unknown_topic_or_partition};

}  // namespace

ErrorCode StandInBroker::leads(const StandInPartition& partition, LeaderEpoch client_knows) const {
    if (partition.leader != id_) return not_leader_or_follower;
    if (client_knows >= 0 && client_knows < partition.epoch) return fenced_leader_epoch;
    if (client_knows > partition.epoch) return unknown_leader_epoch;
    return none;
}

PartitionAnswer StandInBroker::refused(StandInPartition* partition, PartitionIndex index,
                                       ErrorCode code) {
    PartitionAnswer out;
    out.index = index;
    out.error_code = static_cast<int16_t>(code);
    out.base_offset = -1;
    const bool moved = code == not_leader_or_follower || code == fenced_leader_epoch;
    if (partition && moved && loop().rng().chance(0.5)) {
        out.current_leader.leader_id = partition->leader;
        out.current_leader.leader_epoch = partition->epoch;
    }
    return out;
}

// Until the replicas have it.
Task<ErrorCode> StandInBroker::commit(StandInPartition& partition, Offset last, LeaderEpoch epoch,
                                      runtime::TimePoint deadline) {
    runtime::Subscriber waiting{loop()};
    waiting.subscribe(partition.log.changed);
    for (;;) {
        if (partition.epoch != epoch) co_return not_leader_or_follower;
        if (partition.log.high_watermark() > last) co_return none;
        if (!co_await waiting.wait_until(deadline)) co_return request_timed_out;
    }
}

Task<void> StandInBroker::produce_one(const Call& call, const protocol::ProduceRequest& request,
                                      StandInPartition* partition, bool by_id, ByteView records,
                                      PartitionAnswer& answer) {
    const PartitionIndex index = answer.index;
    if (!partition) {
        answer = refused(nullptr, index, by_id ? unknown_topic_id : unknown_topic_or_partition);
        co_return;
    }
    const auto injected = inject(by_id ? std::span<const ErrorCode>{kRefusalsById} : kRefusals,
                                 request.acks == -1 ? kAfterAppend : std::span<const ErrorCode>{});
    if (injected && !injected->perform) {
        answer = refused(partition, index, injected->code);
        co_return;
    }
    const auto batch = protocol::BatchView::parse(records);
    if (!batch) {
        answer = refused(partition, index, corrupt_message);
        co_return;
    }
    storage::ProducerState::Append how;
    ErrorCode code = leads(*partition, -1);
    if (code == none && batch->is_transactional() && request.transactional_id) {
        how.must_be_verified = true;
        code =
            co_await admit(request.transactional_id->str(), *partition,
                           {batch->producer_id(), batch->producer_epoch()}, batch->base_sequence(),
                           call.version >= kFirstThatAdds, how.verification);
        if (code == none) code = leads(*partition, -1);
    }
    if (code != none) {
        answer = refused(partition, index, code);
        co_return;
    }
    const LeaderEpoch epoch = partition->epoch;
    const auto appended = partition->log.append({records.begin(), records.end()}, epoch, how);
    if (!appended) {
        answer = refused(partition, index, appended.code());
        co_return;
    }
    if (!appended->duplicate) cluster_.appended(*partition);
    if (request.acks == -1) {
        const auto patience = std::chrono::milliseconds{request.timeout_ms};
        code = co_await commit(*partition, appended->last, epoch, loop().now() + patience);
    }
    if (injected) code = injected->code;
    if (code != none) {
        answer = refused(partition, index, code);
        co_return;
    }
    answer.base_offset = appended->first;
    answer.log_start_offset = 0;
}

// Partitions one after the other: what waits for replicas holds the others up, which a slow broker
// does as well.
Task<protocol::ProduceResponse> StandInBroker::produce(const Call& call,
                                                       const protocol::ProduceRequest& request) {
    protocol::ProduceResponse response;
    const bool by_id = call.version >= kFirstWithTopicIds;
    for (const auto& data : request.topic_data) {
        const StandInTopic* known = by_id ? cluster_.topic(data.topic_id) : nullptr;
        const std::string name = by_id ? (known ? known->name : std::string{}) : data.name.str();
        auto& out = response.responses.emplace_back();
        out.name = data.name;
        out.topic_id = data.topic_id;
        for (const auto& part : data.partition_data) {
            PartitionAnswer answer;
            answer.index = part.index;
            const ByteView records = part.records && !part.records->empty()
                                         ? part.records->parts().front().bytes
                                         : ByteView{};
            co_await produce_one(call, request, cluster_.find(name, part.index), by_id, records,
                                 answer);
            out.partition_responses.push_back(std::move(answer));
        }
    }
    if (call.version >= kFirstWithHints)
        for (const auto& machine : cluster_.machines()) {
            auto& node = response.node_endpoints.emplace_back();
            node.node_id = machine->id;
            node.host = machine->node.name();
            node.port = 9092;
        }
    co_return response;
}

}  // namespace millrace::sim
