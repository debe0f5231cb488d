#include "sim/client/cluster/upheaval.h"

namespace millrace::sim {

using namespace std::chrono_literals;

void Upheaval::stop() {
    if (!std::exchange(*alive_, false)) return;
    cluster_.calm();
}

void Upheaval::next() {
    cluster_.sim.after(cluster_.sim.between(0ms, kinds_.every_max), [this, alive = alive_] {
        if (!*alive) return;
        act();
        next();
    });
}

void Upheaval::act() {
    switch (cluster_.sim.rng().below(5)) {
        case 0:
        case 1:
            if (kinds_.moves) move();
            break;
        case 2:
            if (kinds_.kills) kill();
            break;
        case 3:
            if (kinds_.pauses) pause();
            break;
        default:
            if (kinds_.links) cut();
    }
}

void Upheaval::move() {
    const auto all = cluster_.partitions();
    StandInPartition& partition = *all[cluster_.sim.rng().below(all.size())];
    if (cluster_.sim.rng().chance(0.8)) {
        cluster_.move_leader(partition);
        return;
    }
    // Nobody leads it for a while.
    cluster_.elect(partition, -1, partition.log.end());
    cluster_.sim.after(cluster_.sim.between(0ms, 2s), [this, alive = alive_, &partition] {
        if (*alive && partition.leader < 0) cluster_.move_leader(partition);
    });
}

// One must stay.
void Upheaval::kill() {
    const auto up = cluster_.brokers_up();
    if (up.size() < 2) return;
    const NodeId victim = up[cluster_.sim.rng().below(up.size())];
    cluster_.kill(victim);
    cluster_.sim.after(cluster_.sim.between(0ms, 5s), [this, alive = alive_, victim] {
        if (*alive) cluster_.restart(victim);
    });
}

void Upheaval::pause() {
    const auto up = cluster_.brokers_up();
    cluster_.pause(up[cluster_.sim.rng().below(up.size())],
                   cluster_.sim.between(0ms, kinds_.trouble_max));
}

// One way or both, between the client and a broker.
void Upheaval::cut() {
    const auto up = cluster_.brokers_up();
    const std::string broker = cluster_.at(up[cluster_.sim.rng().below(up.size())]).node.name();
    const uint64_t how = cluster_.sim.rng().below(4);
    if (how == 0) {
        cluster_.fabric.reset_connections("client", broker);
        return;
    }
    if (how != 1) cluster_.fabric.block("client", broker);
    if (how != 2) cluster_.fabric.block(broker, "client");
    cluster_.sim.after(cluster_.sim.between(0ms, kinds_.trouble_max),
                       [this, alive = alive_, broker] {
                           if (!*alive) return;
                           cluster_.fabric.unblock("client", broker);
                           cluster_.fabric.unblock(broker, "client");
                       });
}

}  // namespace millrace::sim
