// A simulation: virtual time, and a scheduler that decides by its seed which of the ready tasks of
// all loops runs next. Nothing in it looks at the real clock; when nothing is ready, time jumps to
// the next timer or event. The same seed gives the same run (trace().hash()).
//
//   Simulation sim{seed};
//   SimNode a{sim, "a"}, b{sim, "b"};
//   a.start([](Context& c) -> Task<void> {...});
//   CHECK(sim.run_until([&] { return done; }, 30s));       // virtual seconds
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "runtime/scope.h"
#include "sim/trace.h"

namespace millrace::sim {

using runtime::TimePoint;

class SimLoop;

class Simulation {
public:
    explicit Simulation(uint64_t seed);
    ~Simulation();
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    uint64_t seed() const { return seed_; }
    TimePoint now() const { return now_; }
    // The wall clock of a node that is right. Starts at a fixed date.
    TimestampMs wall_ms() const;
    // For the simulator's own decisions; what is simulated uses its loop's.
    Rng& rng() { return rng_; }
    Trace& trace() { return trace_; }
    uint64_t chance_per_mille() { return rng_.below(1000); }
    // Uniform in [low, high].
    Duration between(Duration low, Duration high);

    // Runs `action` outside all loops at `when`; events of one time in the order of the calls.
    void at(TimePoint when, std::function<void()> action);
    void after(Duration d, std::function<void()> action) { at(now_ + d, std::move(action)); }

    // One task, or one jump in time with what is due then. False when nothing is left to happen, or
    // only later than `limit`; time is then at most `limit`.
    bool step(TimePoint limit = runtime::kNever);
    // Until `done()`, which is asked after each step; false when `limit` of virtual time went by or
    // nothing is left to happen.
    bool run_until(const std::function<bool()>& done, Duration limit);
    void run_for(Duration d);
    // The task's result on that loop; nothing when it has not ended after `limit`.
    template <typename T>
    std::optional<T> run(SimLoop& loop, runtime::Task<T> task,
                         Duration limit = std::chrono::hours{1});
    bool run(SimLoop& loop, runtime::Task<void> task, Duration limit = std::chrono::hours{1});

private:
    friend class SimLoop;
    bool run_ready_task();
    TimePoint next_time() const;

    const uint64_t seed_;
    Rng rng_;
    // How often the scheduler departs from first come, first served.
    double disorder_;
    TimePoint now_{};
    Trace trace_;
    std::vector<SimLoop*> loops_;
    uint64_t next_loop_id_ = 0;
    std::map<std::pair<TimePoint, uint64_t>, std::function<void()>> events_;
    uint64_t next_event_ = 0;
};

// A loop of one simulated process.
class SimLoop final : public runtime::Loop {
public:
    // `wall_skew`: how far its wall clock is from the right one.
    explicit SimLoop(Simulation& sim, Duration wall_skew = {});
    ~SimLoop() override;

    TimePoint now() const override { return sim_.now(); }
    TimePoint read_clock() const override { return sim_.now(); }
    TimestampMs wall_ms() const override;
    void post_remote(runtime::Remote& work) override;
    Simulation& simulation() { return sim_; }
    uint64_t id() const { return id_; }

    // From here on tasks may be destroyed in any state (a crash).
    void drop() { set_dropping(true); }

private:
    friend class Simulation;
    void run_message();

    Simulation& sim_;
    const uint64_t id_;
    const Duration wall_skew_;
    std::deque<runtime::Remote*> messages_;
    // Held weakly by events, which may outlive the loop.
    std::shared_ptr<SimLoop*> alive_ = std::make_shared<SimLoop*>(this);
};

template <typename T>
std::optional<T> Simulation::run(SimLoop& loop, runtime::Task<T> task, Duration limit) {
    std::optional<T> out;
    runtime::Event done;
    runtime::DroppingScope scope{loop};
    scope.spawn(runtime::detail::keep_result(std::move(task), out, done));
    run_until([&] { return done.is_set(); }, limit);
    return out;
}

}  // namespace millrace::sim
