// A loop on a thread of its own, for programs that have none: other threads hand it work and wait.
//
//   LoopThread thread;
//   std::optional<Producer> producer;
//   thread.call([&] { producer.emplace(thread.context(), config); });
//   Result<Delivery> sent = thread.call([&] { return producer->send(record); });
//
// What lives on the loop is made, used and destroyed by calls; it must be gone before the
// LoopThread. Threads: call() from any but the loop's own (INVARIANT).
#pragma once

#include <optional>
#include <thread>

#include "runtime/inbox.h"
#include "runtime/machine.h"
#include "runtime/scope.h"
#include "runtime/shard.h"

namespace millrace::runtime {

class LoopThread {
public:
    LoopThread();
    ~LoopThread();
    LoopThread(const LoopThread&) = delete;

    // For what is made on the loop.
    Context context() { return machine_.context(); }
    Loop& loop() { return machine_.loop(); }

    // Runs `fn` on the loop, a plain function or one that gives a Task, and waits for its result.
    // `fn` and what it refers to live until then.
    template <typename F>
    auto call(F fn) {
        Inbox inbox;
        return call(inbox, std::move(fn));
    }
    // While it waits, this thread runs what is posted to `inbox`, which is good for one call.
    template <typename F>
    auto call(Inbox& inbox, F fn) {
        using Given = detail::Awaited<std::invoke_result_t<F&>>;
        if constexpr (std::is_void_v<typename Given::type>) {
            run_and_wait(inbox, perform(fn, inbox));
        } else {
            std::optional<typename Given::type> result;
            run_and_wait(inbox, perform_for(fn, result, inbox));
            return *std::move(result);
        }
    }

private:
    template <typename F>
    static Task<void> perform(F& fn, Inbox& inbox) {
        if constexpr (detail::Awaited<std::invoke_result_t<F&>>::is_task)
            co_await fn();
        else
            fn();
        inbox.finish();
        co_return;
    }
    template <typename F, typename T>
    static Task<void> perform_for(F& fn, std::optional<T>& result, Inbox& inbox) {
        if constexpr (detail::Awaited<std::invoke_result_t<F&>>::is_task)
            result.emplace(co_await fn());
        else
            result.emplace(fn());
        inbox.finish();
        co_return;
    }
    void run_and_wait(Inbox& inbox, Task<void> work);
    Task<void> serve();

    struct Ending final : Remote {
        Event ended;
        void run() override { ended.set(); }
    };

    Machine machine_;
    Scope calls_{machine_.loop()};
    Ending ending_;
    std::thread thread_;
};

}  // namespace millrace::runtime
