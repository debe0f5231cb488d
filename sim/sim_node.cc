#include "sim/sim_node.h"

namespace millrace::sim {

using runtime::Task;

SimNode::SimNode(Simulation& sim, SimFabric& fabric, std::string name)
    : sim_(sim), name_(std::move(name)), disk_(sim), network_(fabric, name_), workers_(sim) {}

SimNode::~SimNode() {
    kill();
}

SimNode::Process::Process(SimNode& node, Main root)
    : loop(node.sim_, node.wall_skew),
      context{loop, node.disk_, node.network_, node.workers_},
      main(std::move(root)),
      scope(loop) {
    scope.spawn(run());
}

SimNode::Process::~Process() {
    INVARIANT(runtime::Loop::current_or_null() != &loop);
    loop.drop();
}

Task<void> SimNode::Process::run() {
    co_await main(context);
    ended = true;
}

void SimNode::start(Main main) {
    INVARIANT(!running());
    process_.reset();
    network_.come_up();
    process_ = std::make_unique<Process>(*this, std::move(main));
}

void SimNode::spawn(Task<void>&& task) {
    process().scope.spawn(std::move(task));
}

void SimNode::kill() {
    if (!process_) return;
    sim_.trace().note(TraceEvent::crash, process_->loop.id());
    process_.reset();
    network_.forget_listeners();
}

void SimNode::power_cut() {
    network_.go_down();
    process_.reset();
    disk_.power_cut();
}

}  // namespace millrace::sim
