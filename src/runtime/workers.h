// Where computation goes that is too long for a loop: a thread of the pool on Linux
// (LinuxWorkers), a moment of virtual time in the simulator (sim/sim_workers.h).
//
//   co_await workers.run([&] { result = compress(input); });
//
// The work runs beside the loop, so it must not touch what the loop may touch meanwhile: it gets
// memory of its own, and may call the plain functions of a File that nobody else uses. It ends by
// itself, soon: pieces of a few milliseconds. A task that is destroyed while its work runs waits for
// the work.
#pragma once

#include <functional>

#include "runtime/blocking_pool.h"
#include "runtime/task.h"

namespace millrace::runtime {

class Workers {
public:
    virtual ~Workers() = default;
    // Must be awaited on the loop that runs the caller.
    virtual Task<void> run(std::function<void()> work) = 0;
};

class LinuxWorkers final : public Workers {
public:
    explicit LinuxWorkers(BlockingPool& pool) : pool_(pool) {}
    Task<void> run(std::function<void()> work) override {
        co_await run_blocking(pool_, Loop::current(), [work = std::move(work)] {
            work();
            return true;
        });
    }

private:
    BlockingPool& pool_;
};

}  // namespace millrace::runtime
