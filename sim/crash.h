// How the lives of a simulated node end.
#pragma once

#include "sim/sim_test.h"

namespace millrace::sim {

// What has happened to the node's disk since somebody last looked: several lives may end before
// anybody does.
struct Crash {
    bool happened = false;
    bool power_cut = false;  // with a loss of power, at least once
};

// Waits for `stopped` when the life is to end with a clean stop; else ends it at a random time up to
// `longest`, by a kill or a loss of power.
inline void end_life(Simulation& sim, SimNode& node, bool clean_stop, const bool& stopped,
                     Duration longest, Crash& crash) {
    if (clean_stop) {
        CHECK(sim.run_until([&] { return stopped; }, std::chrono::hours{1}));
        node.kill();
        return;
    }
    sim.run_for(sim.between(Duration{0}, longest));
    crash.happened = true;
    if (sim.rng().chance(0.5)) {
        crash.power_cut = true;
        node.power_cut();
    } else {
        node.kill();
    }
}

}  // namespace millrace::sim
