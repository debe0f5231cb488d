// How failure travels: `Result<T>` is a T or an Error, and must be looked at.
//
//   Result<int> parse(std::string_view s);
//   Result<int> twice(std::string_view s) { TRY(int n, parse(s)); return 2 * n; }
//   Task<Result<int>> later() { CO_TRY(int n, co_await read_number()); co_return n; }
//
// Expected failures are Results; a broken invariant of ours is an INVARIANT (check.h); exceptions
// do not cross a room.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error_code.h"

namespace millrace {

// `message` is for a person, and may be empty: the code then says it all.
struct [[nodiscard]] Error {
    ErrorCode code;
    std::string message;

    // "OFFSET_OUT_OF_RANGE: <message or the code's own sentence>"
    std::string describe() const;
    friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
public:
    using std::expected<T, Error>::expected;
    Result(Error e) : std::expected<T, Error>(std::unexpected(std::move(e))) {}
    // The code, `ErrorCode::none` on success.
    ErrorCode code() const { return this->has_value() ? ErrorCode::none : this->error().code; }
};

inline Error fail(ErrorCode code, std::string message = {}) {
    return {code, std::move(message)};
}

}  // namespace millrace

#define MILLRACE_CONCAT_(a, b) a##b
#define MILLRACE_CONCAT(a, b) MILLRACE_CONCAT_(a, b)
#define MILLRACE_TRY_(ret, tmp, decl, ...)            \
    auto tmp = (__VA_ARGS__);                         \
    if (!tmp.has_value()) ret std::move(tmp).error(); \
    decl = *std::move(tmp)
#define MILLRACE_CHECKED_(ret, ...)                                                                \
    do {                                                                                           \
        if (auto checked_ = (__VA_ARGS__); !checked_.has_value()) ret std::move(checked_).error(); \
    } while (false)

// TRY(auto x, expr): x is the value of the Result, or the function returns its error. CO_TRY is the
// same in a coroutine. TRY_OK(expr) is for a Result whose value is not wanted.
#define TRY(decl, ...) MILLRACE_TRY_(return, MILLRACE_CONCAT(try_, __COUNTER__), decl, __VA_ARGS__)
#define CO_TRY(decl, ...) \
    MILLRACE_TRY_(co_return, MILLRACE_CONCAT(try_, __COUNTER__), decl, __VA_ARGS__)
#define TRY_OK(...) MILLRACE_CHECKED_(return, __VA_ARGS__)
#define CO_TRY_OK(...) MILLRACE_CHECKED_(co_return, __VA_ARGS__)
