// Tests that run once for each of many seeds.
//
//   SIM_TEST("an acked write survives a power cut") {      // `sim` is the Simulation
//       SimFabric fabric{sim};
//       ...
//   }
//
// A failing assertion names the seed. MILLRACE_SIM_SEED=n runs that one only, MILLRACE_SIM_SEEDS=n
// so many (default 20; SIM_TEST_OF, for long ones, names another number). MILLRACE_SIM_LOG=1 shows the nodes' log with virtual seconds. The first
// seed runs twice, and both runs must have the same trace. Inside tasks use CHECK, never REQUIRE:
// an exception may not leave a task.
#pragma once

#include <doctest/doctest.h>

#include "sim/sim_node.h"

namespace millrace::sim {

void run_seeds(void (*body)(Simulation& sim), uint64_t usual_count);

}  // namespace millrace::sim

#define MILLRACE_SIM_TEST_(body, name, seeds)           \
    static void body(::millrace::sim::Simulation& sim); \
    TEST_CASE(name) {                                   \
        ::millrace::sim::run_seeds(body, seeds);        \
    }                                                   \
    static void body([[maybe_unused]] ::millrace::sim::Simulation& sim)
#define SIM_TEST_OF(seeds, name) \
    MILLRACE_SIM_TEST_(MILLRACE_CONCAT(sim_test_, __COUNTER__), name, seeds)
#define SIM_TEST(name) SIM_TEST_OF(20, name)
