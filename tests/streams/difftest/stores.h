// State stores of Values, whatever their kind: what programs, queries and dumps read.
#pragma once

#include <optional>
#include <vector>

#include "streams/state_stores.h"
#include "value.h"

namespace millrace::difftest {

using KeyValueStore = streams::KeyValueStore<Value, Value>;
using TimestampedKeyValueStore = streams::TimestampedKeyValueStore<Value, Value>;
using WindowStore = streams::WindowStore<Value, Value>;
using SessionStore = streams::SessionStore<Value, Value>;
using VersionedKeyValueStore = streams::VersionedKeyValueStore<Value, Value>;

// An entry of any store.
struct Row {
    Value key;
    // Its end is unknown where a store gives starts only (then it is the start).
    std::optional<streams::Window> window;
    Value value;
    TimestampMs timestamp = -1;  // -1: of a store without timestamps

    // {"key", "start", "end", "value", "ts"}, as far as they are there.
    Json to_json() const;
};

// The store as one of its kind; ClassCastException when it is none.
class AnyStore {
public:
    explicit AnyStore(streams::StateStore& store) : store_(store) {}
    streams::StoreKind kind() const { return store_.spec().kind; }
    const streams::StoreSpec& spec() const { return store_.spec(); }
    bool is_key_value() const;
    bool is_window() const;
    bool is_versioned() const { return kind() == streams::StoreKind::versioned; }
    bool timestamped() const;
    // As the recorded dumps call it.
    std::string_view kind_name() const;

    template <typename S>
    S as() const {
        return S(store_);
    }
    // Key-value stores of both kinds.
    std::optional<Row> get(const Value& key) const;
    std::vector<Row> range(const Value* from, const Value* to, streams::Order order) const;
    std::vector<Row> prefix(std::string_view prefix) const;
    int64_t approximate_entries() const;
    // Everything, in the store's order; of key-value, window and session stores.
    std::vector<Row> all() const;

private:
    streams::StateStore& store_;
};

Row row_of(streams::KeyValue<Value, Value> entry);
Row row_of(streams::KeyValue<Value, streams::ValueAndTimestamp<Value>> entry);
Row row_of(streams::KeyValue<streams::Windowed<Value>, Value> entry);
Row row_of(streams::KeyValue<streams::Windowed<Value>, streams::ValueAndTimestamp<Value>> entry);
Row row_of(streams::KeyValue<TimestampMs, streams::ValueAndTimestamp<Value>> entry);

template <typename Iterator>
std::vector<Row> rows_of(Iterator entries) {
    std::vector<Row> rows;
    while (auto entry = entries.next()) rows.push_back(row_of(*std::move(entry)));
    return rows;
}

}  // namespace millrace::difftest
