// A loop runs the tasks of one shard, one at a time, and knows the time. Everything that belongs to
// a shard is touched only from its loop. The ready queue and the timers are here; a subclass adds
// where events come from (linux_loop.h, sim/sim_loop.h).
//
// Nothing in here allocates per wait: what waits is a Waiter, which lies in the frame that waits.
#pragma once

#include <chrono>
#include <coroutine>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "base/units.h"
#include "runtime/task.h"

namespace millrace::runtime {

// Time that only moves forward, from an origin of no meaning; for deadlines and measurement.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
constexpr TimePoint kNever = TimePoint::max();

class Waiter;

// A message to a loop from anywhere. It must live until run() or drop() was called, exactly one of
// them, once: run() on the loop's thread, drop() when the loop ends with the message still queued.
class Remote {
public:
    virtual void run() = 0;
    virtual void drop() {}

protected:
    ~Remote() = default;

private:
    friend class RemoteQueue;
    Remote* next_ = nullptr;
};

// What a loop did with its time since it began. A look asks the system for events; it waits for them
// when nothing is ready to run.
struct LoopTimes {
    uint64_t looks = 0;
    Duration waited{};
    Duration worked{};   // ran tasks
    Duration longest{};  // from the beginning of a look to that of the next
};

class Loop {
public:
    explicit Loop(uint64_t seed) : rng_(seed) {}
    virtual ~Loop() = default;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // The loop whose task runs on this thread; INVARIANT when there is none.
    static Loop& current();
    static Loop* current_or_null();

    // The time of this turn of the loop (it does not move while a task runs).
    virtual TimePoint now() const = 0;
    // The same clock, read at this moment: for measuring how long something takes.
    virtual TimePoint read_clock() const = 0;
    virtual TimestampMs wall_ms() const = 0;
    Rng& rng() { return rng_; }
    // Nothing of a simulated loop, whose time stands still while it runs.
    const LoopTimes& times() const { return times_; }

    // Resumes `handle` in a later turn of the ready queue, in the order of the calls. The coroutine
    // must live until then; what may be destroyed earlier waits with a Waiter.
    void post(std::coroutine_handle<> handle) { push_ready({handle, nullptr}); }

    // The only function of a loop that other threads may call: runs `work` on this loop, in the
    // order of the calls of one thread.
    virtual void post_remote(Remote& work) = 0;

    struct Sleep;
    // co_await loop.sleep_until(t): resumes at t or as soon after it as the loop gets to it.
    Sleep sleep_until(TimePoint at);
    Sleep sleep_for(Duration d);
    // Lets everything that is ready now run first.
    Sleep yield();

    // True while everything on this loop is being thrown away (a simulated crash): a Scope may then
    // die with its tasks.
    bool dropping() const { return dropping_; }

protected:
    // Makes this the current loop of the thread while it lives.
    class Entered {
    public:
        explicit Entered(Loop& loop);
        ~Entered();
        Entered(const Entered&) = delete;

    private:
        Loop& loop_;
        Loop* outer_;
    };

    // Wakes the timers that are due, then runs what was ready at the call, not what that makes
    // ready. True when it ran anything.
    bool run_ready();
    bool wake_due();
    // Runs the ready entry `index` places from the head; index < ready_count(). False when what
    // stood there has been destroyed.
    bool run_one(size_t index = 0);
    bool has_ready() const { return head_ != tail_; }
    // Some of these may be empty places.
    size_t ready_count() const { return static_cast<size_t>(tail_ - head_); }
    TimePoint next_timer() const;
    void set_dropping(bool dropping) { dropping_ = dropping; }

    LoopTimes times_;

private:
    friend class Waiter;
    struct Ready {
        std::coroutine_handle<> handle;
        Waiter* waiter;
    };

    void push_ready(Ready entry);
    void grow_ready();
    Ready& ready_at(uint64_t place) { return ready_[place & (ready_.size() - 1)]; }
    void add_timer(Waiter& waiter);
    void remove_timer(Waiter& waiter);
    static bool earlier(const Waiter& a, const Waiter& b);
    void sift_up(size_t index);
    void sift_down(size_t index);

    // A ring of a power of two places; head_ and tail_ only grow.
    std::vector<Ready> ready_ = std::vector<Ready>(64);
    uint64_t head_ = 0;
    uint64_t tail_ = 0;
    std::vector<Waiter*> timers_;  // a heap by (deadline, order)
    uint64_t next_timer_order_ = 0;
    bool dropping_ = false;
    const void* thread_ = nullptr;  // names the thread that is in this loop
    Rng rng_;
};

// One coroutine's wait, in its frame. It is woken at most once for each wait; waking it while
// nothing waits is remembered and ends the next wait at once, so a condition may be checked after
// the sources of wake-ups were subscribed to and before waiting. Sources: Signal, Event (event.h),
// streams.
class Waiter {
public:
    explicit Waiter(Loop& loop) : loop_(loop) {}
    ~Waiter() { forget(); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    void wake();
    Loop& loop() const { return loop_; }
    bool waiting() const { return static_cast<bool>(handle_); }

    // co_await waiter.wait_until(t): true when woken, false when t came first.
    struct Wait {
        Waiter& waiter;
        TimePoint at;
        bool await_ready() const { return waiter.woken_ || at <= waiter.loop_.now(); }
        void await_suspend(std::coroutine_handle<> handle) const { waiter.suspend(handle, at); }
        bool await_resume() const { return waiter.resumed(); }
    };
    Wait wait() { return {*this, kNever}; }
    Wait wait_until(TimePoint at) { return {*this, at}; }

    // Suspends and goes to the end of the ready queue.
    struct Yield {
        Waiter& waiter;
        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> handle) const {
            waiter.suspend(handle, kNever);
            waiter.wake();
        }
        void await_resume() const { waiter.resumed(); }
    };
    Yield yield() { return {*this}; }

private:
    friend class Loop;
    static constexpr uint64_t kNowhere = ~uint64_t{0};

    void suspend(std::coroutine_handle<> handle, TimePoint at);
    bool resumed() {
        handle_ = {};
        return std::exchange(woken_, false);
    }
    void make_ready();
    void forget();

    Loop& loop_;
    std::coroutine_handle<> handle_;
    uint64_t ready_place_ = kNowhere;
    uint64_t heap_index_ = kNowhere;
    uint64_t timer_order_ = 0;
    TimePoint deadline_ = kNever;
    bool woken_ = false;
};

struct Loop::Sleep {
    Waiter waiter;
    TimePoint at;
    bool yielding;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        if (yielding)
            waiter.yield().await_suspend(handle);
        else
            waiter.wait_until(at).await_suspend(handle);
    }
    void await_resume() const {}
};

inline Loop::Sleep Loop::sleep_until(TimePoint at) {
    return {Waiter{*this}, at, false};
}
inline Loop::Sleep Loop::sleep_for(Duration d) {
    return {Waiter{*this}, now() + d, false};
}
inline Loop::Sleep Loop::yield() {
    return {Waiter{*this}, kNever, true};
}

}  // namespace millrace::runtime
