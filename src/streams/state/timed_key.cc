#include "streams/state/timed_key.h"

#include "base/check.h"

namespace millrace::streams {
namespace {

constexpr char kTimeFirst = '\xff';

}  // namespace

void TimedLayout::append_rest(Bytes& out, int64_t rest) const {
    if (rest_ == TimedRest::sequence)
        append_be(out, static_cast<int32_t>(rest));
    else
        append_be(out, rest);
}

int64_t TimedLayout::read_rest(BytesView in) const {
    return rest_ == TimedRest::sequence ? read_be<int32_t>(in) : read_be<int64_t>(in);
}

Bytes TimedLayout::changelog(const TimedKey& key) const {
    Bytes out;
    out.reserve(key.key.size() + 16);
    out += key.key;
    append_be(out, key.time);
    append_rest(out, key.rest);
    return out;
}

std::optional<TimedKey> TimedLayout::decode_changelog(BytesView logged) const {
    const size_t tail = 8 + rest_size();
    if (logged.size() < tail) return std::nullopt;
    const size_t end = logged.size() - tail;
    return TimedKey{logged.substr(0, end), read_be<TimestampMs>(logged.substr(end)),
                    read_rest(logged.substr(end + 8))};
}

Bytes TimedLayout::by_key(const TimedKey& key) const {
    Bytes out;
    out.reserve(key.key.size() + 24);
    append_be(out, segment(key.time));
    out += key.key;
    append_be(out, key.time);
    append_rest(out, key.rest);
    return out;
}

TimedKey TimedLayout::decode_by_key(BytesView stored) const {
    const std::optional<TimedKey> key = decode_changelog(stored.substr(8));
    INVARIANT(key.has_value());
    return *key;
}

Bytes TimedLayout::time_first(const TimedKey& key) const {
    Bytes out = time_start(key.time);
    if (rest_ == TimedRest::session_start) append_rest(out, key.rest);
    out += key.key;
    if (rest_ == TimedRest::sequence) append_rest(out, key.rest);
    return out;
}

TimedKey TimedLayout::decode_time_first(BytesView stored) const {
    INVARIANT(stored.size() >= 9 + rest_size());
    const auto time = read_be<TimestampMs>(stored.substr(1));
    if (rest_ == TimedRest::session_start)
        return {stored.substr(17), time, read_rest(stored.substr(9))};
    const size_t end = stored.size() - rest_size();
    return {stored.substr(9, end - 9), time, read_rest(stored.substr(end))};
}

Bytes TimedLayout::segment_start(int64_t segment) const {
    Bytes out;
    append_be(out, segment);
    return out;
}

Bytes TimedLayout::time_start(TimestampMs time) const {
    Bytes out(1, kTimeFirst);
    append_be(out, std::max<TimestampMs>(time, 0));
    return out;
}

TimedLayout::Range TimedLayout::key_range(int64_t segment, BytesView key, TimestampMs from,
                                          TimestampMs to) const {
    Bytes start = segment_start(segment);
    start += key;
    Bytes end = start;
    append_be(start, std::max<TimestampMs>(from, 0));
    append_be(end, to);
    end.append(rest_size(), '\xff');
    return {std::move(start), std::move(end)};
}

TimedLayout::Range TimedLayout::keys_range(int64_t segment, NullableView key_from,
                                           NullableView key_to, TimestampMs to) const {
    const Bytes start = segment_start(segment);
    Bytes from = start + Bytes(key_from.value_or(""));
    if (!key_to) return {std::move(from), segment_start(segment + 1)};
    // The last is not always of the largest key: the times of its prefixes stand where it itself
    // goes on.
    Bytes tail;
    append_be(tail, to);
    tail.append(rest_size(), '\xff');
    Bytes last;
    for (size_t i = 0; i <= key_to->size(); ++i)
        last = std::max(last, start + Bytes(key_to->substr(0, i)) + tail);
    return {std::move(from), std::move(last)};
}

}  // namespace millrace::streams
