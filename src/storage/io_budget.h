// Bytes a second that background work may read and write, all its tasks together; and how it is
// told to end.
//
// Owner: Cleaner. Loop: the shard's. Kafka: Throttler.
#pragma once

#include <cmath>

#include "runtime/event.h"

namespace millrace::storage {

class IoBudget {
public:
    IoBudget(runtime::Loop& loop, runtime::CancelToken token) : loop_(loop), token_(token) {}

    // Larger than anything a disk can do: no limit.
    void set_rate(double bytes_per_second) { rate_ = bytes_per_second; }
    // Notes that `bytes` went to or came from the disk, and waits until the next may. Errors:
    // cancelled.
    runtime::Task<Result<void>> spend(uint64_t bytes) {
        if (token_.cancelled()) co_return fail(ErrorCode::cancelled);
        constexpr double kLongest = 3600;
        const double seconds = std::min(static_cast<double>(bytes) / rate_, kLongest);
        next_ =
            std::max(next_, loop_.now()) + std::chrono::nanoseconds{std::llround(seconds * 1e9)};
        if (next_ <= loop_.now()) co_return Result<void>{};
        co_return co_await runtime::sleep_until(loop_, next_, token_);
    }

private:
    runtime::Loop& loop_;
    runtime::CancelToken token_;
    double rate_ = 1e18;
    runtime::TimePoint next_{};
};

}  // namespace millrace::storage
