// Everything that a program needs to run tasks: a loop, files, network and threads.
//
//   Machine machine;
//   Result<void> done = machine.wait(work(machine.context()));
//
// Thread: whoever waits runs the loop, one thread at a time. What was made with the context must be
// gone before the machine. For a loop on a thread of its own: loop_thread.h.
#pragma once

#include "runtime/blocking_pool.h"
#include "runtime/context.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/workers.h"

namespace millrace::runtime {

class Machine {
public:
    Context context() { return {loop_, disk_, network_, workers_}; }
    LinuxLoop& loop() { return loop_; }
    const LinuxLoop& loop() const { return loop_; }
    BlockingPool& pool() { return pool_; }

    // Runs the loop until the task has ended, and gives its result.
    template <typename T>
    T wait(Task<T> task) {
        return loop_.run_for_result(std::move(task));
    }

private:
    LinuxLoop loop_;
    BlockingPool pool_;
    LinuxDisk disk_{pool_};
    LinuxNetwork network_{loop_, pool_};
    LinuxWorkers workers_{pool_};
};

}  // namespace millrace::runtime
