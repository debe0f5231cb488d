#include <cstdlib>

#include "sim/sim_test.h"

namespace millrace::sim {
namespace {

uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

uint64_t run_seed(void (*body)(Simulation& sim), uint64_t seed) {
    INFO("seed ", seed, ": run again with MILLRACE_SIM_SEED=", seed);
    Simulation sim{seed};
    body(sim);
    return sim.trace().hash();
}

}  // namespace

void run_seeds(void (*body)(Simulation& sim)) {
    const uint64_t only = number_from("MILLRACE_SIM_SEED", 0);
    const uint64_t count = only != 0 ? 1 : number_from("MILLRACE_SIM_SEEDS", 20);
    const uint64_t first = only != 0 ? only : 1;
    const uint64_t hash = run_seed(body, first);
    CHECK_MESSAGE(run_seed(body, first) == hash, "seed ", first, " did not replay");
    for (uint64_t seed = first + 1; seed != first + count; ++seed) run_seed(body, seed);
}

}  // namespace millrace::sim
