// Shards: one loop for each core, each on its own thread, and the way from one to another.
//
//   size_t size = co_await on(shards.loop(3), [&group] { return group.size(); });
//
// on() takes the calling task to the other loop, runs `fn` there (a plain function, or one that
// gives a Task), and brings the result back. What `fn` refers to must live until then. A task that
// is away must not be destroyed: INVARIANT. Messages of one turn are taken together, and the other
// shard's bell rings only if it sleeps.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/event.h"
#include "runtime/linux_loop.h"
#include "runtime/task_function.h"

namespace millrace::runtime {

namespace detail {

template <typename T>
struct Awaited {
    using type = T;
    static constexpr bool is_task = false;
};
template <typename T>
struct Awaited<Task<T>> {
    using type = T;
    static constexpr bool is_task = true;
};

// co_await Hop{loop}: the rest of the coroutine runs on that loop.
class Hop final : public Remote {
public:
    explicit Hop(Loop& target) : target_(target) {}
    ~Hop() { INVARIANT(!under_way_); }
    Hop(const Hop&) = delete;

    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        handle_ = handle;
        under_way_ = true;
        target_.post_remote(*this);  // the other thread may be running the coroutine from here on
    }
    void await_resume() const {}

private:
    void run() override {
        under_way_ = false;
        handle_.resume();
    }

    Loop& target_;
    std::coroutine_handle<> handle_;
    bool under_way_ = false;
};

}  // namespace detail

template <typename F>
Task<typename detail::Awaited<std::invoke_result_t<F&>>::type> on(Loop& target, F fn) {
    using Given = detail::Awaited<std::invoke_result_t<F&>>;
    using R = typename Given::type;
    Loop& home = Loop::current();
    if (&home == &target) {
        if constexpr (Given::is_task)
            co_return co_await fn();
        else
            co_return fn();
    }
    co_await detail::Hop{target};
    if constexpr (std::is_void_v<R>) {
        if constexpr (Given::is_task)
            co_await fn();
        else
            fn();
        co_await detail::Hop{home};
    } else {
        std::optional<R> result;
        if constexpr (Given::is_task)
            result.emplace(co_await fn());
        else
            result.emplace(fn());
        co_await detail::Hop{home};
        co_return *std::move(result);
    }
}

class Shards {
public:
    using Body = TaskFunction<Task<void>(LinuxLoop&, size_t)>;

    // `count` >= 1 loops; with a seed that is not 0, each gets its own, made from it.
    explicit Shards(size_t count, LinuxLoop::Options options = {});

    size_t size() const { return loops_.size(); }
    LinuxLoop& loop(size_t index) { return *loops_[index]; }

    // Runs body(loop, index) on every shard, the first one on the calling thread, until all have
    // ended; until then each serves the hops of the others.
    void run(const Body& body);

private:
    // Tells one shard that all have ended.
    struct Ending final : Remote {
        Event ended;
        void run() override { ended.set(); }
    };
    Task<void> run_shard(const Body& body, size_t index);

    std::vector<std::unique_ptr<LinuxLoop>> loops_;
    std::atomic<size_t> running_ = 0;
    std::vector<std::unique_ptr<Ending>> endings_;
};

}  // namespace millrace::runtime
