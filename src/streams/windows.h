// How windowed operations cut time. Values; the constructors refuse nonsense with
// IllegalArgumentException. All times are milliseconds. Kafka: TimeWindows, SlidingWindows,
// SessionWindows, UnlimitedWindows, JoinWindows, EmitStrategy.
#pragma once

#include <chrono>

#include "base/units.h"

namespace millrace::streams {

using std::chrono::milliseconds;

// Tumbling, or with advance_by() hopping: starts are multiples of the advance, ends exclusive.
class TimeWindows {
public:
    static TimeWindows of_size_with_no_grace(milliseconds size);
    static TimeWindows of_size_and_grace(milliseconds size, milliseconds grace);
    TimeWindows advance_by(milliseconds advance) const;
    int64_t size_ms() const { return size_; }
    int64_t advance_ms() const { return advance_; }
    int64_t grace_ms() const { return grace_; }

private:
    TimeWindows(int64_t size, int64_t advance, int64_t grace)
        : size_(size), advance_(advance), grace_(grace) {}
    int64_t size_;
    int64_t advance_;
    int64_t grace_;
};

// One window, from `start` without end.
class UnlimitedWindows {
public:
    static UnlimitedWindows of() { return {}; }
    UnlimitedWindows start_on(TimestampMs start) const;
    TimestampMs start_ms() const { return start_; }

private:
    TimestampMs start_ = 0;
};

// A window around each record: all records of its key that are at most the difference away.
class SlidingWindows {
public:
    static SlidingWindows of_time_difference_with_no_grace(milliseconds difference);
    static SlidingWindows of_time_difference_and_grace(milliseconds difference, milliseconds grace);
    int64_t time_difference_ms() const { return difference_; }
    int64_t grace_ms() const { return grace_; }

private:
    SlidingWindows(int64_t difference, int64_t grace) : difference_(difference), grace_(grace) {}
    int64_t difference_;
    int64_t grace_;
};

// Records of a key with less than or exactly the gap between them.
class SessionWindows {
public:
    static SessionWindows of_inactivity_gap_with_no_grace(milliseconds gap);
    static SessionWindows of_inactivity_gap_and_grace(milliseconds gap, milliseconds grace);
    int64_t gap_ms() const { return gap_; }
    int64_t grace_ms() const { return grace_; }

private:
    SessionWindows(int64_t gap, int64_t grace) : gap_(gap), grace_(grace) {}
    int64_t gap_;
    int64_t grace_;
};

// Which records of two streams meet: seen from the left one, partners from `before` earlier to
// `after` later, inclusive.
class JoinWindows {
public:
    static JoinWindows of_time_difference_with_no_grace(milliseconds difference);
    static JoinWindows of_time_difference_and_grace(milliseconds difference, milliseconds grace);
    JoinWindows before(milliseconds before) const;
    JoinWindows after(milliseconds after) const;
    int64_t before_ms() const { return before_; }
    int64_t after_ms() const { return after_; }
    int64_t grace_ms() const { return grace_; }
    int64_t size_ms() const { return before_ + after_; }

private:
    JoinWindows(int64_t before, int64_t after, int64_t grace);
    int64_t before_;
    int64_t after_;
    int64_t grace_;
};

// Whether a windowed aggregation forwards every update, or each window once, when it is closed.
enum class EmitStrategy : uint8_t { on_window_update, on_window_close };

}  // namespace millrace::streams
