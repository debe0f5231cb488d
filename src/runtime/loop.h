// A loop runs the tasks of one shard, one at a time, and knows the time. Everything that belongs to a shard is touched only from
// its loop. The ready queue and the timers are here; a subclass adds where events come from (linux_loop.h, sim/sim_loop.h).
#pragma once

#include <chrono>
#include <coroutine>
#include <deque>
#include <map>

#include "base/random.h"
#include "base/units.h"
#include "runtime/task.h"

namespace millrace::runtime {

// Time that only moves forward, from an origin of no meaning; for deadlines and measurement.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
constexpr TimePoint kNever = TimePoint::max();

class Loop {
public:
    explicit Loop(uint64_t seed) : rng_(seed) {}
    virtual ~Loop() = default;
    Loop(const Loop&) = delete;

    // The time of this turn of the loop (it does not move while a task runs).
    virtual TimePoint now() const = 0;
    virtual TimestampMs wall_ms() const = 0;
    Rng& rng() { return rng_; }

    // Resumes `handle` in a later turn of the ready queue, in the order of the calls.
    void post(std::coroutine_handle<> handle) { ready_.push_back(handle); }

    // A timer is a handle to resume at a time; it must be removed when its coroutine dies first.
    using TimerId = std::pair<TimePoint, uint64_t>;
    TimerId add_timer(TimePoint at, std::coroutine_handle<> handle);
    void remove_timer(TimerId id) { timers_.erase(id); }

    struct Sleep;
    // co_await loop.sleep_until(t): resumes at t or as soon after it as the loop gets to it.
    Sleep sleep_until(TimePoint at);
    Sleep sleep_for(Duration d);
    // Lets everything that is ready now run first.
    Sleep yield();

protected:
    // Runs what is ready, and the timers that are due; true when it ran anything.
    bool run_ready();
    bool has_ready() const { return !ready_.empty(); }
    TimePoint next_timer() const { return timers_.empty() ? kNever : timers_.begin()->first.first; }

private:
    std::deque<std::coroutine_handle<>> ready_;
    std::map<TimerId, std::coroutine_handle<>> timers_;
    uint64_t next_timer_id_ = 0;
    Rng rng_;
};

}  // namespace millrace::runtime
