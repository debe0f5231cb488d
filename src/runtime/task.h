// A Task<T> is one step of asynchronous work, written as a coroutine: it starts when it is awaited,
// runs on the loop of the one who awaits it, and gives its T there. Frames of finished tasks go to
// a per-thread free list (frame_pool.h).
//
//   Task<Result<int>> twice(Source& s) { CO_TRY(int n, co_await s.read()); co_return 2 * n; }
//
// Ownership: the awaiting frame owns the task; work that outlives an expression belongs to a Scope
// (scope.h). A task that is destroyed before it ended ends there: its locals are destroyed, and
// what it waited for must unregister in its awaiter's destructor. Exceptions do not leave a task:
// one that tries ends the process.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/frame_pool.h"

namespace millrace::runtime {

template <typename T = void>
class Task;

namespace detail {

struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
        return ended.promise().continuation ? ended.promise().continuation : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
};

struct PromiseBase {
    std::coroutine_handle<> continuation;

    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwaiter final_suspend() const noexcept { return {}; }
    [[noreturn]] void unhandled_exception() const noexcept {
        check_failed("no exception leaves a task", __FILE__, __LINE__);
    }
    static void* operator new(size_t size) { return frame_allocate(size); }
    static void operator delete(void* frame, size_t size) { frame_release(frame, size); }
};

template <typename T>
struct Promise : PromiseBase {
    std::optional<T> value;
    Task<T> get_return_object() noexcept;
    template <typename U = T>
        requires std::convertible_to<U&&, T>
    void return_value(U&& v) {
        value.emplace(std::forward<U>(v));
    }
    T take() { return *std::move(value); }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() const noexcept {}
};

}  // namespace detail

template <typename T>
class [[nodiscard, clang::coro_return_type, clang::coro_lifetimebound]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    struct Awaiter {
        Handle handle;
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const noexcept {
            handle.promise().continuation = awaiting;
            return handle;
        }
        T await_resume() const { return handle.promise().take(); }
    };
    Awaiter operator co_await() const& noexcept { return {handle_}; }
    Awaiter operator co_await() && noexcept { return {handle_}; }

private:
    Handle handle_;
};

namespace detail {
template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
    return Task<T>{std::coroutine_handle<Promise>::from_promise(*this)};
}
inline Task<void> Promise<void>::get_return_object() noexcept {
    return Task<void>{std::coroutine_handle<Promise>::from_promise(*this)};
}
}  // namespace detail

}  // namespace millrace::runtime
