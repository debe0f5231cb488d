// Transactions and who writes.
#pragma once

#include <string>
#include <vector>

#include "base/units.h"
#include "client/admin/outcome.h"

namespace millrace::client {

struct TransactionListing {
    std::string id;
    NodeId coordinator = -1;
    ProducerId producer = -1;
    std::string state;
};
struct TransactionDescription {
    std::string id;
    Error error{ErrorCode::none, {}};
    NodeId coordinator = -1;
    std::string state;
    int32_t timeout_ms = 0;
    TimestampMs started = -1;  // -1: none is open
    ProducerId producer = -1;
    ProducerEpoch epoch = -1;
    std::vector<TopicPartition> partitions;
};
struct ActiveProducer {
    ProducerId producer = -1;
    int32_t epoch = -1;
    int32_t coordinator_epoch = -1;
    int32_t last_sequence = -1;
    TimestampMs last_timestamp = -1;
    Offset transaction_start = -1;  // -1: no transaction is open
};
struct PartitionProducers {
    Error error{ErrorCode::none, {}};
    std::vector<ActiveProducer> producers;
};
// Which transaction of a partition to end, and who did it as its coordinator.
struct AbortedTransaction {
    TopicPartition partition;
    ProducerId producer = -1;
    ProducerEpoch epoch = -1;
    int32_t coordinator_epoch = 0;
};

}  // namespace millrace::client
