// Between what can be ready for one direction of I/O (a socket, a simulated pipe) and the task that
// uses it: try, and on would_block clear() and wait().
#pragma once

#include "runtime/loop.h"

namespace millrace::runtime {

// Whether one direction of a descriptor is worth trying, and where at most one task waits for that.
class Readiness {
public:
    void set() {
        ready_ = true;
        if (waiter_) waiter_->wake();
    }
    void clear() { ready_ = false; }
    bool is_set() const { return ready_; }

    struct Wait {
        Readiness& readiness;
        Waiter waiter;
        bool await_ready() const { return readiness.ready_; }
        void await_suspend(std::coroutine_handle<> handle) {
            INVARIANT(readiness.waiter_ == nullptr);
            readiness.waiter_ = &waiter;
            waiter.wait().await_suspend(handle);
        }
        void await_resume() { leave(); }
        ~Wait() { leave(); }
        void leave() {
            if (readiness.waiter_ == &waiter) readiness.waiter_ = nullptr;
        }
    };
    Wait wait(Loop& loop) { return {*this, Waiter{loop}}; }

private:
    bool ready_ = true;
    Waiter* waiter_ = nullptr;
};

}  // namespace millrace::runtime
