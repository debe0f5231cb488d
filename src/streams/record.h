// A record as a processor sees it. Kafka: Record, FixedKeyRecord.
#pragma once

#include <fmt/format.h>

#include "streams/core/record.h"
#include "streams/errors.h"

namespace millrace::streams {

namespace detail {
// `const T&`, for which a null is an error.
template <typename T>
const T& not_null(Ref ref, std::string_view what) {
    if (!ref)
        throw NullPointerException(fmt::format(
            "the {} is null: a function that wants to see nulls takes a pointer", what));
    return *static_cast<const T*>(ref);
}
}  // namespace detail

// A view of a key, a value, a time and headers. It lives as long as the call it came with; the
// with_…() functions give views, too: what they are given must live until the forward returns.
template <typename K, typename V>
class Record {
public:
    explicit Record(const RawRecord& raw) : raw_(raw) {}
    Record(const K& key, const V& value, TimestampMs timestamp, Headers& headers)
        : raw_{&key, &value, timestamp, &headers} {}

    // Of a null: NullPointerException. The _ptr forms give null.
    const K& key() const { return detail::not_null<K>(raw_.key, "key"); }
    const V& value() const { return detail::not_null<V>(raw_.value, "value"); }
    const K* key_ptr() const { return static_cast<const K*>(raw_.key); }
    const V* value_ptr() const { return static_cast<const V*>(raw_.value); }
    TimestampMs timestamp() const { return raw_.timestamp; }
    // Shared by all that see this record.
    Headers& headers() const { return *raw_.headers; }

    template <typename K2>
    Record<K2, V> with_key(const K2& key) const {
        return Record<K2, V>(raw_.with_key(&key));
    }
    template <typename V2>
    Record<K, V2> with_value(const V2& value) const {
        return Record<K, V2>(raw_.with_value(&value));
    }
    template <typename V2>
    Record<K, V2> with_null() const {
        return Record<K, V2>(raw_.with_value(nullptr));
    }
    Record with_timestamp(TimestampMs timestamp) const {
        if (timestamp < 0)
            throw StreamsException(
                fmt::format("a record's timestamp cannot be {}: it is negative", timestamp));
        return Record(raw_.at(timestamp));
    }
    Record with_headers(Headers& headers) const {
        return Record(RawRecord{raw_.key, raw_.value, raw_.timestamp, &headers});
    }

    const RawRecord& raw() const { return raw_; }

private:
    RawRecord raw_;
};

}  // namespace millrace::streams
