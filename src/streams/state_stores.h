// State stores as a processor or a test reads and writes them, and how they are described.
//
//   builder.add_state_store(stores::key_value_store_builder<std::string, int64_t>(
//       stores::persistent_key_value_store("seen")));
//
// The store types below are handles: cheap to copy, good as long as the task. Reads return nothing
// where Kafka returns null. Kafka: Stores, KeyValueStore and its kin.
#pragma once

#include <chrono>

#include "streams/state/store.h"
#include "streams/windowed.h"

namespace millrace::streams {

template <typename V>
struct ValueAndTimestamp {
    V value;
    TimestampMs timestamp = -1;
    friend bool operator==(const ValueAndTimestamp&, const ValueAndTimestamp&) = default;
};
template <typename V>
struct VersionedRecord {
    V value;
    TimestampMs timestamp = -1;
    std::optional<TimestampMs> valid_to;  // none: it is the latest
};
template <typename K, typename V>
struct KeyValue {
    K key;
    V value;
    friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

namespace detail {
// InvalidStateStoreException unless the store is of one of these kinds, and of these types.
StateStore& checked(StateStore& store, std::initializer_list<StoreKind> kinds, const Type& key,
                    const Type& value);

template <typename T>
std::optional<T> unbox(Box box) {
    if (!box) return std::nullopt;
    return std::move(box.as<T>());
}
template <typename V>
std::optional<ValueAndTimestamp<V>> unbox(StoredValue stored) {
    if (!stored) return std::nullopt;
    return ValueAndTimestamp<V>{std::move(stored.value.as<V>()), stored.timestamp};
}

// An engine's iterator whose entries are turned into typed ones.
template <typename Entry, typename Raw>
class TypedIterator {
public:
    TypedIterator(StoreIteratorPtr<Raw> raw, Entry (*convert)(Raw))
        : raw_(std::move(raw)), convert_(convert) {}
    std::optional<Entry> next() {
        std::optional<Raw> entry = raw_->next();
        if (!entry) return std::nullopt;
        return convert_(std::move(*entry));
    }

private:
    StoreIteratorPtr<Raw> raw_;
    Entry (*convert_)(Raw);
};
}  // namespace detail

template <typename K, typename V>
class KeyValueStore {
public:
    using Entry = KeyValue<K, V>;
    using Iterator = detail::TypedIterator<Entry, KeyValueEntry>;
    explicit KeyValueStore(StateStore& store)
        : state_(&static_cast<KeyValueState&>(
              detail::checked(store, {StoreKind::key_value}, kTypeOf<K>, kTypeOf<V>))) {}

    std::optional<V> get(const K& key) { return detail::unbox<V>(state_->get(&key).value); }
    void put(const K& key, const V& value) { state_->put(&key, &value, -1); }
    // What was there; only if nothing was, `value` is put.
    std::optional<V> put_if_absent(const K& key, const V& value) {
        std::optional<V> old = get(key);
        if (!old) put(key, value);
        return old;
    }
    std::optional<V> remove(const K& key) {
        std::optional<V> old = get(key);
        state_->put(&key, nullptr, -1);
        return old;
    }
    // Inclusive at both ends; null is open. Order: unsigned bytes of the keys.
    Iterator range(const K* from, const K* to, Order order = Order::forward) {
        return {state_->range(from, to, order), &entry};
    }
    Iterator all(Order order = Order::forward) { return range(nullptr, nullptr, order); }
    Iterator prefix_scan(BytesView prefix) { return {state_->prefix(prefix), &entry}; }
    int64_t approximate_num_entries() { return state_->approximate_entries(); }

private:
    static Entry entry(KeyValueEntry raw) {
        return {std::move(raw.key.as<K>()), std::move(raw.value.value.as<V>())};
    }
    KeyValueState* state_;
};

template <typename K, typename V>
class TimestampedKeyValueStore {
public:
    using Entry = KeyValue<K, ValueAndTimestamp<V>>;
    using Iterator = detail::TypedIterator<Entry, KeyValueEntry>;
    explicit TimestampedKeyValueStore(StateStore& store)
        : state_(&static_cast<KeyValueState&>(detail::checked(
              store, {StoreKind::timestamped_key_value}, kTypeOf<K>, kTypeOf<V>))) {}

    std::optional<ValueAndTimestamp<V>> get(const K& key) {
        return detail::unbox<V>(state_->get(&key));
    }
    void put(const K& key, const V& value, TimestampMs timestamp) {
        state_->put(&key, &value, timestamp);
    }
    std::optional<ValueAndTimestamp<V>> remove(const K& key) {
        std::optional<ValueAndTimestamp<V>> old = get(key);
        state_->put(&key, nullptr, -1);
        return old;
    }
    Iterator range(const K* from, const K* to, Order order = Order::forward) {
        return {state_->range(from, to, order), &entry};
    }
    Iterator all(Order order = Order::forward) { return range(nullptr, nullptr, order); }
    Iterator prefix_scan(BytesView prefix) { return {state_->prefix(prefix), &entry}; }
    int64_t approximate_num_entries() { return state_->approximate_entries(); }

private:
    static Entry entry(KeyValueEntry raw) {
        return {std::move(raw.key.as<K>()),
                {std::move(raw.value.value.as<V>()), raw.value.timestamp}};
    }
    KeyValueState* state_;
};

// Both kinds of window stores; of one without timestamps they are -1.
template <typename K, typename V>
class WindowStore {
public:
    using Value = ValueAndTimestamp<V>;
    using Entry = KeyValue<TimestampMs, Value>;  // a window's start
    using WindowedValue = KeyValue<Windowed<K>, Value>;
    using Iterator = detail::TypedIterator<Entry, WindowEntry>;
    using WindowedIterator = detail::TypedIterator<WindowedValue, WindowedEntry>;
    explicit WindowStore(StateStore& store)
        : state_(&static_cast<WindowState&>(detail::checked(
              store, {StoreKind::window, StoreKind::timestamped_window}, kTypeOf<K>, kTypeOf<V>))) {
    }

    void put(const K& key, const V& value, TimestampMs window_start, TimestampMs timestamp = -1) {
        state_->put(&key, &value, window_start, timestamp);
    }
    void remove(const K& key, TimestampMs window_start) {
        state_->put(&key, nullptr, window_start, -1);
    }
    std::optional<Value> fetch(const K& key, TimestampMs window_start) {
        return detail::unbox<V>(state_->fetch(&key, window_start));
    }
    // Windows that start in [from, to].
    Iterator fetch(const K& key, TimestampMs from, TimestampMs to, Order order = Order::forward) {
        return {state_->fetch(&key, from, to, order), &entry};
    }
    WindowedIterator fetch_keys(const K* key_from, const K* key_to, TimestampMs from,
                                TimestampMs to, Order order = Order::forward) {
        return {state_->fetch_keys(key_from, key_to, from, to, order), &windowed_entry};
    }
    WindowedIterator fetch_all(TimestampMs from, TimestampMs to, Order order = Order::forward) {
        return fetch_keys(nullptr, nullptr, from, to, order);
    }
    WindowedIterator all(Order order = Order::forward) {
        return {state_->all(order), &windowed_entry};
    }

private:
    static Entry entry(WindowEntry raw) {
        return {raw.start, {std::move(raw.value.value.as<V>()), raw.value.timestamp}};
    }
    static WindowedValue windowed_entry(WindowedEntry raw) {
        return {{std::move(raw.key.as<K>()), raw.window},
                {std::move(raw.value.value.as<V>()), raw.value.timestamp}};
    }
    WindowState* state_;
};

template <typename K, typename V>
class SessionStore {
public:
    using Entry = KeyValue<Windowed<K>, V>;
    using Iterator = detail::TypedIterator<Entry, WindowedEntry>;
    explicit SessionStore(StateStore& store)
        : state_(&static_cast<SessionState&>(
              detail::checked(store, {StoreKind::session}, kTypeOf<K>, kTypeOf<V>))) {}

    void put(const K& key, Window session, const V& value) { state_->put(&key, session, &value); }
    void remove(const K& key, Window session) { state_->put(&key, session, nullptr); }
    std::optional<V> fetch_session(const K& key, TimestampMs start, TimestampMs end) {
        return detail::unbox<V>(state_->fetch_session(&key, start, end));
    }
    // Those with end >= earliest_end and start <= latest_start.
    Iterator find_sessions(const K& key, TimestampMs earliest_end, TimestampMs latest_start,
                           Order order = Order::forward) {
        return {state_->find(&key, &key, earliest_end, latest_start, order), &entry};
    }
    Iterator fetch(const K& key, Order order = Order::forward) {
        return fetch_keys(&key, &key, order);
    }
    Iterator fetch_keys(const K* from, const K* to, Order order = Order::forward) {
        return {state_->find(from, to, 0, std::numeric_limits<TimestampMs>::max(), order), &entry};
    }

private:
    static Entry entry(WindowedEntry raw) {
        return {{std::move(raw.key.as<K>()), raw.window}, std::move(raw.value.value.as<V>())};
    }
    SessionState* state_;
};

template <typename K, typename V>
class VersionedKeyValueStore {
public:
    using Iterator = detail::TypedIterator<VersionedRecord<V>, VersionedValue>;
    explicit VersionedKeyValueStore(StateStore& store)
        : state_(&static_cast<VersionedState&>(
              detail::checked(store, {StoreKind::versioned}, kTypeOf<K>, kTypeOf<V>))) {}

    // Until when the new version is valid; VersionedState::kLatest, kNotPut.
    int64_t put(const K& key, const V& value, TimestampMs timestamp) {
        return state_->put(&key, &value, timestamp);
    }
    // What was valid then.
    std::optional<VersionedRecord<V>> remove(const K& key, TimestampMs timestamp) {
        std::optional<VersionedRecord<V>> old = get(key, timestamp);
        state_->put(&key, nullptr, timestamp);
        return old;
    }
    std::optional<VersionedRecord<V>> get(const K& key) { return typed(state_->get(&key)); }
    std::optional<VersionedRecord<V>> get(const K& key, TimestampMs as_of) {
        return typed(state_->get(&key, as_of));
    }
    Iterator history(const K& key, TimestampMs from, TimestampMs to, Order order) {
        return {state_->history(&key, from, to, order), &version};
    }

private:
    static VersionedRecord<V> version(VersionedValue raw) {
        return {std::move(raw.value.as<V>()), raw.timestamp, raw.valid_to};
    }
    static std::optional<VersionedRecord<V>> typed(VersionedValue raw) {
        if (!raw) return std::nullopt;
        return version(std::move(raw));
    }
    VersionedState* state_;
};

// Where a store keeps its bytes, without types: what Kafka's Stores calls a supplier.
struct StoreSupplier {
    StoreSpec spec;
};

// A store to be attached to a topology. A value: the with_…() functions return another one.
class StoreBuilder {
public:
    explicit StoreBuilder(StoreSpec spec) : spec_(std::move(spec)) {}
    StoreBuilder with_caching_enabled() const { return with(&StoreSpec::caching, true); }
    StoreBuilder with_caching_disabled() const { return with(&StoreSpec::caching, false); }
    // The settings are of the changelog topic, over Kafka Streams' defaults.
    StoreBuilder with_logging_enabled(std::map<std::string, std::string> topic_config) const {
        StoreBuilder copy = with(&StoreSpec::logging, true);
        copy.spec_.topic_config = std::move(topic_config);
        return copy;
    }
    StoreBuilder with_logging_disabled() const { return with(&StoreSpec::logging, false); }

    const std::string& name() const { return spec_.name; }
    // The same object at each call: a store is attached where this very builder is.
    const StoreSpecPtr& spec() const {
        if (!shared_) shared_ = std::make_shared<const StoreSpec>(spec_);
        return shared_;
    }

private:
    StoreBuilder with(bool StoreSpec::* field, bool value) const {
        StoreSpec copy = spec_;
        copy.*field = value;
        return StoreBuilder(std::move(copy));
    }
    StoreSpec spec_;
    mutable StoreSpecPtr shared_;
};

namespace stores {

using std::chrono::milliseconds;

StoreSupplier persistent_key_value_store(std::string name);
StoreSupplier persistent_timestamped_key_value_store(std::string name);
StoreSupplier in_memory_key_value_store(std::string name);
// The least recently used entry goes when there are more than `entries_max`.
StoreSupplier lru_map(std::string name, size_t entries_max);
// `segment_interval` 0: by the retention.
StoreSupplier persistent_versioned_key_value_store(std::string name, milliseconds history_retention,
                                                   milliseconds segment_interval = {});
StoreSupplier persistent_window_store(std::string name, milliseconds retention,
                                      milliseconds window_size, bool retain_duplicates);
StoreSupplier persistent_timestamped_window_store(std::string name, milliseconds retention,
                                                  milliseconds window_size, bool retain_duplicates);
StoreSupplier in_memory_window_store(std::string name, milliseconds retention,
                                     milliseconds window_size, bool retain_duplicates);
StoreSupplier persistent_session_store(std::string name, milliseconds retention);
StoreSupplier in_memory_session_store(std::string name, milliseconds retention);

// The supplier's kind becomes what the builder's name says (timestamped or not).
StoreSpec typed(StoreSupplier supplier, StoreKind kind, const Type& key, const Type& value,
                SerdePtr key_serde, SerdePtr value_serde, const WindowedType* windowed);

template <typename K, typename V>
StoreBuilder builder(StoreSupplier supplier, StoreKind kind, const Serde<K>& key_serde,
                     const Serde<V>& value_serde) {
    return StoreBuilder(typed(std::move(supplier), kind, kTypeOf<K>, kTypeOf<V>,
                              key_serde ? key_serde.erased() : default_serde<K>(),
                              value_serde ? value_serde.erased() : default_serde<V>(),
                              &kWindowedTypeOf<K>));
}
template <typename K, typename V>
StoreBuilder key_value_store_builder(StoreSupplier supplier, const Serde<K>& key = {},
                                     const Serde<V>& value = {}) {
    return builder<K, V>(std::move(supplier), StoreKind::key_value, key, value);
}
template <typename K, typename V>
StoreBuilder timestamped_key_value_store_builder(StoreSupplier supplier, const Serde<K>& key = {},
                                                 const Serde<V>& value = {}) {
    return builder<K, V>(std::move(supplier), StoreKind::timestamped_key_value, key, value);
}
template <typename K, typename V>
StoreBuilder versioned_key_value_store_builder(StoreSupplier supplier, const Serde<K>& key = {},
                                               const Serde<V>& value = {}) {
    return builder<K, V>(std::move(supplier), StoreKind::versioned, key, value);
}
template <typename K, typename V>
StoreBuilder window_store_builder(StoreSupplier supplier, const Serde<K>& key = {},
                                  const Serde<V>& value = {}) {
    return builder<K, V>(std::move(supplier), StoreKind::window, key, value);
}
template <typename K, typename V>
StoreBuilder timestamped_window_store_builder(StoreSupplier supplier, const Serde<K>& key = {},
                                              const Serde<V>& value = {}) {
    return builder<K, V>(std::move(supplier), StoreKind::timestamped_window, key, value);
}
template <typename K, typename V>
StoreBuilder session_store_builder(StoreSupplier supplier, const Serde<K>& key = {},
                                   const Serde<V>& value = {}) {
    return builder<K, V>(std::move(supplier), StoreKind::session, key, value);
}

}  // namespace stores
}  // namespace millrace::streams
