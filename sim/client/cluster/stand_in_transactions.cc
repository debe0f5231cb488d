// FindCoordinator and the transaction APIs of a stand-in broker, and what brokers ask of each other
// for transactions.

#include "coordinator/partition_hash.h"
#include "sim/client/cluster/stand_in_broker.h"
#include "sim/client/cluster/stand_in_coordinators.h"

namespace millrace::sim {
namespace {

using namespace std::chrono_literals;
using enum ErrorCode;
using runtime::Task;

constexpr int8_t kTransactionKey = 1;
constexpr Duration kPatience = 2s;  // with another broker
constexpr int16_t kFirstWithFenced = 2;
constexpr int16_t kFirstOfBrokers = 4;
constexpr int16_t kFirstWithBumps = 5;
constexpr ErrorCode kFindErrors[] = {coordinator_not_available};
constexpr ErrorCode kInitErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                     not_coordinator, concurrent_transactions};
constexpr ErrorCode kInitPerformed[] = {coordinator_not_available, not_coordinator};
constexpr ErrorCode kIdErrors[] = {coordinator_load_in_progress, coordinator_not_available};
constexpr ErrorCode kAddErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                    not_coordinator, concurrent_transactions};
constexpr ErrorCode kOffsetErrors[] = {coordinator_load_in_progress, coordinator_not_available,
                                       not_coordinator, unknown_topic_or_partition,
                                       request_timed_out};

int16_t fenced_for(ErrorCode error, int16_t version, int16_t first_with_fenced) {
    if (error == producer_fenced && version < first_with_fenced) error = invalid_producer_epoch;
    return static_cast<int16_t>(error);
}

ErrorCode for_producer(ErrorCode error) {
    return error == producer_fenced ? invalid_producer_epoch : error;
}

// What an errand brings back.
struct Errand {
    std::optional<ErrorCode> code;
    runtime::Event done;
};

}  // namespace

NodeId StandInBroker::coordinator_of(int8_t key_type, std::string_view key) {
    const auto topic = key_type == kTransactionKey ? kTransactionsTopic : kOffsetsTopic;
    const auto count =
        static_cast<int32_t>(cluster_.topics().find(topic)->second.partitions.size());
    return machine().knows[{std::string(topic), coordinator::partition_for_key(key, count)}].node;
}

Task<protocol::FindCoordinatorResponse> StandInBroker::find_coordinator(
    const Call& call, const protocol::FindCoordinatorRequest& request) {
    protocol::FindCoordinatorResponse response;
    const auto find = [&](std::string_view key, auto& out) {
        NodeId node = coordinator_of(request.key_type, key);
        if (inject(kFindErrors, {})) node = -1;
        out.node_id = node;
        out.port = node < 0 ? -1 : 9092;
        if (node >= 0) out.host = cluster_.at(node).node.name();
        if (node < 0) out.error_code = static_cast<int16_t>(coordinator_not_available);
    };
    constexpr int16_t kFirstWithBatches = 4;
    if (call.version < kFirstWithBatches) {
        find(request.key, response);
    } else {
        for (const auto& key : request.coordinator_keys) {
            auto& out = response.coordinators.emplace_back();
            out.key = key;
            find(key, out);
        }
    }
    co_return response;
}

Task<protocol::InitProducerIdResponse> StandInBroker::init_producer_id(
    const Call& call, const protocol::InitProducerIdRequest& request) {
    constexpr int16_t kInitFirstWithFenced = 4;
    protocol::InitProducerIdResponse response;
    response.producer_epoch = -1;
    const auto injected =
        request.transactional_id ? inject(kInitErrors, kInitPerformed) : inject(kIdErrors, {});
    if (injected) response.error_code = static_cast<int16_t>(injected->code);
    if (injected && !injected->perform) co_return response;
    if (!request.transactional_id) {
        response.producer_id = cluster_.new_producer_id();
        response.producer_epoch = 0;
        co_return response;
    }
    transaction::TransactionCoordinator::Init init{.id = *request.transactional_id,
                                                   .timeout_ms = request.transaction_timeout_ms};
    if (request.producer_id != -1)
        init.expected.emplace(request.producer_id, request.producer_epoch);
    const auto outcome = co_await transactions_->init_producer_id(init);
    if (injected) co_return response;
    response.error_code = fenced_for(outcome.error, call.version, kInitFirstWithFenced);
    if (outcome.error != none) co_return response;
    response.producer_id = outcome.producer.id;
    response.producer_epoch = outcome.producer.epoch;
    co_return response;
}

// Up to version 3: what a producer asks. Brokers ask each other otherwise here.
Task<protocol::AddPartitionsToTxnResponse> StandInBroker::add_partitions_to_txn(
    const Call& call, const protocol::AddPartitionsToTxnRequest& request) {
    protocol::AddPartitionsToTxnResponse response;
    INVARIANT(call.version < kFirstOfBrokers);
    const auto injected = inject(kAddErrors, kInitPerformed);
    ErrorCode code = injected ? injected->code : none;
    if (!injected || injected->perform) {
        transaction::PartitionSet partitions;
        for (const auto& topic : request.v3_and_below_topics)
            for (const PartitionIndex index : topic.partitions)
                partitions[topic.name.str()].insert(index);
        const ErrorCode added = co_await transactions_->add_partitions(
            {.id = request.v3_and_below_transactional_id,
             .producer = {request.v3_and_below_producer_id, request.v3_and_below_producer_epoch},
             .partitions = std::move(partitions)});
        if (!injected) code = added;
    }
    for (const auto& topic : request.v3_and_below_topics) {
        auto& out = response.results_by_topic_v3_and_below.emplace_back();
        out.name = topic.name;
        for (const PartitionIndex index : topic.partitions)
            out.results_by_partition.push_back(
                {index, fenced_for(code, call.version, kFirstWithFenced)});
    }
    co_return response;
}

Task<protocol::AddOffsetsToTxnResponse> StandInBroker::add_offsets_to_txn(
    const Call& call, const protocol::AddOffsetsToTxnRequest& request) {
    protocol::AddOffsetsToTxnResponse response;
    const auto injected = inject(kAddErrors, kInitPerformed);
    if (injected) response.error_code = static_cast<int16_t>(injected->code);
    if (injected && !injected->perform) co_return response;
    const ErrorCode error = co_await transactions_->add_partitions(
        {.id = request.transactional_id,
         .producer = {request.producer_id, request.producer_epoch},
         .partitions = {{std::string{kOffsetsTopic}, {groups_->partition_for(request.group_id)}}}});
    if (!injected) response.error_code = fenced_for(error, call.version, kFirstWithFenced);
    co_return response;
}

Task<protocol::EndTxnResponse> StandInBroker::end_txn(const Call& call,
                                                      const protocol::EndTxnRequest& request) {
    protocol::EndTxnResponse response;
    const auto injected = inject(kAddErrors, kInitPerformed);
    if (injected) response.error_code = static_cast<int16_t>(injected->code);
    if (injected && !injected->perform) co_return response;
    const bool bumps = call.version >= kFirstWithBumps;
    const auto ended = co_await transactions_->end(
        {.id = request.transactional_id,
         .producer = {request.producer_id, request.producer_epoch},
         .commit = request.committed,
         .client_version = bumps ? transaction::kEpochBumps : int16_t{0}});
    if (injected) co_return response;
    response.error_code = fenced_for(ended.error, call.version, kFirstWithFenced);
    response.producer_id = ended.producer.id;
    response.producer_epoch = ended.producer.epoch;
    co_return response;
}

Task<protocol::TxnOffsetCommitResponse> StandInBroker::txn_offset_commit(
    const Call& call, const protocol::TxnOffsetCommitRequest& request) {
    const auto all = [&](ErrorCode code) {
        protocol::TxnOffsetCommitResponse response;
        for (const auto& topic : request.topics) {
            auto& out = response.topics.emplace_back();
            out.name = topic.name;
            for (const auto& partition : topic.partitions)
                out.partitions.push_back({partition.partition_index, static_cast<int16_t>(code)});
        }
        return response;
    };
    const auto injected = inject(kOffsetErrors, kOffsetErrors);
    if (injected && !injected->perform) co_return all(injected->code);
    constexpr int16_t kFirstThatAdds = 5;
    StandInPartition* const partition =
        cluster_.find(kOffsetsTopic, groups_->partition_for(request.group_id));
    if (leads(*partition, -1) != none) co_return all(not_coordinator);
    coordinator::TransactionalWriter writer{.producer_id = request.producer_id,
                                            .producer_epoch = request.producer_epoch};
    const ErrorCode refused = co_await admit(request.transactional_id.str(), *partition,
                                             {request.producer_id, request.producer_epoch}, -1,
                                             call.version >= kFirstThatAdds, writer.verification);
    if (refused != none)
        co_return all(refused == not_enough_replicas ? coordinator_load_in_progress : refused);
    const group::RequestContext context{
        .api_version = call.version, .client_id = call.client_id, .client_host = "/10.0.0.9"};
    auto response = co_await groups_->txn_offset_commit(context, request, writer);
    if (injected) co_return all(injected->code);
    co_return std::move(response);
}

// Whether a partition may be written to as part of a transaction; its coordinator says so, or adds
// it. not_enough_replicas: it could not be asked.
Task<ErrorCode> StandInBroker::admit(std::string id, StandInPartition& partition,
                                     transaction::Producer producer, int32_t sequence, bool adds,
                                     uint64_t& verification) {
    auto& log = partition.log.producers();
    if (log.in_transaction(producer.id, producer.epoch)) co_return none;
    verification = log.begin_verification({.producer_id = producer.id,
                                           .epoch = producer.epoch,
                                           .base_sequence = sequence,
                                           .epoch_bumps = adds,
                                           .now = loop().wall_ms()});
    const NodeId node = coordinator_of(kTransactionKey, id);
    if (node < 0) co_return not_enough_replicas;
    auto errand = std::make_shared<Errand>();
    auto ask = [](StandInBroker& other, std::string i, transaction::Producer p, TopicPartition tp,
                  bool a, std::shared_ptr<Errand> e) -> Task<void> {
        if (a) {
            transaction::PartitionSet partitions;
            partitions[tp.topic].insert(tp.partition);
            e->code = co_await other.transactions_->add_partitions(
                {.id = i,
                 .producer = p,
                 .partitions = std::move(partitions),
                 .client_version = transaction::kEpochBumps,
                 .patient = true});
        } else {
            e->code = other.transactions_->verify(i, p, tp.topic, tp.partition);
        }
        e->done.set();
    };
    cluster_.send(node, [=, place = partition.place](StandInBroker& other) -> Task<void> {
        co_await ask(other, id, producer, place, adds, errand);
    });
    co_await errand->done.wait_until(loop(), loop().now() + kPatience);
    const ErrorCode code = errand->code.value_or(not_coordinator);
    if (code == not_coordinator || code == coordinator_load_in_progress ||
        code == coordinator_not_available)
        co_return not_enough_replicas;
    co_return for_producer(code);
}

Task<Result<ProducerId>> StandInBroker::new_producer_id() {
    co_return cluster_.new_producer_id();
}

Task<ErrorCode> StandInBroker::write_marker(const TopicPartition& place,
                                            const coordinator::Marker& marker) {
    const NodeId node = machine().knows[place].node;
    if (node < 0) co_return not_leader_or_follower;
    auto errand = std::make_shared<Errand>();
    auto write = [](StandInBroker& other, TopicPartition tp, coordinator::Marker m,
                    std::shared_ptr<Errand> e) -> Task<void> {
        e->code = co_await other.take_marker(tp, m);
        e->done.set();
    };
    cluster_.send(node, [=](StandInBroker& other) -> Task<void> {
        co_await write(other, place, marker, errand);
    });
    co_await errand->done.wait_until(loop(), loop().now() + kPatience);
    co_return errand->code.value_or(request_timed_out);
}

Task<ErrorCode> StandInBroker::take_marker(TopicPartition place, coordinator::Marker marker) {
    if (place.topic == kOffsetsTopic)
        co_return co_await groups_->end_transaction(place.partition, marker);
    StandInPartition* const partition = cluster_.find(place.topic, place.partition);
    if (!partition) co_return unknown_topic_or_partition;
    if (leads(*partition, -1) != none) co_return not_leader_or_follower;
    const LeaderEpoch epoch = partition->epoch;
    auto batch = marker_batch(marker, loop().wall_ms());
    INVARIANT(batch.has_value());
    const auto appended =
        partition->log.append(*std::move(batch), epoch,
                              {.origin = protocol::AppendOrigin::coordinator,
                               .transaction_version = marker.transaction_version});
    if (!appended) co_return appended.code();
    cluster_.appended(*partition);
    co_return co_await commit(*partition, appended->last, epoch, loop().now() + kPatience);
}

}  // namespace millrace::sim
