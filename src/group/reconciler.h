// One member's next step towards its target assignment (KIP-848, "rebalance process"). Pure.
//
//   stable ---------------- target differs: give up first --------> unrevoked_partitions
//   unrevoked_partitions -- owned partitions no longer among them -> next step below
//   any ------------------- to take, all free ---------------------> stable
//   any ------------------- to take, some still owned by others ---> unreleased_partitions
//
// The last two put the member at the target's epoch. While it gives up partitions it stays at its
// own, so that nobody may take them.
// Kafka: CurrentAssignmentBuilder.
#pragma once

#include <functional>

#include "group/consumer_group.h"

namespace millrace::group {

struct ReconcileInput {
    int32_t target_epoch = 0;
    const TopicPartitions* target = nullptr;
    // What the member says it owns; nullptr = it did not say.
    const TopicPartitions* owned = nullptr;
    // Whether some member, this one too, has the partition or has not confirmed giving it up.
    std::function<bool(const Uuid&, PartitionIndex)> is_owned;
    // Whether the member still subscribes to the topic. Partitions of others are taken away before
    // a new target is there.
    std::function<bool(const Uuid&)> subscribes;
};

// The member after the step; equal to `member` when there is nothing to do.
ConsumerMember reconcile(const ConsumerMember& member, const ReconcileInput& input);

}  // namespace millrace::group
