// Whether a partition may be written to as part of a transaction (KIP-890): where the transaction
// is not open yet, its coordinator is asked, or told to add the partition.
//
// Loop: the shard's. Kafka: AddPartitionsToTxnManager, Partition.maybeStartTransactionVerification.
#pragma once

#include <span>
#include <string_view>

#include "broker/broker.h"

namespace millrace::broker {

// What a client's request can be told, by its version.
enum class TransactionSupport : uint8_t {
    verify,            // the client adds partitions itself; refusals are invalid_txn_state
    verify_abortable,  // the same, and it knows transaction_abortable
    add,               // partitions are added by writing to them
};

struct TransactionalWrite {
    PartitionPtr partition;
    ProducerId producer_id = -1;
    ProducerEpoch epoch = -1;
    int32_t base_sequence = -1;
    // Filled in. Without an error, `verification` is to be given to the append.
    ErrorCode error = ErrorCode::none;
    uint64_t verification = 0;
};

// All of one transactional id. Errors: invalid_producer_id_mapping, invalid_producer_epoch,
// invalid_txn_state or transaction_abortable, concurrent_transactions, and those of a coordinator
// that is not there.
runtime::Task<void> admit(Broker& broker, std::string_view transactional_id,
                          TransactionSupport support, std::span<TransactionalWrite> writes);

}  // namespace millrace::broker
