#include "client/admin.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/describe_transactions.h"
#include "protocol/messages/init_producer_id.h"
#include "protocol/messages/list_transactions.h"
#include "protocol/messages/write_txn_markers.h"

namespace millrace::client {

using protocol::Str;

runtime::Task<Result<std::vector<TransactionListing>>> Admin::list_transactions(
    int64_t running_ms_min, std::string id_pattern, std::vector<ProducerId> producers) {
    const auto until = deadline();
    CO_TRY_OK(co_await know_brokers(until));
    protocol::ListTransactionsRequest request;
    request.duration_filter = running_ms_min;
    request.producer_id_filters = std::move(producers);
    if (!id_pattern.empty()) request.transactional_id_pattern = Str::borrow(id_pattern);
    std::vector<NodeId> nodes;
    for (const auto& [id, broker] : cluster_.metadata().brokers()) nodes.push_back(id);
    std::vector<TransactionListing> out;
    for (const NodeId node : nodes) {
        for (int failures = 0;; ++failures) {
            CO_TRY(const auto reply, co_await cluster_.call(node, request, until));
            const Error error = said_error(reply->error_code);
            if (moved_or_loading(error.code)) {
                CO_TRY_OK(co_await cluster_.pause(failures, until, error));
                continue;
            }
            if (error.code != ErrorCode::none) co_return error;
            for (const auto& one : reply->transaction_states)
                out.push_back({one.transactional_id.str(), node, one.producer_id,
                               one.transaction_state.str()});
            break;
        }
    }
    co_return out;
}

runtime::Task<Result<TransactionDescription>> Admin::describe_transaction(std::string id) {
    protocol::DescribeTransactionsRequest request;
    request.transactional_ids = {Str::borrow(id)};
    const auto code = [](const protocol::DescribeTransactionsResponse& body) {
        return body.transaction_states.empty() ? int16_t{0} : body.transaction_states[0].error_code;
    };
    CO_TRY(const auto reply,
           co_await call_coordinator(CoordinatorType::transaction, id, request, code, INT16_MAX));
    if (reply->transaction_states.empty()) co_return fail(ErrorCode::unknown_server_error);
    const auto& said = reply->transaction_states[0];
    TransactionDescription out{.id = id,
                               .error = said_error(said.error_code),
                               .state = said.transaction_state.str(),
                               .timeout_ms = said.transaction_timeout_ms,
                               .started = said.transaction_start_time_ms,
                               .producer = said.producer_id,
                               .epoch = said.producer_epoch};
    for (const auto& topic : said.topics)
        for (const PartitionIndex p : topic.partitions)
            out.partitions.push_back({topic.topic.str(), p});
    CO_TRY(out.coordinator,
           co_await cluster_.coordinator(CoordinatorType::transaction, id, deadline()));
    co_return out;
}

runtime::Task<Result<std::vector<ActiveProducer>>> Admin::describe_producers(
    TopicPartition partition) {
    CO_TRY(auto found, co_await describe_producers(std::vector{partition}));
    PartitionProducers& one = found[partition];
    if (one.error.code != ErrorCode::none) co_return one.error;
    co_return std::move(one.producers);
}

runtime::Task<Result<std::map<TopicPartition, PartitionProducers>>> Admin::describe_producers(
    std::vector<TopicPartition> partitions, std::optional<NodeId> broker) {
    const auto until = deadline();
    std::map<TopicPartition, PartitionProducers> out;
    Leaders asked;
    if (broker) {
        CO_TRY_OK(co_await know_brokers(until));
        asked.by_node[*broker] = std::move(partitions);
    } else {
        CO_TRY(asked, co_await leaders_of(std::move(partitions), until));
    }
    for (const auto& [tp, error] : asked.refused) out[tp].error = error;
    for (const auto& [node, theirs] : asked.by_node) {
        protocol::DescribeProducersRequest request;
        std::map<std::string, std::vector<PartitionIndex>> topics;
        for (const TopicPartition& tp : theirs) topics[tp.topic].push_back(tp.partition);
        for (const auto& [topic, indexes] : topics)
            request.topics.push_back({Str::borrow(topic), indexes});
        CO_TRY(const auto reply, co_await cluster_.call(node, request, until));
        for (const auto& topic : reply->topics)
            for (const auto& p : topic.partitions) {
                PartitionProducers& one = out[{topic.name.str(), p.partition_index}];
                one.error = said_error(p.error_code, p.error_message);
                for (const auto& producer : p.active_producers)
                    one.producers.push_back({producer.producer_id, producer.producer_epoch,
                                             producer.coordinator_epoch, producer.last_sequence,
                                             producer.last_timestamp,
                                             producer.current_txn_start_offset});
            }
    }
    co_return out;
}

runtime::Task<Result<void>> Admin::abort_transaction(AbortedTransaction which) {
    const auto until = deadline();
    CO_TRY(const Leaders leaders, co_await leaders_of({which.partition}, until));
    if (!leaders.refused.empty()) co_return leaders.refused.begin()->second;
    protocol::WriteTxnMarkersRequest request;
    request.markers.push_back(
        {.producer_id = which.producer,
         .producer_epoch = which.epoch,
         .transaction_result = false,
         .topics = {{Str::borrow(which.partition.topic), {which.partition.partition}}},
         .coordinator_epoch = which.coordinator_epoch});
    CO_TRY(const auto reply,
           co_await cluster_.call(leaders.by_node.begin()->first, request, until));
    for (const auto& marker : reply->markers)
        for (const auto& topic : marker.topics)
            for (const auto& p : topic.partitions)
                if (p.error_code != 0) co_return said_error(p.error_code);
    co_return {};
}

runtime::Task<Result<void>> Admin::force_terminate_transaction(std::string id) {
    protocol::InitProducerIdRequest request;
    request.transactional_id = Str::borrow(id);
    request.transaction_timeout_ms =
        static_cast<int32_t>(cluster_.config().request_timeout.count());
    const auto code = [](const protocol::InitProducerIdResponse& body) { return body.error_code; };
    const auto until = deadline();
    for (int failures = 0;; ++failures) {
        CO_TRY(const auto reply, co_await call_coordinator(CoordinatorType::transaction, id,
                                                           request, code, INT16_MAX));
        const Error error = said_error(reply->error_code);
        if (error.code == ErrorCode::none) co_return {};
        // What was open is being aborted.
        if (error.code != ErrorCode::concurrent_transactions) co_return error;
        CO_TRY_OK(co_await cluster_.pause(failures, until, error));
    }
}

}  // namespace millrace::client
