// A loop on epoll: one for each shard, run by one thread. Descriptors are registered once,
// edge-triggered for reading and writing; their owners try the system call first and wait only
// after EAGAIN.
//
// A turn: messages of other threads, due timers and ready tasks (several rounds), then one
// epoll_wait for up to 256 events. No task runs while events are handed out, so a watch may die in
// any task.
//
// Sleep: waking a sleeping core costs tens of microseconds, so a loop whose last waits were short
// polls for up to Options::poll_max before it sleeps; an idle loop does not poll.
#pragma once

#include <atomic>
#include <optional>

#include "runtime/file_descriptor.h"
#include "runtime/readiness.h"
#include "runtime/remote_queue.h"

namespace millrace::runtime {

// Gets the events of one descriptor. It may only note them and wake Waiters.
class Watch {
public:
    virtual void on_events(uint32_t epoll_events) = 0;

protected:
    ~Watch() = default;
};

class LinuxLoop final : public Loop {
public:
    struct Options {
        uint64_t seed = 0;  // 0: from the system
        Duration poll_max = std::chrono::microseconds{20};
    };
    struct Stats {
        uint64_t turns = 0;
        uint64_t sleeps = 0;
        uint64_t events = 0;
        uint64_t stalls = 0;      // turns of more than kStall
        Duration longest_turn{};  // of running tasks without a look at events
    };

    // INVARIANT: the system has a descriptor left for epoll and one for the bell.
    LinuxLoop() : LinuxLoop(Options{}) {}
    explicit LinuxLoop(Options options);
    ~LinuxLoop() override;

    // Runs until the task has ended. The thread is this loop's until then.
    void run(Task<void> root);
    template <typename T>
    T run_for_result(Task<T> root);

    TimePoint now() const override { return now_; }
    TimePoint read_clock() const override;
    TimestampMs wall_ms() const override;
    void post_remote(Remote& work) override;

    // The descriptor must be non-blocking. Closing it ends the watch.
    Result<void> watch(int descriptor, Watch& watch);
    // The process or the system is out of descriptors or memory: io_error.
    void unwatch(int descriptor);
    const Stats& stats() const { return stats_; }

private:
    // Tasks that run for longer than this keep all others of the shard waiting.
    static constexpr Duration kStall = std::chrono::milliseconds{10};

    void turn();
    void note_turn(TimePoint ended);
    void wait_for_events();
    size_t poll_for_events(TimePoint until);
    // Hands out up to 256 events; returns how many. Negative timeout: forever.
    size_t take_events(Duration timeout);
    void update_now();

    const Options options_;
    FileDescriptor epoll_;
    FileDescriptor bell_;
    RemoteQueue remote_;
    std::atomic<bool> sleeping_ = false;
    TimePoint now_;
    TimePoint last_look_;
    // What a wait lasted of late, an average that follows quickly.
    Duration usual_wait_{};
    mutable TimestampMs wall_ms_ = -1;  // of this turn; -1: not asked for yet
    Stats stats_;
};

// SIGTERM, SIGINT and the like as something to await. To be made before any other thread is
// started: threads inherit that these signals are blocked.
class SignalWatch final : Watch {
public:
    SignalWatch(LinuxLoop& loop, std::initializer_list<int> signals);
    // The number of the next signal.
    Task<int> next();

private:
    void on_events(uint32_t) override { readable_.set(); }

    LinuxLoop& loop_;
    FileDescriptor descriptor_;
    Readiness readable_;
};

namespace detail {
template <typename T>
Task<void> store_result(Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
}
}  // namespace detail

template <typename T>
T LinuxLoop::run_for_result(Task<T> root) {
    std::optional<T> out;
    run(detail::store_result(std::move(root), out));
    return *std::move(out);
}

}  // namespace millrace::runtime
