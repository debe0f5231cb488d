#include "streams/state_stores.h"

#include <algorithm>

#include "streams/errors.h"

namespace millrace::streams {
namespace detail {

StateStore& checked(StateStore& store, std::initializer_list<StoreKind> kinds, const Type& key,
                    const Type& value) {
    const StoreSpec& spec = store.spec();
    if (std::ranges::find(kinds, spec.kind) == kinds.end())
        throw InvalidStateStoreException(
            fmt::format("the state store {} is of another kind", spec.name));
    if (spec.key_type != &key || spec.value_type != &value)
        throw InvalidStateStoreException(
            fmt::format("the state store {} holds {} by {}, not {} by {}", spec.name,
                        spec.value_type->name(), spec.key_type->name(), value.name(), key.name()));
    return store;
}

}  // namespace detail

namespace stores {
namespace {

constexpr int64_t kSegmentIntervalMin = 60'000;

StoreSupplier supplier(std::string name, StoreKind kind, bool persistent) {
    StoreSpec spec;
    spec.name = std::move(name);
    spec.kind = kind;
    spec.persistent = persistent;
    return {std::move(spec)};
}

void require(bool holds, std::string_view name, std::string_view what) {
    if (!holds) throw IllegalArgumentException(fmt::format("the store {}: {}", name, what));
}

StoreSupplier window_supplier(std::string name, StoreKind kind, bool persistent,
                              milliseconds retention, milliseconds window_size,
                              bool retain_duplicates) {
    require(retention.count() >= 0, name, "a retention cannot be negative");
    require(window_size.count() >= 0, name, "a window's size cannot be negative");
    require(window_size <= retention, name, "the retention is shorter than a window");
    StoreSupplier made = supplier(std::move(name), kind, persistent);
    made.spec.retention_ms = retention.count();
    made.spec.window_size_ms = window_size.count();
    made.spec.segment_interval_ms = std::max(retention.count() / 2, kSegmentIntervalMin);
    made.spec.retain_duplicates = retain_duplicates;
    return made;
}

StoreSupplier session_supplier(std::string name, bool persistent, milliseconds retention) {
    require(retention.count() >= 0, name, "a retention cannot be negative");
    StoreSupplier made = supplier(std::move(name), StoreKind::session, persistent);
    made.spec.retention_ms = retention.count();
    made.spec.segment_interval_ms = std::max(retention.count() / 2, kSegmentIntervalMin);
    return made;
}

// What a kind is without its timestamps.
StoreKind plain(StoreKind kind) {
    switch (kind) {
        case StoreKind::timestamped_key_value:
            return StoreKind::key_value;
        case StoreKind::timestamped_window:
            return StoreKind::window;
        default:
            return kind;
    }
}

}  // namespace

StoreSupplier persistent_key_value_store(std::string name) {
    return supplier(std::move(name), StoreKind::key_value, true);
}

StoreSupplier persistent_timestamped_key_value_store(std::string name) {
    return supplier(std::move(name), StoreKind::timestamped_key_value, true);
}

StoreSupplier in_memory_key_value_store(std::string name) {
    return supplier(std::move(name), StoreKind::key_value, false);
}

StoreSupplier lru_map(std::string name, size_t entries_max) {
    require(entries_max > 0, name, "a map of the last used entries holds at least one");
    StoreSupplier made = supplier(std::move(name), StoreKind::key_value, false);
    made.spec.entries_max = entries_max;
    return made;
}

StoreSupplier persistent_versioned_key_value_store(std::string name, milliseconds history_retention,
                                                   milliseconds segment_interval) {
    require(history_retention.count() >= 0, name, "a history's retention cannot be negative");
    require(segment_interval.count() >= 0, name, "a segment's interval cannot be negative");
    StoreSupplier made = supplier(std::move(name), StoreKind::versioned, true);
    made.spec.retention_ms = history_retention.count();
    made.spec.segment_interval_ms = segment_interval.count();
    return made;
}

StoreSupplier persistent_window_store(std::string name, milliseconds retention,
                                      milliseconds window_size, bool retain_duplicates) {
    return window_supplier(std::move(name), StoreKind::window, true, retention, window_size,
                           retain_duplicates);
}

StoreSupplier persistent_timestamped_window_store(std::string name, milliseconds retention,
                                                  milliseconds window_size,
                                                  bool retain_duplicates) {
    return window_supplier(std::move(name), StoreKind::timestamped_window, true, retention,
                           window_size, retain_duplicates);
}

StoreSupplier in_memory_window_store(std::string name, milliseconds retention,
                                     milliseconds window_size, bool retain_duplicates) {
    return window_supplier(std::move(name), StoreKind::window, false, retention, window_size,
                           retain_duplicates);
}

StoreSupplier persistent_session_store(std::string name, milliseconds retention) {
    return session_supplier(std::move(name), true, retention);
}

StoreSupplier in_memory_session_store(std::string name, milliseconds retention) {
    return session_supplier(std::move(name), false, retention);
}

StoreSpec typed(StoreSupplier supplier, StoreKind kind, const Type& key, const Type& value,
                SerdePtr key_serde, SerdePtr value_serde, const WindowedType* windowed) {
    StoreSpec spec = std::move(supplier.spec);
    require(plain(spec.kind) == plain(kind), spec.name, "its supplier is of another kind");
    // In memory the same map keeps values of either form.
    spec.drops_timestamps = spec.persistent && kind != plain(kind) && spec.kind != kind;
    spec.kind = kind;
    spec.key_type = &key;
    spec.value_type = &value;
    spec.key_serde = std::move(key_serde);
    spec.value_serde = std::move(value_serde);
    spec.windowed = windowed;
    set_maker(spec);
    return spec;
}

}  // namespace stores
}  // namespace millrace::streams
