// Threads for what may wait for a device or a name server: cold reads, syncs, look-ups. Work goes
// there and its result comes back to the loop of the one who waits.
//
//   Result<void> synced = co_await run_blocking(pool, loop, [fd] { return sync_now(fd); });
//
// A waiting task that is destroyed takes its work back if no thread has begun it, and otherwise
// waits for the thread, because the work may use the memory of the task's callers.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/loop.h"

namespace millrace::runtime {

class BlockingPool {
public:
    // Threads start when they are first needed. Loops must live longer than the pool.
    explicit BlockingPool(size_t threads_max = 4) : threads_max_(threads_max) {}
    // Finishes what was submitted.
    ~BlockingPool();
    BlockingPool(const BlockingPool&) = delete;
    BlockingPool& operator=(const BlockingPool&) = delete;

    class Job : public Remote {
    public:
        explicit Job(Loop& home) : waiter(std::in_place, home), home_(home) {}
        virtual ~Job() = default;
        virtual void work() = 0;

        std::optional<Waiter> waiter;  // of the task; empty once that is gone

    private:
        friend class BlockingPool;
        void run() override;
        void drop() override { self_.reset(); }

        enum class State : uint8_t { queued, running, done };
        Loop& home_;
        State state_ = State::queued;  // guarded by the pool's mutex
        std::shared_ptr<Job> self_;    // while a queue or a thread has it
    };

    void submit(std::shared_ptr<Job> job);
    // After it work() is not running and will not run.
    void give_up(Job& job);

private:
    void serve();

    const size_t threads_max_;
    std::mutex mutex_;  // docs/LOCKS.md; guards all below
    std::condition_variable filled_;
    std::condition_variable finished_;
    std::deque<Job*> queue_;
    size_t idle_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

// `fn` runs on a thread of the pool; `loop` is the one that runs the caller.
template <typename F>
Task<std::invoke_result_t<F&>> run_blocking(BlockingPool& pool, Loop& loop, F fn) {
    using R = std::invoke_result_t<F&>;
    struct Work final : BlockingPool::Job {
        Work(Loop& home, F f) : Job(home), fn_(std::move(f)) {}
        void work() override { result.emplace(fn_()); }
        F fn_;
        std::optional<R> result;
    };
    struct Guard {
        BlockingPool& pool;
        BlockingPool::Job& job;
        ~Guard() { pool.give_up(job); }
    };
    const auto work = std::make_shared<Work>(loop, std::move(fn));
    const Guard guard{pool, *work};
    pool.submit(work);
    co_await work->waiter->wait();
    co_return *std::move(work->result);
}

}  // namespace millrace::runtime
