// Which brokers hold the replicas of a new partition, and who leads it.
#pragma once

#include <span>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "metadata/image.h"
#include "protocol/records/partition_record.h"

namespace millrace::controller {

// Deals replicas out to the registered brokers: each next partition starts one broker further,
// brokers that are up come before those that are fenced.
class Placer {
public:
    Placer(const metadata::Image& state, Rng& rng);
    // Errors: invalid_replication_factor (more replicas than brokers, no broker is up, or all have
    // their log directories cordoned).
    Result<void> check(int replication_factor) const;
    // The replicas of the next partition; check() has passed.
    std::vector<NodeId> next(int replication_factor);

private:
    std::vector<NodeId> up_;
    std::vector<NodeId> fenced_;
    size_t turn_ = 0;
    bool any_registered_ = false;
};

// Whether the broker may be leader and in-sync replica now.
bool is_active(const metadata::Image& state, NodeId broker);

// Whether a replica said to be in `directory` can be used there: it is one of the broker's, or it is
// not known yet where the replica is.
bool has_directory(const metadata::BrokerRegistration& broker, const Uuid& directory);

// Checks a list that a client asks for. `replication_factor` < 0: any; else it must have so many.
// Errors: invalid_replica_assignment.
Result<void> check_assignment(const metadata::Image& state, std::span<const NodeId> replicas,
                              int replication_factor);

// A new partition on these replicas: those that are up are in sync, the first of them leads.
// Errors: invalid_replica_assignment when none is up.
Result<protocol::PartitionRecord> new_partition(const metadata::Image& state, const Uuid& topic_id,
                                                PartitionIndex index,
                                                std::span<const NodeId> replicas);

}  // namespace millrace::controller
