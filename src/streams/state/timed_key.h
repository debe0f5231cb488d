// Where entries with a time stand in a store's bytes.
//
//   by key:      segment (8) · key · time (8) · rest     segment = time / interval
//   time first:  0xff · time (8) · key · sequence (4)    windows
//                0xff · time (8) · start (8) · key       sessions
//   changelog:   key · time (8) · rest
//
//   a window:    time = its start, rest = a sequence number (4)
//   a session:   time = its end,   rest = its start (8)
//
// Segments let old entries go in ranges. All numbers are big-endian and never negative, so that
// their order is that of the bytes. Kafka: WindowKeySchema, SessionKeySchema, TimeFirst…KeySchema.
#pragma once

#include <algorithm>

#include "base/units.h"
#include "streams/core/bytes.h"

namespace millrace::streams {

struct TimedKey {
    BytesView key;
    TimestampMs time = 0;
    int64_t rest = 0;
};

enum class TimedRest : uint8_t { sequence, session_start };

class TimedLayout {
public:
    TimedLayout() = default;
    TimedLayout(TimedRest rest, int64_t segment_interval)
        : rest_(rest), interval_(segment_interval) {}

    int64_t segment(TimestampMs time) const { return std::max<TimestampMs>(time, 0) / interval_; }
    TimestampMs segment_time(int64_t segment) const { return segment * interval_; }

    Bytes by_key(const TimedKey& key) const;
    TimedKey decode_by_key(BytesView stored) const;
    Bytes time_first(const TimedKey& key) const;
    TimedKey decode_time_first(BytesView stored) const;
    Bytes changelog(const TimedKey& key) const;
    // Absent when the bytes are too short.
    std::optional<TimedKey> decode_changelog(BytesView logged) const;

    // Where a segment starts by key, and a time in the time-first layout.
    Bytes segment_start(int64_t segment) const;
    Bytes time_start(TimestampMs time) const;

    struct Range {
        Bytes from;
        Bytes to;  // exclusive
    };
    // Within one segment, by key: where everything of a key, or of keys from one to another
    // (inclusive, absent is open), stands that has a time in [from, to]; other keys and times may
    // stand there, too.
    Range key_range(int64_t segment, BytesView key, TimestampMs from, TimestampMs to) const;
    Range keys_range(int64_t segment, NullableView key_from, NullableView key_to,
                     TimestampMs to) const;

private:
    size_t rest_size() const { return rest_ == TimedRest::sequence ? 4 : 8; }
    void append_rest(Bytes& out, int64_t rest) const;
    int64_t read_rest(BytesView in) const;

    TimedRest rest_ = TimedRest::sequence;
    int64_t interval_ = 1;
};

}  // namespace millrace::streams
