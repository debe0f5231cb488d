// Questions to a state store that need not know what kind of store it is.
//
//   auto answer = query(store, RangeQuery<std::string, int64_t>::with_lower_bound("m"));
//   if (answer.is_success())
//       while (auto entry = answer.result().next()) ...
//
// A store that does not answer a kind of question says so: FailureReason::unknown_query_type. A
// store of other types throws InvalidStateStoreException; a versioned one that is asked for a plain
// key or range throws UnsupportedOperationException. Iterators live as long as the store. Kafka:
// org.apache.kafka.streams.query.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "streams/state_stores.h"

namespace millrace::streams {

enum class FailureReason : uint8_t {
    unknown_query_type,
    not_active,
    not_up_to_bound,
    not_present,
    does_not_exist,
    store_exception,
};
// Kafka's name of it, e.g. UNKNOWN_QUERY_TYPE.
std::string_view name_of(FailureReason reason);

enum class ResultOrder : uint8_t { any, ascending, descending };

template <typename R>
class QueryResult {
public:
    static QueryResult for_result(R result) {
        QueryResult answer;
        answer.result_ = std::move(result);
        return answer;
    }
    static QueryResult for_failure(FailureReason reason, std::string message) {
        QueryResult answer;
        answer.reason_ = reason;
        answer.message_ = std::move(message);
        return answer;
    }
    bool is_success() const { return result_.has_value(); }
    bool is_failure() const { return !is_success(); }
    // IllegalStateException for a failure.
    R& result() {
        if (!result_) throw IllegalStateException(fmt::format("the query failed: {}", message_));
        return *result_;
    }
    // IllegalStateException for a success.
    FailureReason failure_reason() const {
        if (result_) throw IllegalStateException("the query has not failed");
        return reason_;
    }
    const std::string& failure_message() const { return message_; }

private:
    std::optional<R> result_;
    FailureReason reason_ = FailureReason::unknown_query_type;
    std::string message_;
};

namespace detail {
// The store, if it is of one of the kinds; else null.
StateStore* asked(StateStore& store, std::initializer_list<StoreKind> kinds, const Type& key,
                  const Type& value);
std::string unknown_query(const StateStore& store, std::string_view query);
// UnsupportedOperationException.
void refuse_versioned(const StateStore& store, std::string_view query);

template <typename K, typename Derived>
class RangeBounds {
public:
    static Derived with_range(K lower, K upper) {
        Derived query;
        query.lower_ = std::move(lower);
        query.upper_ = std::move(upper);
        return query;
    }
    static Derived with_lower_bound(K lower) {
        Derived query;
        query.lower_ = std::move(lower);
        return query;
    }
    static Derived with_upper_bound(K upper) {
        Derived query;
        query.upper_ = std::move(upper);
        return query;
    }
    static Derived with_no_bounds() { return {}; }
    Derived with_ascending_keys() const { return ordered(ResultOrder::ascending); }
    Derived with_descending_keys() const { return ordered(ResultOrder::descending); }
    const std::optional<K>& lower_bound() const { return lower_; }
    const std::optional<K>& upper_bound() const { return upper_; }
    ResultOrder result_order() const { return order_; }

protected:
    StoreIteratorPtr<KeyValueEntry> range_of(StateStore& store) const {
        return static_cast<KeyValueState&>(store).range(
            lower_ ? &*lower_ : nullptr, upper_ ? &*upper_ : nullptr,
            order_ == ResultOrder::descending ? Order::backward : Order::forward);
    }

private:
    Derived ordered(ResultOrder order) const {
        Derived query = static_cast<const Derived&>(*this);
        query.order_ = order;
        return query;
    }
    std::optional<K> lower_;
    std::optional<K> upper_;
    ResultOrder order_ = ResultOrder::any;
};
}  // namespace detail

// The value of a key, of key-value stores with timestamps or without.
template <typename K, typename V>
class KeyQuery {
public:
    using Result = std::optional<V>;
    static constexpr std::string_view kName = "KeyQuery";
    static KeyQuery with_key(K key) { return KeyQuery(std::move(key)); }
    const K& key() const { return key_; }

    std::optional<Result> ask(StateStore& store) const {
        detail::refuse_versioned(store, kName);
        StateStore* asked =
            detail::asked(store, {StoreKind::key_value, StoreKind::timestamped_key_value},
                          kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return detail::unbox<V>(static_cast<KeyValueState*>(asked)->get(&key_).value);
    }

private:
    explicit KeyQuery(K key) : key_(std::move(key)) {}
    K key_;
};

// The value of a key and its timestamp.
template <typename K, typename V>
class TimestampedKeyQuery {
public:
    using Result = std::optional<ValueAndTimestamp<V>>;
    static constexpr std::string_view kName = "TimestampedKeyQuery";
    static TimestampedKeyQuery with_key(K key) { return TimestampedKeyQuery(std::move(key)); }
    const K& key() const { return key_; }

    std::optional<Result> ask(StateStore& store) const {
        StateStore* asked =
            detail::asked(store, {StoreKind::timestamped_key_value}, kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return detail::unbox<V>(static_cast<KeyValueState*>(asked)->get(&key_));
    }

private:
    explicit TimestampedKeyQuery(K key) : key_(std::move(key)) {}
    K key_;
};

// Keys from one to another, inclusive, with their values.
template <typename K, typename V>
class RangeQuery : public detail::RangeBounds<K, RangeQuery<K, V>> {
public:
    using Entry = KeyValue<K, V>;
    using Result = detail::TypedIterator<Entry, KeyValueEntry>;
    static constexpr std::string_view kName = "RangeQuery";

    std::optional<Result> ask(StateStore& store) const {
        detail::refuse_versioned(store, kName);
        StateStore* asked =
            detail::asked(store, {StoreKind::key_value, StoreKind::timestamped_key_value},
                          kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return Result(this->range_of(*asked), [](KeyValueEntry raw) {
            return Entry{std::move(raw.key.as<K>()), std::move(raw.value.value.as<V>())};
        });
    }
};

// The same with timestamps.
template <typename K, typename V>
class TimestampedRangeQuery : public detail::RangeBounds<K, TimestampedRangeQuery<K, V>> {
public:
    using Entry = KeyValue<K, ValueAndTimestamp<V>>;
    using Result = detail::TypedIterator<Entry, KeyValueEntry>;
    static constexpr std::string_view kName = "TimestampedRangeQuery";

    std::optional<Result> ask(StateStore& store) const {
        StateStore* asked =
            detail::asked(store, {StoreKind::timestamped_key_value}, kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return Result(this->range_of(*asked), [](KeyValueEntry raw) {
            return Entry{std::move(raw.key.as<K>()),
                         {std::move(raw.value.value.as<V>()), raw.value.timestamp}};
        });
    }
};

// The windows of a key that start in [from, to].
template <typename K, typename V>
class WindowKeyQuery {
public:
    using Entry = KeyValue<TimestampMs, ValueAndTimestamp<V>>;
    using Result = detail::TypedIterator<Entry, WindowEntry>;
    static constexpr std::string_view kName = "WindowKeyQuery";
    static WindowKeyQuery with_key_and_window_start_range(K key, TimestampMs from, TimestampMs to) {
        return WindowKeyQuery(std::move(key), from, to);
    }
    const K& key() const { return key_; }
    TimestampMs time_from() const { return from_; }
    TimestampMs time_to() const { return to_; }

    std::optional<Result> ask(StateStore& store) const {
        StateStore* asked = detail::asked(store, {StoreKind::window, StoreKind::timestamped_window},
                                          kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return Result(static_cast<WindowState*>(asked)->fetch(&key_, from_, to_, Order::forward),
                      [](WindowEntry raw) {
                          return Entry{raw.start,
                                       {std::move(raw.value.value.as<V>()), raw.value.timestamp}};
                      });
    }

private:
    WindowKeyQuery(K key, TimestampMs from, TimestampMs to)
        : key_(std::move(key)), from_(from), to_(to) {}
    K key_;
    TimestampMs from_;
    TimestampMs to_;
};

// The sessions of a key, or the windows of all keys that start in [from, to].
template <typename K, typename V>
class WindowRangeQuery {
public:
    using Entry = KeyValue<Windowed<K>, ValueAndTimestamp<V>>;
    using Result = detail::TypedIterator<Entry, WindowedEntry>;
    static constexpr std::string_view kName = "WindowRangeQuery";
    static WindowRangeQuery with_key(K key) {
        WindowRangeQuery query;
        query.key_ = std::move(key);
        return query;
    }
    static WindowRangeQuery with_window_start_range(TimestampMs from, TimestampMs to) {
        WindowRangeQuery query;
        query.from_ = from;
        query.to_ = to;
        return query;
    }
    const std::optional<K>& key() const { return key_; }

    std::optional<Result> ask(StateStore& store) const {
        const auto convert = [](WindowedEntry raw) {
            return Entry{{std::move(raw.key.as<K>()), raw.window},
                         {std::move(raw.value.value.as<V>()), raw.value.timestamp}};
        };
        if (key_) {
            StateStore* asked = detail::asked(store, {StoreKind::session}, kTypeOf<K>, kTypeOf<V>);
            if (!asked) return std::nullopt;
            return Result(
                static_cast<SessionState*>(asked)->find(
                    &*key_, &*key_, 0, std::numeric_limits<TimestampMs>::max(), Order::forward),
                convert);
        }
        StateStore* asked = detail::asked(store, {StoreKind::window, StoreKind::timestamped_window},
                                          kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return Result(static_cast<WindowState*>(asked)->fetch_keys(nullptr, nullptr, from_, to_,
                                                                   Order::forward),
                      convert);
    }

private:
    WindowRangeQuery() = default;
    std::optional<K> key_;
    TimestampMs from_ = 0;
    TimestampMs to_ = 0;
};

// The version of a key that is valid at a time, or the latest.
template <typename K, typename V>
class VersionedKeyQuery {
public:
    using Result = std::optional<VersionedRecord<V>>;
    static constexpr std::string_view kName = "VersionedKeyQuery";
    static VersionedKeyQuery with_key(K key) { return VersionedKeyQuery(std::move(key)); }
    VersionedKeyQuery as_of(TimestampMs time) const {
        VersionedKeyQuery query = *this;
        query.as_of_ = time;
        return query;
    }
    const K& key() const { return key_; }
    const std::optional<TimestampMs>& as_of_timestamp() const { return as_of_; }

    std::optional<Result> ask(StateStore& store) const {
        StateStore* asked = detail::asked(store, {StoreKind::versioned}, kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        VersionedKeyValueStore<K, V> versions(*asked);
        return as_of_ ? versions.get(key_, *as_of_) : versions.get(key_);
    }

private:
    explicit VersionedKeyQuery(K key) : key_(std::move(key)) {}
    K key_;
    std::optional<TimestampMs> as_of_;
};

// The versions of a key that were valid at some time in [from, to]; unless told otherwise of all
// times, the newest first.
template <typename K, typename V>
class MultiVersionedKeyQuery {
public:
    using Result = typename VersionedKeyValueStore<K, V>::Iterator;
    static constexpr std::string_view kName = "MultiVersionedKeyQuery";
    static MultiVersionedKeyQuery with_key(K key) { return MultiVersionedKeyQuery(std::move(key)); }
    MultiVersionedKeyQuery from_time(TimestampMs from) const {
        return with([&](auto& query) { query.from_ = from; });
    }
    MultiVersionedKeyQuery to_time(TimestampMs to) const {
        return with([&](auto& query) { query.to_ = to; });
    }
    MultiVersionedKeyQuery with_ascending_timestamps() const {
        return with([](auto& query) { query.order_ = ResultOrder::ascending; });
    }
    MultiVersionedKeyQuery with_descending_timestamps() const {
        return with([](auto& query) { query.order_ = ResultOrder::descending; });
    }
    const K& key() const { return key_; }
    ResultOrder result_order() const { return order_; }

    std::optional<Result> ask(StateStore& store) const {
        StateStore* asked = detail::asked(store, {StoreKind::versioned}, kTypeOf<K>, kTypeOf<V>);
        if (!asked) return std::nullopt;
        return VersionedKeyValueStore<K, V>(*asked).history(
            key_, from_, to_, order_ == ResultOrder::ascending ? Order::forward : Order::backward);
    }

private:
    explicit MultiVersionedKeyQuery(K key) : key_(std::move(key)) {}
    template <typename F>
    MultiVersionedKeyQuery with(F change) const {
        MultiVersionedKeyQuery query = *this;
        change(query);
        return query;
    }
    K key_;
    TimestampMs from_ = 0;
    TimestampMs to_ = std::numeric_limits<TimestampMs>::max();
    ResultOrder order_ = ResultOrder::any;
};

template <typename Q>
QueryResult<typename Q::Result> query(StateStore& store, const Q& query) {
    using Answer = QueryResult<typename Q::Result>;
    std::optional<typename Q::Result> result = query.ask(store);
    if (result) return Answer::for_result(*std::move(result));
    return Answer::for_failure(FailureReason::unknown_query_type,
                               detail::unknown_query(store, Q::kName));
}

}  // namespace millrace::streams
