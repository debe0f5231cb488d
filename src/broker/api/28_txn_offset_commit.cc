// TxnOffsetCommit: offsets that count when the producer's transaction commits. From version 5 on the
// group's partition becomes part of the transaction by that (KIP-890). Kafka:
// KafkaApis.handleTxnOffsetCommitRequest, GroupCoordinatorService.commitTransactionalOffsets.

#include "broker/api/group_calls.h"
#include "broker/api/transaction_calls.h"
#include "broker/coordinator_host.h"

namespace millrace::broker::api {
namespace {

using Request = protocol::TxnOffsetCommitRequest;
using Response = protocol::TxnOffsetCommitResponse;

constexpr int16_t kFirstVersionWithAbortable = 4;
constexpr int16_t kFirstVersionThatAdds = 5;

Response refused(const Request& request, ErrorCode error) {
    Response response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name;
        for (const auto& partition : topic.partitions)
            out.partitions.push_back({partition.partition_index, static_cast<int16_t>(error)});
    }
    return response;
}

TransactionSupport support_of(int16_t version) {
    if (version >= kFirstVersionThatAdds) return TransactionSupport::add;
    return version >= kFirstVersionWithAbortable ? TransactionSupport::verify_abortable
                                                 : TransactionSupport::verify;
}

// The coordinator's absence means the group's to this client.
ErrorCode for_offsets(ErrorCode error) {
    return error == ErrorCode::network_exception ? ErrorCode::coordinator_load_in_progress : error;
}

}  // namespace

Task<Response> txn_offset_commit(Broker& broker, RequestContext& context, const Request& request) {
    if (request.group_id.empty()) co_return refused(request, ErrorCode::invalid_group_id);
    coordinator::TransactionalWriter writer{.producer_id = request.producer_id,
                                            .producer_epoch = request.producer_epoch};
    const TransactionSupport support = support_of(context.version);
    writer.must_be_verified =
        broker.config().values().transaction_verification || support == TransactionSupport::add;
    if (writer.must_be_verified) {
        const auto topic = broker.image()->topic(kOffsetsTopic);
        auto opened = co_await broker.partitions().get(
            topic, broker.groups().partition_for(request.group_id));
        if (!opened) co_return refused(request, ErrorCode::not_coordinator);
        TransactionalWrite write{.partition = *std::move(opened),
                                 .producer_id = request.producer_id,
                                 .epoch = request.producer_epoch};
        co_await admit(broker, request.transactional_id, support, {&write, 1});
        if (write.error != ErrorCode::none) co_return refused(request, for_offsets(write.error));
        writer.verification = write.verification;
    }
    const auto group_context = to_group_context(context);
    co_return co_await broker.groups().txn_offset_commit(group_context, request, writer);
}

}  // namespace millrace::broker::api
