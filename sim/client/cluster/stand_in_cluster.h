// A stand-in for a cluster of several brokers, for simulations of the client: our own node is a
// single one, so a client of it never meets a leader that moves, a follower, or a coordinator on
// another broker.
//
// Brokers are machines of the simulator that speak the wire protocol (StandInBroker). What they
// would keep on their disks and agree upon among each other is one object here: topics, who leads
// what under which epoch, and one strict log for each partition. Coordinators are the real ones of
// src/group and src/transaction; they live in the process of the broker that leads their partition
// and read it back when that changes.
//
// What may go wrong is set in `faults`, and done by the functions below or by Upheaval.
// Owner: the test. Outside all loops; nothing of it may be called from a broker's task but where
// it says so.
#pragma once

#include <memory>
#include <set>

#include "sim/client/cluster/replicated_log.h"
#include "sim/sim_test.h"

namespace millrace::sim {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionsTopic = "__transaction_state";

struct StandInPartition {
    TopicPartition place;
    Uuid topic_id;
    std::vector<NodeId> replicas;
    NodeId leader = -1;
    LeaderEpoch epoch = 0;
    ReplicatedLog log;
    std::map<NodeId, Offset> follower_knows;  // the high watermark, as each replica knows it
};

struct StandInTopic {
    std::string name;
    Uuid id;
    std::vector<std::unique_ptr<StandInPartition>> partitions;
};

struct StandInFaults {
    double error = 0;        // a retriable error, for each partition or request
    double performed = 0.5;  // how many of those come after the request was carried out
    double drop = 0;         // the connection ends, before or after the request was carried out
    double slow = 0;         // a request waits for up to slow_max
    Duration slow_max = std::chrono::seconds{3};
    double throttle = 0;  // an answer asks for silence
};

class StandInBroker;

class StandInCluster {
public:
    struct Options {
        int brokers = 3;
        int replicas = 3;
        int16_t transaction_version = 2;
        // Of an older cluster: Produce and Fetch name topics, errors name no new leaders.
        bool old = false;
        Duration replication_max = std::chrono::milliseconds{50};
        Duration metadata_lag_max = std::chrono::milliseconds{500};
    };
    StandInCluster(Simulation& simulation, Options options);
    ~StandInCluster();
    StandInCluster(const StandInCluster&) = delete;

    void create_topic(const std::string& name, int partitions);
    std::string bootstrap_servers() const;
    runtime::Context& client() { return client_node_.context(); }
    SimNode& client_node() { return client_node_; }

    // Things that happen to brokers. A killed one's partitions are led by others after a while.
    void kill(NodeId broker);
    void restart(NodeId broker);
    void pause(NodeId broker, Duration how_long);
    bool up(NodeId broker) const { return at(broker).up; }
    std::vector<NodeId> brokers_up() const;
    // A new leader; -1: the partition has none until the next call. `keep`: what it has of the log, the high watermark at least
    // unless the election is unclean.
    void elect(StandInPartition& partition, NodeId leader, Offset keep);
    // Any other broker that is up, and any end of the log that is clean.
    void move_leader(StandInPartition& partition);
    // One batch from a producer of no name, if somebody leads the partition: each value is a record
    // with the time of now. It stays when the high watermark is behind it; until then an election
    // may cut it off.
    void write(StandInPartition& partition, std::span<const std::string> values);
    // Everything is up and led, and nothing goes wrong any more.
    void calm();

    StandInPartition* find(std::string_view topic, PartitionIndex partition);
    std::vector<StandInPartition*> partitions();

    // For brokers, in their tasks.
    struct Leader {
        NodeId node = -1;
        LeaderEpoch epoch = -1;
    };
    struct Machine {
        Machine(Simulation& sim, SimFabric& fabric, NodeId which)
            : id(which), node(sim, fabric, fmt::format("broker-{}", which)) {}
        NodeId id;
        std::string rack;
        bool up = false;          // its process runs
        bool registered = false;  // the others have not noticed that it does not
        runtime::TimePoint paused_until{};
        std::map<TopicPartition, Leader> knows;  // who leads, as it has heard
        StandInBroker* process = nullptr;
        SimNode node;
    };
    Machine& at(NodeId broker) { return *machines_.at(static_cast<size_t>(broker - 1)); }
    const Machine& at(NodeId broker) const {
        return *machines_.at(static_cast<size_t>(broker - 1));
    }
    const std::vector<std::unique_ptr<Machine>>& machines() const { return machines_; }
    const std::map<std::string, StandInTopic, std::less<>>& topics() const { return topics_; }
    const StandInTopic* topic(const Uuid& id) const;
    const Options& options() const { return options_; }
    ProducerId new_producer_id() { return next_producer_id_++; }
    // Something was appended: the replicas will have it soon.
    void appended(StandInPartition& partition);
    // Runs a task in a broker's process, a little later; what it gives, or nothing when the broker
    // died before, comes through what the task holds.
    using Errand = runtime::TaskFunction<runtime::Task<void>(StandInBroker&)>;
    void send(NodeId broker, Errand errand);

    Simulation& sim;
    SimFabric fabric;
    StandInFaults faults;
    // Rings when leaders change.
    runtime::Signal leaders_changed;

private:
    void tell(const StandInPartition& partition);
    void notice_death(NodeId broker);

    const Options options_;
    std::map<std::string, StandInTopic, std::less<>> topics_;
    ProducerId next_producer_id_ = 1000;
    runtime::Event ended_;  // never
    std::vector<std::unique_ptr<Machine>> machines_;
    SimNode client_node_;
};

}  // namespace millrace::sim
