#include "sim/client/cluster/stand_in_cluster.h"

#include <algorithm>

#include "sim/client/cluster/stand_in_broker.h"

namespace millrace::sim {

using namespace std::chrono_literals;

constexpr int kInternalPartitions = 2;

StandInCluster::StandInCluster(Simulation& simulation, Options options)
    : sim(simulation),
      fabric(simulation),
      options_(options),
      client_node_(simulation, fabric, "client") {
    client_node_.start(
        [this](runtime::Context&) -> runtime::Task<void> { co_await ended_.wait(); });
    for (NodeId id = 1; id <= options.brokers; ++id) {
        auto& machine = *machines_.emplace_back(std::make_unique<Machine>(sim, fabric, id));
        machine.rack = fmt::format("rack-{}", id);
    }
    create_topic(std::string(kOffsetsTopic), kInternalPartitions);
    create_topic(std::string(kTransactionsTopic), kInternalPartitions);
    for (const auto& machine : machines_) restart(machine->id);
}

StandInCluster::~StandInCluster() {
    client_node_.kill();
    for (const auto& machine : machines_) machine->node.kill();
}

void StandInCluster::create_topic(const std::string& name, int partitions) {
    StandInTopic& topic = topics_[name];
    topic.name = name;
    topic.id = Uuid::random(sim.rng());
    for (int i = 0; i != partitions; ++i) {
        auto& partition = *topic.partitions.emplace_back(std::make_unique<StandInPartition>());
        partition.place = {name, i};
        partition.topic_id = topic.id;
        const auto first = sim.rng().below(machines_.size());
        for (int r = 0; r != std::min(options_.replicas, options_.brokers); ++r)
            partition.replicas.push_back(
                static_cast<NodeId>((first + static_cast<uint64_t>(r)) % machines_.size()) + 1);
        partition.leader = partition.replicas.front();
        for (const auto& machine : machines_)
            machine->knows[partition.place] = {partition.leader, partition.epoch};
    }
    for (const auto& machine : machines_)
        if (machine->process) machine->process->topics_changed();
}

std::string StandInCluster::bootstrap_servers() const {
    return "broker-1:9092,broker-2:9092";
}

void StandInCluster::kill(NodeId broker) {
    Machine& machine = at(broker);
    if (!machine.up) return;
    machine.node.kill();
    machine.up = false;
    machine.process = nullptr;
    sim.after(sim.between(0ms, 2s), [this, broker] { notice_death(broker); });
}

void StandInCluster::notice_death(NodeId broker) {
    if (up(broker)) return;
    at(broker).registered = false;
    for (StandInPartition* partition : partitions())
        if (partition->leader == broker) move_leader(*partition);
}

void StandInCluster::restart(NodeId broker) {
    Machine& machine = at(broker);
    if (machine.up) return;
    machine.up = machine.registered = true;
    for (StandInPartition* partition : partitions()) {
        // Of what it led and nobody has noticed that it was gone, it is the leader again.
        if (partition->leader == broker) elect(*partition, broker, partition->log.end());
        if (partition->leader == -1) elect(*partition, broker, partition->log.high_watermark());
        machine.knows[partition->place] = {partition->leader, partition->epoch};
    }
    machine.node.start([this, broker](runtime::Context& context) -> runtime::Task<void> {
        StandInBroker process{*this, broker, context};
        at(broker).process = &process;
        co_await process.run();
    });
}

void StandInCluster::pause(NodeId broker, Duration how_long) {
    at(broker).paused_until = std::max(at(broker).paused_until, sim.now() + how_long);
}

std::vector<NodeId> StandInCluster::brokers_up() const {
    std::vector<NodeId> out;
    for (const auto& machine : machines_)
        if (machine->up) out.push_back(machine->id);
    return out;
}

void StandInCluster::elect(StandInPartition& partition, NodeId leader, Offset keep) {
    partition.leader = leader;
    ++partition.epoch;
    if (partition.place.topic.starts_with("__")) {
        // A coordinator reads back what is committed; what its leader has, is.
        keep = std::max(keep, partition.log.high_watermark());
        partition.log.elect(partition.epoch, keep);
        partition.log.replicated(partition.log.end());
    } else {
        partition.log.elect(partition.epoch, keep);
    }
    for (auto& [follower, known] : partition.follower_knows)
        known = std::min(known, partition.log.high_watermark());
    if (leader >= 0) appended(partition);
    tell(partition);
    leaders_changed.notify();
}

void StandInCluster::move_leader(StandInPartition& partition) {
    std::vector<NodeId> candidates;
    for (const NodeId replica : partition.replicas)
        if (up(replica) && replica != partition.leader) candidates.push_back(replica);
    const Offset certain = partition.log.high_watermark();
    const auto doubtful = static_cast<uint64_t>(partition.log.end() - certain);
    const Offset keep = certain + static_cast<Offset>(sim.rng().below(doubtful + 1));
    elect(partition, candidates.empty() ? -1 : candidates[sim.rng().below(candidates.size())],
          keep);
}

void StandInCluster::tell(const StandInPartition& partition) {
    for (const auto& machine : machines_) {
        const Leader news{partition.leader, partition.epoch};
        sim.after(sim.between(0ms, options_.metadata_lag_max),
                  [&knows = machine->knows[partition.place], news] {
                      if (news.epoch > knows.epoch) knows = news;
                  });
    }
}

void StandInCluster::appended(StandInPartition& partition) {
    const LeaderEpoch epoch = partition.epoch;
    const Offset end = partition.log.end();
    sim.after(sim.between(0ms, options_.replication_max), [this, &partition, epoch, end] {
        if (partition.epoch != epoch) return;
        partition.log.replicated(end);
        for (const NodeId replica : partition.replicas)
            sim.after(sim.between(0ms, options_.metadata_lag_max), [&partition, replica, end] {
                Offset& known = partition.follower_knows[replica];
                known = std::min(std::max(known, end), partition.log.high_watermark());
                partition.log.changed.notify();
            });
    });
}

void StandInCluster::calm() {
    faults = {};
    fabric.faults = {};
    fabric.heal();
    for (const auto& machine : machines_) {
        machine->paused_until = {};
        restart(machine->id);
    }
    for (StandInPartition* partition : partitions())
        if (partition->leader < 0 || !up(partition->leader)) move_leader(*partition);
}

StandInPartition* StandInCluster::find(std::string_view topic, PartitionIndex partition) {
    const auto found = topics_.find(topic);
    if (found == topics_.end() || partition < 0 ||
        static_cast<size_t>(partition) >= found->second.partitions.size())
        return nullptr;
    return found->second.partitions[static_cast<size_t>(partition)].get();
}

std::vector<StandInPartition*> StandInCluster::partitions() {
    std::vector<StandInPartition*> out;
    for (const auto& [name, topic] : topics_)
        for (const auto& partition : topic.partitions) out.push_back(partition.get());
    return out;
}

const StandInTopic* StandInCluster::topic(const Uuid& id) const {
    for (const auto& [name, topic] : topics_)
        if (topic.id == id) return &topic;
    return nullptr;
}

void StandInCluster::send(NodeId broker, Errand errand) {
    const auto held = std::make_shared<Errand>(std::move(errand));
    sim.after(sim.between(0ms, 5ms), [this, broker, held] {
        Machine& machine = at(broker);
        if (!machine.up || !machine.process) return;
        machine.process->spawn(std::move(*held));
    });
}

}  // namespace millrace::sim
