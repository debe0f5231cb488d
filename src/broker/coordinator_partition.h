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

    runtime::Task<Result<Offset>> append(std::span<const coordinator::Record> records) override;
    runtime::Task<Result<void>> replay(
        const std::function<Result<void>(const coordinator::RecordView&)>& each) override;

private:
    runtime::Loop& loop_;
    PartitionPtr partition_;
};

}  // namespace millrace::broker
