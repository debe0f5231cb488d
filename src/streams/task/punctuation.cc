#include "streams/task/punctuation.h"

#include "streams/errors.h"

namespace millrace::streams {

Cancellable PunctuationQueue::add(TimestampMs first, int64_t interval_ms,
                                  std::function<void(TimestampMs)> run) {
    if (interval_ms < 1)
        throw IllegalArgumentException(
            fmt::format("a punctuation every {} ms: at least 1 ms", interval_ms));
    auto cancelled = std::make_shared<bool>(false);
    timers_.push({first, next_order_++, interval_ms, std::move(run), cancelled});
    return Cancellable(std::move(cancelled));
}

bool PunctuationQueue::run_due(TimestampMs now) {
    bool ran = false;
    while (!timers_.empty() && timers_.top().due <= now) {
        Timer timer = timers_.top();
        timers_.pop();
        if (*timer.cancelled) continue;
        const int64_t missed = (now - timer.due) / timer.interval;
        Timer next = timer;
        next.due = timer.due + (missed + 1) * timer.interval;
        next.order = next_order_++;
        timers_.push(std::move(next));
        timer.run(now);
        ran = true;
    }
    return ran;
}

}  // namespace millrace::streams
