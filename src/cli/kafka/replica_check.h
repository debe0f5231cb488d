// How kafka-replica-verification compares what the replicas of a partition hold. Pure.
// Kafka: ReplicaVerificationTool.ReplicaBuffer.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"

namespace millrace::cli::kafka {

// What one replica gave from an offset on that is the same for all of them.
struct ReplicaPiece {
    NodeId replica = -1;
    Offset high_watermark = -1;
    ByteView batches;  // the last may be cut
};

struct ReplicaCheck {
    // Behind the last batch that all of them have and that is replicated; where they were asked
    // from when there is none.
    Offset next = 0;
    // Sentences about batches that differ.
    std::vector<std::string> complaints;
    // Batches end at different offsets: nothing behind `next` can be compared.
    bool parted = false;
};

// corrupt_message: a replica gave something that is no batch.
Result<ReplicaCheck> check_replicas(const TopicPartition& place, Offset from,
                                    std::span<const ReplicaPiece> pieces);

}  // namespace millrace::cli::kafka
