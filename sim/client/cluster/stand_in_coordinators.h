// A partition of an internal topic as the log under a coordinator that runs on its leader, and what
// group coordinators know of the stand-in cluster.
//
// Owner: StandInBroker. Loop: its.
#pragma once

#include "coordinator/coordinator_log.h"
#include "group/cluster_view.h"
#include "sim/client/cluster/stand_in_cluster.h"

namespace millrace::sim {

class StandInCoordinatorLog : public coordinator::CoordinatorLog {
public:
    StandInCoordinatorLog(StandInCluster& cluster, StandInPartition& partition, runtime::Loop& loop)
        : cluster_(cluster), partition_(partition), loop_(loop), epoch_(partition.epoch) {}

    runtime::Task<Result<Offset>> append(
        std::span<const coordinator::Record> records,
        const std::optional<coordinator::TransactionalWriter>& writer) override;
    runtime::Task<Result<Offset>> append_marker(const coordinator::Marker& marker) override;
    LeaderEpoch epoch() const override { return epoch_; }
    runtime::Task<Result<void>> replay(Visitor& visitor) override;

private:
    runtime::Task<Result<Offset>> append(std::vector<uint8_t> batch,
                                         storage::ProducerState::Append how);

    StandInCluster& cluster_;
    StandInPartition& partition_;
    runtime::Loop& loop_;
    const LeaderEpoch epoch_;
};

// The batch of one marker.
Result<std::vector<uint8_t>> marker_batch(const coordinator::Marker& marker, TimestampMs now);
// Of the topics as they are now.
std::shared_ptr<const group::ClusterView> view_of(const StandInCluster& cluster);

}  // namespace millrace::sim
