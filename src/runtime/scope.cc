#include "runtime/scope.h"

namespace millrace::runtime {

struct Scope::Child::promise_type : Link {
    promise_type(Scope& owner, Task<void>&) : scope(owner), start(owner.loop_) {
        scope.children_.push_back(*this);
        ++scope.size_;
    }

    struct End {
        bool await_ready() const noexcept { return false; }
        // The frame is suspended here for good, so it can be destroyed; `this` is gone after that.
        void await_suspend(std::coroutine_handle<promise_type> handle) const noexcept {
            Scope& owner = handle.promise().scope;
            handle.destroy();
            owner.ended();
        }
        void await_resume() const noexcept {}
    };

    Child get_return_object() const noexcept { return {}; }
    Waiter::Yield initial_suspend() noexcept { return start.yield(); }
    End final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept {
        check_failed("no exception leaves a task", __FILE__, __LINE__);
    }
    static void* operator new(size_t size) { return frame_allocate(size); }
    static void operator delete(void* frame, size_t size) { frame_release(frame, size); }

    Scope& scope;
    Waiter start;
};

Scope::Child Scope::run([[maybe_unused]] Scope& scope, Task<void> task) {
    co_await std::move(task);
}

void Scope::spawn(Task<void>&& task) {
    run(*this, std::move(task));
}

Task<void> Scope::join() {
    Subscriber waiting{loop_};
    waiting.subscribe(idle_);
    while (size_ != 0) co_await waiting.wait();
}

void Scope::drop_all() {
    while (!children_.empty()) {
        Child::promise_type& child = children_.back();
        child.unlink();
        --size_;
        std::coroutine_handle<Child::promise_type>::from_promise(child).destroy();
    }
}

Task<void> all(Loop& loop, std::vector<Task<void>> tasks) {
    DroppingScope scope{loop};
    for (Task<void>& task : tasks) scope.spawn(std::move(task));
    tasks.clear();
    co_await scope.join();
}

}  // namespace millrace::runtime
