#include "transaction/transaction.h"

#include <fmt/format.h>

#include "coordinator/typed_record.h"
#include "protocol/records/transaction_log_key.h"
#include "protocol/records/transaction_log_value.h"

namespace millrace::transaction {
namespace {

using protocol::Str;
using protocol::TransactionLogKey;
using protocol::TransactionLogValue;

TransactionLogKey make_key(std::string_view transactional_id) {
    TransactionLogKey key;
    key.transactional_id = Str::borrow(transactional_id);
    return key;
}

}  // namespace

std::string_view state_name(State state) {
    switch (state) {
        case State::empty:
            return "Empty";
        case State::ongoing:
            return "Ongoing";
        case State::prepare_commit:
            return "PrepareCommit";
        case State::prepare_abort:
            return "PrepareAbort";
        case State::complete_commit:
            return "CompleteCommit";
        case State::complete_abort:
            return "CompleteAbort";
        case State::dead:
            return "Dead";
        case State::prepare_epoch_fence:
            return "PrepareEpochFence";
    }
    return "";
}

coordinator::Record to_record(std::string_view transactional_id, const Transaction& transaction,
                              int16_t transaction_version) {
    const int16_t version = transaction_version >= 1 ? 1 : 0;
    TransactionLogValue value;
    value.producer_id = transaction.producer_id;
    value.producer_epoch = transaction.epoch;
    value.transaction_timeout_ms = transaction.timeout_ms;
    value.transaction_status = static_cast<int8_t>(transaction.state);
    value.transaction_last_update_timestamp_ms = transaction.updated;
    value.transaction_start_timestamp_ms = transaction.started;
    if (version >= 1) {
        value.previous_producer_id = transaction.previous_producer_id;
        value.next_producer_id = transaction.next_producer_id;
        value.client_transaction_version = transaction.client_version;
    }
    value.transaction_partitions.reset();
    if (transaction.state != State::empty) {
        auto& topics = value.transaction_partitions.emplace();
        for (const auto& [topic, partitions] : transaction.partitions) {
            auto& out = topics.emplace_back();
            out.topic = Str::borrow(topic);
            out.partition_ids.assign(partitions.begin(), partitions.end());
        }
    }
    return coordinator::make_record(make_key(transactional_id), value, version);
}

coordinator::Record tombstone(std::string_view transactional_id) {
    return coordinator::make_tombstone(make_key(transactional_id));
}

Result<std::string> record_id(ByteView key) {
    TRY(const auto decoded, protocol::decode<TransactionLogKey>(key.subspan(2), 0));
    return decoded.transactional_id.str();
}

Result<Transaction> from_record(ByteView bytes) {
    TRY(const auto value, coordinator::decode_value<TransactionLogValue>(bytes));
    if (value.transaction_status < 0 ||
        value.transaction_status > static_cast<int8_t>(State::prepare_epoch_fence))
        return fail(ErrorCode::malformed,
                    fmt::format("a transaction in state {}", value.transaction_status));
    Transaction out{.producer_id = value.producer_id,
                    .previous_producer_id = value.previous_producer_id,
                    .next_producer_id = value.next_producer_id,
                    .epoch = value.producer_epoch,
                    .timeout_ms = value.transaction_timeout_ms,
                    .state = static_cast<State>(value.transaction_status),
                    .partitions = {},
                    .updated = value.transaction_last_update_timestamp_ms,
                    .started = value.transaction_start_timestamp_ms,
                    .client_version = value.client_transaction_version};
    if (value.transaction_partitions)
        for (const auto& topic : *value.transaction_partitions)
            out.partitions[topic.topic.str()].insert(topic.partition_ids.begin(),
                                                     topic.partition_ids.end());
    return out;
}

}  // namespace millrace::transaction
