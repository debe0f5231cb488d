#include "broker/transaction_admission.h"

namespace millrace::broker {
namespace {

using transaction::Producer;

// Producers know being fenced by another name than the coordinator's clients.
ErrorCode for_producer(ErrorCode error, TransactionSupport support) {
    if (error == ErrorCode::producer_fenced) return ErrorCode::invalid_producer_epoch;
    if (error == ErrorCode::transaction_abortable && support == TransactionSupport::verify)
        return ErrorCode::invalid_txn_state;
    return error;
}

}  // namespace

runtime::Task<void> admit(Broker& broker, std::string_view transactional_id,
                          TransactionSupport support, std::span<TransactionalWrite> writes) {
    const bool adds = support == TransactionSupport::add;
    std::vector<TransactionalWrite*> unknown;
    for (TransactionalWrite& write : writes) {
        storage::Log& log = write.partition->log();
        if (log.in_transaction(write.producer_id, write.epoch)) continue;
        write.verification = log.begin_verification({.producer_id = write.producer_id,
                                                     .epoch = write.epoch,
                                                     .base_sequence = write.base_sequence,
                                                     .epoch_bumps = adds,
                                                     .now = broker.loop().wall_ms()});
        unknown.push_back(&write);
    }
    if (unknown.empty()) co_return;
    const Producer producer{unknown.front()->producer_id, unknown.front()->epoch};
    auto& transactions = broker.transactions();
    transaction::PartitionSet partitions;
    for (TransactionalWrite* write : unknown) {
        const TopicPartition& name = write->partition->name();
        if (Producer{write->producer_id, write->epoch} != producer)
            write->error = ErrorCode::invalid_producer_id_mapping;
        else if (adds)
            partitions[name.topic].insert(name.partition);
        else
            write->error = for_producer(
                transactions.verify(transactional_id, producer, name.topic, name.partition),
                support);
    }
    if (!adds) co_return;
    const ErrorCode added =
        co_await transactions.add_partitions({.id = transactional_id,
                                              .producer = producer,
                                              .partitions = std::move(partitions),
                                              .client_version = transaction::kEpochBumps,
                                              .patient = true});
    for (TransactionalWrite* write : unknown)
        if (write->error == ErrorCode::none) write->error = for_producer(added, support);
}

}  // namespace millrace::broker
