// INVARIANT(condition): for our own bugs and corrupt state, never for bad input. On in release
// builds; prints where and what, then aborts. DEBUG_INVARIANT is the same in debug and sanitizer
// builds and nothing in release builds. (Not named CHECK: that is doctest's.)
#pragma once

namespace millrace {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define INVARIANT(condition)               \
    (static_cast<bool>(condition) ? void() \
                                  : ::millrace::check_failed(#condition, __FILE__, __LINE__))
#ifdef MILLRACE_RELEASE
#define DEBUG_INVARIANT(condition) void()
#else
#define DEBUG_INVARIANT(condition) INVARIANT(condition)
#endif
