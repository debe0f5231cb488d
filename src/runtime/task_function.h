// A callable that gives a Task, held by value: what std::function cannot hold, because the compiler
// refuses functions that return a Task without being a coroutine or marked as a wrapper of one.
//
//   TaskFunction<Task<Reply>(const Request&)> handler =
//       [this](const Request& request) -> Task<Reply> {...};
//
// The callable must live until the tasks that it gave have ended, if it is a capturing lambda.
#pragma once

#include <memory>

#include "runtime/task.h"

namespace millrace::runtime {

template <typename Signature>
class TaskFunction;

template <typename T, typename... Args>
class TaskFunction<Task<T>(Args...)> {
public:
    TaskFunction() = default;
    template <typename F>
        requires(!std::same_as<std::remove_cvref_t<F>, TaskFunction> &&
                 std::is_invocable_r_v<Task<T>, F&, Args...>)
    TaskFunction(F fn) : target_(std::make_unique<Holder<F>>(std::move(fn))) {}

    explicit operator bool() const { return target_ != nullptr; }
    [[clang::coro_wrapper]] Task<T> operator()(Args... args) const {
        return target_->call(std::forward<Args>(args)...);
    }

private:
    struct Target {
        virtual ~Target() = default;
        virtual Task<T> call(Args... args) = 0;
    };
    template <typename F>
    struct Holder final : Target {
        explicit Holder(F f) : fn(std::move(f)) {}
        [[clang::coro_wrapper]] Task<T> call(Args... args) override {
            return fn(std::forward<Args>(args)...);
        }
        F fn;
    };

    std::unique_ptr<Target> target_;
};

}  // namespace millrace::runtime
