// AddPartitionsToTxn: up to version 3 a producer's, before it writes to them; from version 4 on
// batched, between brokers, and possibly only to verify (KIP-890). Kafka:
// KafkaApis.handleAddPartitionsToTxnRequest.

#include "broker/api/transaction_calls.h"

namespace millrace::broker::api {
namespace {

using Request = protocol::AddPartitionsToTxnRequest;
using Response = protocol::AddPartitionsToTxnResponse;
using Topics = std::vector<Request::AddPartitionsToTxnTopic>;
using TopicResults = std::vector<Response::AddPartitionsToTxnTopicResult>;

constexpr int16_t kFirstVersionOfBrokers = 4;
constexpr int16_t kFirstVersionWithFenced = 2;

struct Transaction {
    std::string_view id;
    transaction::Producer producer;
    bool verify_only = false;
    const Topics& topics;
};

// Why the partition cannot be part of a transaction at all. Producers may not write to internal
// topics; brokers ask for them where offsets are committed.
ErrorCode refused(const metadata::Image& image, std::string_view topic, PartitionIndex partition,
                  int16_t version) {
    if (version < kFirstVersionOfBrokers && metadata::is_internal_topic(topic))
        return ErrorCode::topic_authorization_failed;
    const auto found = image.topic(topic);
    return found && found->partition(partition) ? ErrorCode::none
                                                : ErrorCode::unknown_topic_or_partition;
}

void answer(TopicResults& out, std::string_view topic, PartitionIndex partition, int16_t error) {
    if (out.empty() || out.back().name != topic) out.emplace_back().name = topic;
    out.back().results_by_partition.push_back({partition, error});
}

// All or nothing: where one partition is refused, the others are not even tried.
Task<TopicResults> add(Broker& broker, Transaction wanted, int16_t version) {
    const metadata::ImagePtr image = broker.image();
    bool all_good = true;
    transaction::PartitionSet partitions;
    for (const auto& topic : wanted.topics)
        for (const PartitionIndex index : topic.partitions) {
            partitions[topic.name.str()].insert(index);
            all_good = all_good && refused(*image, topic.name, index, version) == ErrorCode::none;
        }
    ErrorCode error = ErrorCode::operation_not_attempted;
    if (all_good && !wanted.verify_only)
        error = co_await broker.transactions().add_partitions(
            {.id = wanted.id,
             .producer = wanted.producer,
             .partitions = std::move(partitions),
             .client_version =
                 version >= kFirstVersionOfBrokers ? transaction::kEpochBumps : int16_t{0}});
    TopicResults out;
    for (const auto& topic : wanted.topics)
        for (const PartitionIndex index : topic.partitions) {
            ErrorCode one = refused(*image, topic.name, index, version);
            if (one == ErrorCode::none) one = error;
            if (all_good && wanted.verify_only)
                one = broker.transactions().verify(wanted.id, wanted.producer, topic.name, index);
            answer(out, topic.name, index, fenced_for(one, version, kFirstVersionWithFenced));
        }
    co_return out;
}

}  // namespace

Task<Response> add_partitions_to_txn(Broker& broker, RequestContext& context,
                                     const Request& request) {
    Response response;
    if (context.version < kFirstVersionOfBrokers) {
        response.results_by_topic_v3_and_below = co_await add(
            broker,
            {.id = request.v3_and_below_transactional_id,
             .producer = {request.v3_and_below_producer_id, request.v3_and_below_producer_epoch},
             .topics = request.v3_and_below_topics},
            context.version);
        co_return response;
    }
    for (const auto& transaction : request.transactions) {
        auto results =
            co_await add(broker,
                         {.id = transaction.transactional_id,
                          .producer = {transaction.producer_id, transaction.producer_epoch},
                          .verify_only = transaction.verify_only,
                          .topics = transaction.topics},
                         context.version);
        auto& out = response.results_by_transaction.emplace_back();
        out.transactional_id = transaction.transactional_id;
        out.topic_results = std::move(results);
    }
    co_return response;
}

}  // namespace millrace::broker::api
