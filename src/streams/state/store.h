// State stores as the engine uses them: typed by serdes, over ordered bytes, logged to a changelog.
//
// A store belongs to one task and runs on its thread. Writes go through an optional cache, which
// holds the newest value of a key back until it is flushed (then the flush listener forwards it),
// to the bytes below and to the changelog. Reads see everything written. Iterators see the store
// as it was when they were made; none is invalid after a write.
// Kafka: StateStore and the Metered, Caching and ChangeLogging stores.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "streams/core/record.h"
#include "streams/core/serde_defaults.h"
#include "streams/windowed.h"

namespace millrace::streams {

class OrderedBytes;
class StoreCache;

enum class StoreKind : uint8_t {
    key_value,
    timestamped_key_value,
    window,
    timestamped_window,
    session,
    versioned,
    // Of one operation alone (join buffers, suppression): not to be read from outside.
    internal,
};

// How a store is made: what a StoreBuilder gathers. Two operations share a store by sharing this.
class StateStore;
struct StoreSpec {
    std::string name;
    StoreKind kind = StoreKind::key_value;
    bool persistent = true;
    bool placed = false;  // `persistent` was said by a user: the configuration does not decide
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key_serde;  // null: the application's default
    SerdePtr value_serde;
    // Of stores with windows: how the key's type and its windowed one belong together.
    const WindowedType* windowed = nullptr;

    int64_t retention_ms = 0;         // window, session; of a versioned store its history
    int64_t window_size_ms = 0;       // window
    int64_t segment_interval_ms = 0;  // 0: by the retention
    bool retain_duplicates = false;   // window: puts of one key and time stand beside each other
    // Window and session stores: time before key in the store's own order (emit on window close).
    bool time_first = false;
    size_t entries_max = 0;  // key_value: above 0, the least recently used goes (lruMap)
    // A timestamped store over a supplier that keeps none: timestamps are written to the changelog
    // only, and read as -1.
    bool drops_timestamps = false;

    bool caching = false;
    bool logging = true;
    // Of window stores: records of the changelog carry the headers of what was processed.
    bool log_headers = false;
    std::map<std::string, std::string> topic_config;  // of the changelog, over the defaults

    std::function<std::unique_ptr<StateStore>(const StoreSpec&)> make;
};
using StoreSpecPtr = std::shared_ptr<const StoreSpec>;

// What a task offers to its stores. Owner: the task; it outlives them.
class StoreContext {
public:
    virtual ~StoreContext() = default;
    // The bytes of a store: kept over a restart if `persistent`.
    virtual std::unique_ptr<OrderedBytes> open_bytes(const StoreSpec& spec) = 0;
    // Appends to the store's changelog. `timestamp` absent: none is given, the producer's clock
    // decides. Not called for a store without logging.
    virtual void log_change(const StoreSpec& spec, BytesView key, NullableView value,
                            std::optional<TimestampMs> timestamp, const Headers& headers) = 0;
    // The cache that all stores of the thread share; null: none.
    virtual StoreCache* cache() = 0;
    // Null outside of processing.
    virtual const RecordContext* record_context() const = 0;
    // While `flush` runs, the record context is `context`: of the record that a cached value is of.
    virtual void in_context(const RecordContext& context, const std::function<void()>& flush) = 0;
    virtual const SerdeDefaults& serde_defaults() const = 0;
    virtual TimestampMs wall_ms() const = 0;
    virtual const TaskId& task_id() const = 0;
    virtual void dropped(std::string_view why) = 0;
};

// Forwards what a cached store let go: the key (of a windowed store the windowed one), the value
// now and at the last flush (null unless old values are sent), and its timestamp.
using FlushListener = std::function<void(Ref key, Change change, TimestampMs timestamp)>;

// Sets `make` by the kind; not for internal ones, which make themselves.
void set_maker(StoreSpec& spec);

class StateStore {
public:
    explicit StateStore(const StoreSpec& spec) : spec_(spec) {}
    virtual ~StateStore() = default;
    StateStore(const StateStore&) = delete;

    const std::string& name() const { return spec_.name; }
    const StoreSpec& spec() const { return spec_; }

    // Opens it. Restoring and everything else comes later.
    virtual void init(StoreContext& context) = 0;
    // One record of the changelog; writes neither to the cache nor to the changelog.
    virtual void restore(BytesView key, NullableView value, TimestampMs timestamp,
                         const Headers& headers) = 0;
    // At every commit: writes and forwards what the cache holds back.
    virtual void flush() {}
    virtual void close() {}

    // Whether a flush listener will forward the changes, so that the writer must not.
    bool forwards_on_flush() const { return listener_ != nullptr; }
    // Sets it if the store is cached; else the writer forwards itself.
    void set_flush_listener(FlushListener listener, bool send_old_values) {
        if (!cached()) return;
        listener_ = std::move(listener);
        send_old_values_ = send_old_values;
    }
    virtual bool cached() const { return false; }

protected:
    const FlushListener& listener() const { return listener_; }
    bool send_old_values() const { return send_old_values_; }

private:
    StoreSpec spec_;
    FlushListener listener_;
    bool send_old_values_ = false;
};

// A value as a store gives it. The value is null where there is none; the timestamp is -1 in
// stores that keep none. Kafka: ValueAndTimestamp.
struct StoredValue {
    Box value;
    TimestampMs timestamp = -1;
    explicit operator bool() const { return static_cast<bool>(value); }
};

enum class Order : uint8_t { forward, backward };

// Kafka: KeyValueIterator. next() gives nothing at the end.
template <typename Entry>
class StoreIterator {
public:
    virtual ~StoreIterator() = default;
    virtual std::optional<Entry> next() = 0;
};
template <typename Entry>
using StoreIteratorPtr = std::unique_ptr<StoreIterator<Entry>>;

struct KeyValueEntry {
    Box key;
    StoredValue value;
};
struct WindowEntry {
    TimestampMs start = 0;
    StoredValue value;
};
struct WindowedEntry {
    Box key;  // without its window
    Window window;
    StoredValue value;
};

// StoreKind::key_value and timestamped_key_value. Order: that of the keys' bytes, unsigned.
class KeyValueState : public StateStore {
public:
    using StateStore::StateStore;
    virtual StoredValue get(Ref key) = 0;
    // A null value deletes. The timestamp is kept by timestamped stores, and in the changelog.
    virtual void put(Ref key, Ref value, TimestampMs timestamp) = 0;
    // Inclusive at both ends; null is open.
    virtual StoreIteratorPtr<KeyValueEntry> range(Ref from, Ref to, Order order) = 0;
    virtual StoreIteratorPtr<KeyValueEntry> prefix(BytesView prefix) = 0;
    virtual int64_t approximate_entries() = 0;
};

// StoreKind::window and timestamped_window. Reads give windows that start after the largest start
// seen minus the retention.
class WindowState : public StateStore {
public:
    using StateStore::StateStore;
    // `timestamp` as in KeyValueState::put().
    virtual void put(Ref key, Ref value, TimestampMs start, TimestampMs timestamp) = 0;
    virtual StoredValue fetch(Ref key, TimestampMs start) = 0;
    // Starts in [from, to].
    virtual StoreIteratorPtr<WindowEntry> fetch(Ref key, TimestampMs from, TimestampMs to,
                                                Order order) = 0;
    // Of all keys, or from one to another (inclusive, null is open), in the store's own order.
    virtual StoreIteratorPtr<WindowedEntry> fetch_keys(Ref key_from, Ref key_to, TimestampMs from,
                                                       TimestampMs to, Order order) = 0;
    virtual StoreIteratorPtr<WindowedEntry> all(Order order) = 0;
};

// StoreKind::session. The values carry no timestamp: a session's is its end.
class SessionState : public StateStore {
public:
    using StateStore::StateStore;
    virtual void put(Ref key, Window session, Ref value) = 0;  // null removes
    virtual Box fetch_session(Ref key, TimestampMs start, TimestampMs end) = 0;
    // end >= earliest_end and start <= latest_start; a range of keys as in WindowState.
    virtual StoreIteratorPtr<WindowedEntry> find(Ref key_from, Ref key_to, TimestampMs earliest_end,
                                                 TimestampMs latest_start, Order order) = 0;
    // Of a time_first store: sessions of all keys with an end in [from, to], by end.
    virtual StoreIteratorPtr<WindowedEntry> find_by_end(TimestampMs from, TimestampMs to) = 0;
};

struct VersionedValue {
    Box value;
    TimestampMs timestamp = -1;
    std::optional<TimestampMs> valid_to;  // none: it is the latest
    explicit operator bool() const { return static_cast<bool>(value); }
};

// StoreKind::versioned.
class VersionedState : public StateStore {
public:
    using StateStore::StateStore;
    static constexpr int64_t kLatest = -1;
    static constexpr int64_t kNotPut = std::numeric_limits<int64_t>::min();
    // Null puts a tombstone. Returns until when the version is valid, or one of the above.
    virtual int64_t put(Ref key, Ref value, TimestampMs timestamp) = 0;
    virtual VersionedValue get(Ref key) = 0;
    virtual VersionedValue get(Ref key, TimestampMs as_of) = 0;
    // Versions (without tombstones) whose validity touches [from, to].
    virtual StoreIteratorPtr<VersionedValue> history(Ref key, TimestampMs from, TimestampMs to,
                                                     Order order) = 0;
};

}  // namespace millrace::streams
