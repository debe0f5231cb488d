// What happens to a stand-in cluster by chance, again and again, until it is stopped.
//
// Owner: the test; it must not outlive the cluster, nor the simulation's events it. Outside all
// loops.
#pragma once

#include "sim/client/cluster/stand_in_cluster.h"

namespace millrace::sim {

struct UpheavalKinds {
    bool moves = true;
    bool kills = true;
    bool pauses = true;
    bool links = true;
    Duration every_max = std::chrono::seconds{1};
    // Pauses and blocked links.
    Duration trouble_max = std::chrono::seconds{6};
};

class Upheaval {
public:
    Upheaval(StandInCluster& cluster, UpheavalKinds kinds) : cluster_(cluster), kinds_(kinds) {
        next();
    }
    ~Upheaval() { stop(); }
    Upheaval(const Upheaval&) = delete;

    // Nothing new happens, and what was broken is mended.
    void stop();

private:
    void next();
    void act();
    void move();
    void kill();
    void pause();
    void cut();

    StandInCluster& cluster_;
    const UpheavalKinds kinds_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace millrace::sim
