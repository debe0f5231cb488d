// How long the application's calls take.
#pragma once

#include "runtime/loop.h"

namespace millrace::client {

// Awaits the work and then adds to `spent`, which must live until then, how long it took. Work that
// is given up does not count.
template <typename T>
runtime::Task<T> timed(const runtime::Loop& loop, Duration& spent, runtime::Task<T> work) {
    const auto began = loop.read_clock();
    if constexpr (std::is_void_v<T>) {
        co_await std::move(work);
        spent += loop.read_clock() - began;
    } else {
        T out = co_await std::move(work);
        spent += loop.read_clock() - began;
        co_return std::move(out);
    }
}

}  // namespace millrace::client
