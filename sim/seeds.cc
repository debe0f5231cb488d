#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "sim/sim_test.h"

namespace millrace::sim {
namespace {

uint64_t number_from(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// The line that says how to run the present seed again; a broken invariant ends the process before
// doctest prints what INFO has.
std::string g_repeat;
void (*g_usual_abort)(int) = SIG_DFL;

void name_seed_and_abort(int) {
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, g_repeat.data(), g_repeat.size());
    std::signal(SIGABRT, g_usual_abort);
    std::raise(SIGABRT);
}

uint64_t run_seed(void (*body)(Simulation& sim), uint64_t seed) {
    Simulation sim{seed};
    g_repeat = "aborted; run again with MILLRACE_SIM_SEED=" + std::to_string(seed) + "\n";
    if (std::getenv("MILLRACE_SIM_LOG"))
        log::set_sink([&sim](log::Level level, std::string_view room, std::string_view message) {
            const auto us =
                std::chrono::duration_cast<std::chrono::microseconds>(sim.now().time_since_epoch());
            fmt::print(stderr, "{:.6f} {} {}: {}\n", static_cast<double>(us.count()) / 1e6,
                       log::level_name(level), room, message);
        });
    INFO("seed ", seed, ": run again with MILLRACE_SIM_SEED=", seed);
    body(sim);
    log::set_sink({});
    return sim.trace().hash();
}

}  // namespace

void run_seeds(void (*body)(Simulation& sim), uint64_t usual_count) {
    const uint64_t only = number_from("MILLRACE_SIM_SEED", 0);
    const uint64_t count = only != 0 ? 1 : number_from("MILLRACE_SIM_SEEDS", usual_count);
    const uint64_t first = only != 0 ? only : 1;
    g_usual_abort = std::signal(SIGABRT, name_seed_and_abort);
    const uint64_t hash = run_seed(body, first);
    CHECK_MESSAGE(run_seed(body, first) == hash, "seed ", first, " did not replay");
    for (uint64_t seed = first + 1; seed != first + count; ++seed) run_seed(body, seed);
    std::signal(SIGABRT, g_usual_abort);
}

}  // namespace millrace::sim
