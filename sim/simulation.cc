#include "sim/simulation.h"

#include <algorithm>

namespace millrace::sim {
namespace {

constexpr TimestampMs kStartMs = 1'735'689'600'000;  // 2025-01-01T00:00:00Z
constexpr double kDisorders[] = {0.0, 0.1, 1.0, 1.0};

}  // namespace

Simulation::Simulation(uint64_t seed)
    : seed_(seed), rng_(seed), disorder_(kDisorders[rng_.below(std::size(kDisorders))]) {
    now_ = TimePoint{std::chrono::seconds{1000}};
}

Simulation::~Simulation() {
    INVARIANT(loops_.empty());
}

TimestampMs Simulation::wall_ms() const {
    const auto since = now_.time_since_epoch() - std::chrono::seconds{1000};
    return kStartMs + std::chrono::floor<std::chrono::milliseconds>(since).count();
}

Duration Simulation::between(Duration low, Duration high) {
    if (high <= low) return low;
    return low + Duration{static_cast<int64_t>(
                     rng_.below(static_cast<uint64_t>((high - low).count()) + 1))};
}

void Simulation::at(TimePoint when, std::function<void()> action) {
    events_.emplace(std::pair{std::max(when, now_), next_event_++}, std::move(action));
}

bool Simulation::run_ready_task() {
    size_t total = 0;
    for (const SimLoop* loop : loops_) total += loop->ready_count();
    if (total == 0) return false;
    // In order, the turn goes round among the loops, so that none starves another.
    size_t chosen = rng_.below(total);
    const bool in_order = !rng_.chance(disorder_);
    for (SimLoop* loop : loops_) {
        const size_t count = loop->ready_count();
        if (chosen >= count) {
            chosen -= count;
            continue;
        }
        const size_t index = in_order ? 0 : chosen;
        trace_.note(TraceEvent::resume, loop->id(), index);
        const SimLoop::Entered entered{*loop};
        loop->run_one(index);
        return true;
    }
    return false;
}

TimePoint Simulation::next_time() const {
    TimePoint next = events_.empty() ? runtime::kNever : events_.begin()->first.first;
    for (const SimLoop* loop : loops_) next = std::min(next, loop->next_timer());
    return next;
}

bool Simulation::step(TimePoint limit) {
    if (run_ready_task()) return true;
    const TimePoint next = next_time();
    if (next > limit || next == runtime::kNever) {
        if (limit != runtime::kNever) now_ = std::max(now_, limit);
        return false;
    }
    now_ = std::max(now_, next);
    trace_.note(TraceEvent::timer, static_cast<uint64_t>(now_.time_since_epoch().count()));
    if (!events_.empty() && events_.begin()->first.first <= now_) {
        const std::function<void()> action = std::move(events_.begin()->second);
        events_.erase(events_.begin());
        action();
        return true;
    }
    for (SimLoop* loop : loops_) loop->wake_due();
    return true;
}

bool Simulation::run_until(const std::function<bool()>& done, Duration limit) {
    const TimePoint end = now_ + limit;
    while (!done())
        if (!step(end)) return done();
    return true;
}

void Simulation::run_for(Duration d) {
    const TimePoint end = now_ + d;
    while (step(end)) {
    }
}

bool Simulation::run(SimLoop& loop, runtime::Task<void> task, Duration limit) {
    runtime::DroppingScope scope{loop};
    scope.spawn(std::move(task));
    return run_until([&] { return scope.size() == 0; }, limit);
}

SimLoop::SimLoop(Simulation& sim, Duration wall_skew)
    : Loop(sim.rng().next()), sim_(sim), id_(sim.next_loop_id_++), wall_skew_(wall_skew) {
    sim_.loops_.push_back(this);
}

SimLoop::~SimLoop() {
    std::erase(sim_.loops_, this);
    for (runtime::Remote* work : messages_) work->drop();
}

TimestampMs SimLoop::wall_ms() const {
    return sim_.wall_ms() + std::chrono::floor<std::chrono::milliseconds>(wall_skew_).count();
}

void SimLoop::post_remote(runtime::Remote& work) {
    messages_.push_back(&work);
    const std::weak_ptr<SimLoop*> weak = alive_;
    sim_.after(sim_.between({}, std::chrono::microseconds{30}), [weak] {
        if (const auto loop = weak.lock()) (*loop)->run_message();
    });
}

void SimLoop::run_message() {
    runtime::Remote* work = messages_.front();
    messages_.pop_front();
    sim_.trace().note(TraceEvent::message, id_);
    const Entered entered{*this};
    work->run();
}

}  // namespace millrace::sim
