// One simulated machine with one process: a loop, a disk that outlives it, and an address.
//
//   SimNode node{sim, fabric, "broker-1"};
//   node.start([](Context& context) -> Task<void> { co_await serve(context); });
//   node.kill();                      // SIGKILL: the page cache stays
//   node.power_cut();                 // what was not synced is lost
//   node.start(...);
//
// Nothing of a node may be called from one of its own tasks.
#pragma once

#include "runtime/context.h"
#include "runtime/task_function.h"
#include "sim/sim_disk.h"
#include "sim/sim_network.h"
#include "sim/sim_workers.h"

namespace millrace::sim {

class SimNode {
public:
    using Main = runtime::TaskFunction<runtime::Task<void>(runtime::Context&)>;

    SimNode(Simulation& sim, SimFabric& fabric, std::string name);
    // As kill().
    ~SimNode();
    SimNode(const SimNode&) = delete;

    // Boots the process; `main` is its root task. Not while one runs.
    void start(Main main);
    // Starts another task in the running process, for a test's own work on this node.
    void spawn(runtime::Task<void>&& task);
    void kill();
    void power_cut();

    // Until its root task ended, or it was killed.
    bool running() const { return process_ && !process_->ended; }
    // Of the running process.
    runtime::Context& context() { return process().context; }
    SimLoop& loop() { return process().loop; }
    SimDisk& disk() { return disk_; }
    SimNetwork& network() { return network_; }
    const std::string& name() const { return name_; }

    Duration wall_skew{};  // of the processes to come

private:
    struct Process {
        Process(SimNode& node, Main root);
        ~Process();
        runtime::Task<void> run();

        SimLoop loop;
        runtime::Context context;
        Main main;
        bool ended = false;
        runtime::Scope scope;
    };
    Process& process() {
        INVARIANT(process_ != nullptr);
        return *process_;
    }

    Simulation& sim_;
    const std::string name_;
    SimDisk disk_;
    SimNetwork network_;
    SimWorkers workers_;
    std::unique_ptr<Process> process_;
};

}  // namespace millrace::sim
