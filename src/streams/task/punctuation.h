// The timers of a task's processors, of one kind. Kafka: PunctuationQueue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "streams/core/node.h"

namespace millrace::streams {

class PunctuationQueue {
public:
    // `node` is told to run() at `first`, and then every interval.
    Cancellable add(TimestampMs first, int64_t interval_ms, std::function<void(TimestampMs)> run);
    // Runs what is due at `now`, earliest first. A time that was missed is not made up for: the next
    // one is the first after `now` that is a whole number of intervals after the one that was due.
    bool run_due(TimestampMs now);

private:
    struct Timer {
        TimestampMs due;
        uint64_t order;  // of equal times, the one scheduled first
        int64_t interval;
        std::function<void(TimestampMs)> run;
        std::shared_ptr<bool> cancelled;
        bool operator>(const Timer& other) const {
            return due != other.due ? due > other.due : order > other.order;
        }
    };
    std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
    uint64_t next_order_ = 0;
};

}  // namespace millrace::streams
