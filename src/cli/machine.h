// The machine that a command runs on: a loop, files, network and threads, waited for by the
// command's one thread.
#pragma once

#include "runtime/blocking_pool.h"
#include "runtime/context.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"
#include "runtime/workers.h"

namespace millrace::cli {

class Machine {
public:
    runtime::Context context() { return {loop_, disk_, network_, workers_}; }
    runtime::LinuxLoop& loop() { return loop_; }
    const runtime::LinuxLoop& loop() const { return loop_; }
    runtime::BlockingPool& pool() { return pool_; }

    template <typename T>
    T wait(runtime::Task<T> task) {
        return loop_.run_for_result(std::move(task));
    }

private:
    runtime::LinuxLoop loop_;
    runtime::BlockingPool pool_;
    runtime::LinuxDisk disk_{pool_};
    runtime::LinuxNetwork network_{loop_, pool_};
    runtime::LinuxWorkers workers_{pool_};
};

}  // namespace millrace::cli
