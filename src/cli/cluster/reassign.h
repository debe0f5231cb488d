// Moving replicas, for `millrace reassign` and kafka-reassign-partitions alike.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/cluster/session.h"

namespace millrace::cli {

// Where the replicas of one partition are, or are to be.
struct Placement {
    TopicPartition partition;
    std::vector<NodeId> replicas;
    // As many as replicas, or none; "" = any.
    std::vector<std::string> directories;
};
using Plan = std::vector<Placement>;

// {"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any",...]}]}
// Errors: invalid_request in the words of Kafka's tool.
Result<Plan> parse_plan(std::string_view json);
// {"version":1,"topics":[{"topic":"t"}]}
Result<std::vector<std::string>> parse_topics_to_move(std::string_view json);
std::string plan_json(const Plan& plan);
// Twice the same partition or replica, no partition or replica: a sentence in the words of Kafka's
// tool.
Result<void> check_plan(const Plan& plan);

struct BrokerPlace {
    NodeId id = -1;
    std::optional<std::string> rack;
};
// New replicas for `partitions` partitions: leaders in turn over all brokers, replicas of a
// partition in as many racks as there are (of brokers without racks: anywhere). `start` chooses
// where it begins. INVARIANT: replication <= brokers.
std::vector<std::vector<NodeId>> spread_replicas(std::vector<BrokerPlace> brokers,
                                                 size_t partitions, size_t replication,
                                                 size_t start);

// Where the partitions of `topics` are now, with directories; `only`: those partitions.
// Errors: unknown_topic_or_partition.
Result<Plan> current_placement(Session& session, const std::vector<std::string>& topics,
                               const std::set<TopicPartition>* only = nullptr);

using Reassignments = std::map<TopicPartition, client::Reassignment>;

// From where to where a partition's data goes.
struct Move {
    std::set<NodeId> sources;
    std::set<NodeId> destinations;
};
// What is under way, and what `plan` adds to it.
std::map<TopicPartition, Move> moves_of(const Reassignments& active, const Plan& plan,
                                        const Plan& current);

// Bounds for the traffic of moves. Configurations of brokers and topics; they stay until cleared.
Result<void> throttle_moves(Session& session, const std::map<TopicPartition, Move>& moves,
                            int64_t bytes_per_second);
Result<void> throttle_directories(Session& session, const std::set<NodeId>& brokers,
                                  int64_t bytes_per_second);
Result<void> clear_broker_throttles(Session& session, const std::vector<NodeId>& brokers);
Result<void> clear_topic_throttles(Session& session, const std::vector<std::string>& topics);

// The replicas of a plan that are to be in a certain directory.
std::map<client::Replica, std::string> wanted_directories(const Plan& plan);
struct DirectoryState {
    std::optional<std::string> now;     // nothing: in no directory that works
    std::optional<std::string> future;  // a copy there is being made
};
Result<std::map<client::Replica, DirectoryState>> directory_states(
    Session& session, const std::vector<client::Replica>& replicas);

Result<std::vector<BrokerPlace>> broker_places(Session& session);
void nap(Session& session, std::chrono::milliseconds time);

}  // namespace millrace::cli
