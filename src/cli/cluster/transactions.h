// What the commands about transactions do, for `millrace transactions` and kafka-transactions alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cluster/session.h"

namespace millrace::cli {

// Where to look for transactions that hang.
struct HangingSearch {
    std::optional<std::string> topic;         // nothing: all topics
    std::optional<PartitionIndex> partition;  // of the topic; nothing: all
    std::optional<NodeId> broker;             // only its replicas, as it knows them
    int64_t quiet_ms_min = 0;                 // since the producer's last record
};
struct HangingTransaction {
    TopicPartition partition;
    client::ActiveProducer producer;
};
// Open transactions of partitions that no coordinator knows of: nobody will ever end them.
Result<std::vector<HangingTransaction>> find_hanging(Session& session, const HangingSearch& search);

// The open transaction that begins at an offset of a partition; nothing: there is none.
Result<std::optional<client::AbortedTransaction>> transaction_at(Session& session,
                                                                 const TopicPartition& partition,
                                                                 Offset start);

}  // namespace millrace::cli
