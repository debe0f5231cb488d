// A partition of an internal topic as the log under a coordinator's state machine.
//
// Owner: CoordinatorHost. Loop: the shard's. With one replica a record is committed once it is
// appended.
#pragma once

#include "broker/partition.h"
#include "coordinator/coordinator_log.h"
#include "runtime/loop.h"

namespace millrace::broker {

class CoordinatorPartition : public coordinator::CoordinatorLog {
public:
    CoordinatorPartition(runtime::Loop& loop, PartitionPtr partition)
        : loop_(loop), partition_(std::move(partition)) {}

    runtime::Task<Result<Offset>> append(
        std::span<const coordinator::Record> records,
        const std::optional<coordinator::TransactionalWriter>& writer) override;
    runtime::Task<Result<Offset>> append_marker(const coordinator::Marker& marker) override;
    LeaderEpoch epoch() const override { return partition_->leader_epoch(); }
    runtime::Task<Result<void>> replay(Visitor& visitor) override;

private:
    runtime::Loop& loop_;
    PartitionPtr partition_;
};

}  // namespace millrace::broker
