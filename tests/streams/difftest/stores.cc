#include "stores.h"

#include "errors.h"

namespace millrace::difftest {

using streams::StoreKind;

Json Row::to_json() const {
    Json json;
    const Json shown = key.to_json();
    // A windowed key's parts stand beside the value, as those of a window store's.
    if (shown.has("k"))
        json.set("key", shown["k"]).set("start", shown["start"]).set("end", shown["end"]);
    else
        json.set("key", shown);
    json.set("value", value.to_json());
    if (window) json.set("start", window->start).set("end", window->end);
    if (timestamp >= 0) json.set("ts", timestamp);
    return json;
}

bool AnyStore::is_key_value() const {
    return kind() == StoreKind::key_value || kind() == StoreKind::timestamped_key_value;
}
bool AnyStore::is_window() const {
    return kind() == StoreKind::window || kind() == StoreKind::timestamped_window;
}
bool AnyStore::timestamped() const {
    return kind() == StoreKind::timestamped_key_value || kind() == StoreKind::timestamped_window;
}

std::string_view AnyStore::kind_name() const {
    switch (kind()) {
        case StoreKind::key_value:
            return "kv";
        case StoreKind::timestamped_key_value:
            return "timestampedKv";
        case StoreKind::window:
            return "window";
        case StoreKind::timestamped_window:
            return "timestampedWindow";
        case StoreKind::session:
            return "session";
        case StoreKind::versioned:
            return "versioned";
        default:
            return "other";
    }
}

std::optional<Row> AnyStore::get(const Value& key) const {
    if (key.is_null()) throw streams::NullPointerException("a store has no null key");
    if (kind() == StoreKind::timestamped_key_value) {
        auto found = as<TimestampedKeyValueStore>().get(key);
        if (!found) return std::nullopt;
        return row_of(TimestampedKeyValueStore::Entry{key, *std::move(found)});
    }
    if (!is_key_value()) throw ClassCastException(spec().name + " is no key-value store");
    auto found = as<KeyValueStore>().get(key);
    if (!found) return std::nullopt;
    return row_of(KeyValueStore::Entry{key, *std::move(found)});
}

std::vector<Row> AnyStore::range(const Value* from, const Value* to, streams::Order order) const {
    if (kind() == StoreKind::timestamped_key_value)
        return rows_of(as<TimestampedKeyValueStore>().range(from, to, order));
    if (!is_key_value()) throw ClassCastException(spec().name + " is no key-value store");
    return rows_of(as<KeyValueStore>().range(from, to, order));
}

std::vector<Row> AnyStore::prefix(std::string_view prefix) const {
    if (kind() == StoreKind::timestamped_key_value)
        return rows_of(as<TimestampedKeyValueStore>().prefix_scan(prefix));
    return rows_of(as<KeyValueStore>().prefix_scan(prefix));
}

int64_t AnyStore::approximate_entries() const {
    if (kind() == StoreKind::timestamped_key_value)
        return as<TimestampedKeyValueStore>().approximate_num_entries();
    return as<KeyValueStore>().approximate_num_entries();
}

std::vector<Row> AnyStore::all() const {
    if (is_key_value()) return range(nullptr, nullptr, streams::Order::forward);
    if (is_window()) {
        auto rows = rows_of(as<WindowStore>().all());
        // Java's stores of stream joins keep a time that they do not show, but in memory.
        if (spec().log_headers && !spec().persistent)
            for (Row& row : rows) row.timestamp = row.window->start;
        return rows;
    }
    if (kind() == StoreKind::session)
        return rows_of(as<SessionStore>().fetch_keys(nullptr, nullptr));
    return {};
}

Row row_of(streams::KeyValue<Value, Value> entry) {
    return {.key = std::move(entry.key), .window = {}, .value = std::move(entry.value)};
}
Row row_of(streams::KeyValue<Value, streams::ValueAndTimestamp<Value>> entry) {
    return {.key = std::move(entry.key),
            .window = {},
            .value = std::move(entry.value.value),
            .timestamp = entry.value.timestamp};
}
Row row_of(streams::KeyValue<streams::Windowed<Value>, Value> entry) {
    return {.key = std::move(entry.key.key),
            .window = entry.key.window,
            .value = std::move(entry.value)};
}
Row row_of(streams::KeyValue<streams::Windowed<Value>, streams::ValueAndTimestamp<Value>> entry) {
    return {.key = std::move(entry.key.key),
            .window = entry.key.window,
            .value = std::move(entry.value.value),
            .timestamp = entry.value.timestamp};
}
Row row_of(streams::KeyValue<TimestampMs, streams::ValueAndTimestamp<Value>> entry) {
    return {.key = {},
            .window = streams::Window{entry.key, entry.key},
            .value = std::move(entry.value.value),
            .timestamp = entry.value.timestamp};
}

}  // namespace millrace::difftest
