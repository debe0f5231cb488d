// Workers of a simulated node: the work is done in one step, after a time that the seed decides.
#pragma once

#include "runtime/workers.h"
#include "sim/simulation.h"

namespace millrace::sim {

class SimWorkers final : public runtime::Workers {
public:
    explicit SimWorkers(Simulation& sim) : sim_(sim) {}
    runtime::Task<void> run(std::function<void()> work) override {
        co_await runtime::Loop::current().sleep_for(sim_.between({}, work_max));
        work();
    }

    Duration work_max = std::chrono::milliseconds{3};

private:
    Simulation& sim_;
};

}  // namespace millrace::sim
