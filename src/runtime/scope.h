// A Scope owns tasks that run beside their spawner and ends only after they did: structured
// concurrency.
//
//   Scope scope{loop};
//   scope.spawn(serve(stream, scope.token()));
//   ...
//   scope.cancel();          // asks; tasks see it in the waits that take the token
//   co_await scope.join();   // until all have ended, those too that were spawned meanwhile
//
// A task's frame is destroyed as soon as it ends. Destroying a Scope with tasks in it is an
// INVARIANT failure, except while its whole loop is dropped (Loop::dropping).
#pragma once

#include <optional>
#include <vector>

#include "runtime/event.h"

namespace millrace::runtime {

class Scope {
public:
    explicit Scope(Loop& loop) : loop_(loop) {}
    ~Scope() {
        INVARIANT(children_.empty() || drops_children_ || loop_.dropping());
        drop_all();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    // The task starts in a later turn of the ready queue.
    void spawn(Task<void>&& task);
    Task<void> join();
    void cancel() { cancel_.cancel(); }
    CancelToken token() { return cancel_.token(); }
    size_t size() const { return size_; }
    Loop& loop() const { return loop_; }

protected:
    // Destroys what runs, where it stands, the youngest first.
    void drop_all();
    bool drops_children_ = false;

private:
    struct Child {
        struct promise_type;
    };
    static Child run(Scope& scope, Task<void> task);
    void ended() {
        if (--size_ == 0) idle_.notify();
    }

    Loop& loop_;
    CancelSource cancel_;
    List<Child::promise_type> children_;
    size_t size_ = 0;
    Signal idle_;
};

// A Scope whose tasks may be destroyed in mid-wait together with it; for tasks that own nothing
// which must be closed in order.
class DroppingScope : public Scope {
public:
    explicit DroppingScope(Loop& loop) : Scope(loop) { drops_children_ = true; }
};

// Runs all at once, until all have ended.
Task<void> all(Loop& loop, std::vector<Task<void>> tasks);

namespace detail {
template <typename T>
Task<void> keep_result(Task<T> task, std::optional<T>& out, Event& done) {
    out.emplace(co_await std::move(task));
    done.set();
}
}  // namespace detail

// The task's result, or deadline_exceeded: then the task has been destroyed in mid-wait, so it must
// not own a Scope with running tasks, and a stream that it was writing to is good for nothing but
// close().
template <typename T>
Task<Result<T>> with_deadline(Loop& loop, TimePoint at, Task<Result<T>> task) {
    std::optional<Result<T>> out;
    Event done;
    DroppingScope scope{loop};
    scope.spawn(detail::keep_result(std::move(task), out, done));
    if (!co_await done.wait_until(loop, at)) co_return fail(ErrorCode::deadline_exceeded);
    co_await scope.join();
    co_return *std::move(out);
}

}  // namespace millrace::runtime
