#include "client/admin.h"
#include "protocol/messages/describe_producers.h"
#include "protocol/messages/describe_transactions.h"
#include "protocol/messages/list_transactions.h"

namespace millrace::client {

using protocol::Str;

runtime::Task<Result<std::vector<TransactionListing>>> Admin::list_transactions(
    int64_t running_ms_min, std::string id_pattern) {
    const auto until = deadline();
    CO_TRY_OK(co_await know_brokers(until));
    protocol::ListTransactionsRequest request;
    request.duration_filter = running_ms_min;
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
    const auto until = deadline();
    CO_TRY(const Leaders leaders, co_await leaders_of({partition}, until));
    if (!leaders.refused.empty()) co_return leaders.refused.begin()->second;
    protocol::DescribeProducersRequest request;
    request.topics.push_back({Str::borrow(partition.topic), {partition.partition}});
    CO_TRY(const auto reply,
           co_await cluster_.call(leaders.by_node.begin()->first, request, until));
    std::vector<ActiveProducer> out;
    for (const auto& topic : reply->topics)
        for (const auto& p : topic.partitions) {
            if (p.error_code != 0) co_return said_error(p.error_code, p.error_message);
            for (const auto& one : p.active_producers)
                out.push_back({one.producer_id, one.producer_epoch, one.coordinator_epoch,
                               one.last_sequence, one.last_timestamp,
                               one.current_txn_start_offset});
        }
    co_return out;
}

}  // namespace millrace::client
