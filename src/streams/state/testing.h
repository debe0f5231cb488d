// What a store's tests run it in: a task of nothing but a store.
#pragma once

#include <string>
#include <vector>

#include "streams/state/ordered_bytes.h"
#include "streams/state/store.h"

namespace millrace::streams::testing {

struct LoggedChange {
    Bytes key;
    NullableBytes value;
    std::optional<TimestampMs> timestamp;
    friend bool operator==(const LoggedChange&, const LoggedChange&) = default;
};

// Every call that writes is in the context of a record whose time `now` is.
class FakeStoreContext final : public StoreContext {
public:
    std::unique_ptr<OrderedBytes> open_bytes(const StoreSpec&) override {
        return make_memory_bytes();
    }
    void log_change(const StoreSpec&, BytesView key, NullableView value,
                    std::optional<TimestampMs> timestamp, const Headers&) override {
        log.push_back({Bytes(key), value ? NullableBytes(Bytes(*value)) : std::nullopt, timestamp});
    }
    StoreCache* cache() override { return store_cache; }
    const RecordContext* record_context() const override {
        if (override_) return override_;
        record_.timestamp = now;
        record_.topic = "in";
        record_.headers = &headers_;
        return &record_;
    }
    void in_context(const RecordContext& context, const std::function<void()>& flush) override {
        const RecordContext* before = std::exchange(override_, &context);
        flush();
        override_ = before;
    }
    const SerdeDefaults& serde_defaults() const override { return defaults_; }
    TimestampMs wall_ms() const override { return 0; }
    const TaskId& task_id() const override { return task_; }
    void dropped(std::string_view) override { ++dropped_count; }

    TimestampMs now = 0;
    StoreCache* store_cache = nullptr;
    std::vector<LoggedChange> log;
    int dropped_count = 0;

private:
    mutable RecordContext record_;
    mutable Headers headers_;
    const RecordContext* override_ = nullptr;
    SerdeDefaults defaults_;
    TaskId task_;
};

// A store of texts by texts, open.
template <typename State>
std::unique_ptr<State> open_state(StoreSpec spec, FakeStoreContext& context) {
    spec.key_type = &kTypeOf<std::string>;
    spec.value_type = &kTypeOf<std::string>;
    spec.key_serde = default_serde<std::string>();
    spec.value_serde = default_serde<std::string>();
    spec.windowed = &kWindowedTypeOf<std::string>;
    set_maker(spec);
    std::unique_ptr<StateStore> made = spec.make(spec);
    made->init(context);
    return std::unique_ptr<State>(static_cast<State*>(made.release()));
}

inline std::string text(const Box& box) {
    return box ? box.as<std::string>() : "-";
}
inline std::string text(const StoredValue& stored) {
    return stored.timestamp < 0 ? text(stored.value)
                                : text(stored.value) + "@" + std::to_string(stored.timestamp);
}
inline std::string text(const KeyValueEntry& entry) {
    return text(entry.key) + "=" + text(entry.value);
}
inline std::string text(const WindowEntry& entry) {
    return std::to_string(entry.start) + "=" + text(entry.value);
}
inline std::string text(const WindowedEntry& entry) {
    return text(entry.key) + "[" + std::to_string(entry.window.start) + "," +
           std::to_string(entry.window.end) + "]=" + text(entry.value);
}
// All that is left of an iterator, with blanks between.
template <typename Entry>
std::string text(StoreIteratorPtr<Entry> iterator) {
    std::string all;
    while (auto entry = iterator->next()) all += (all.empty() ? "" : " ") + text(*entry);
    return all;
}

}  // namespace millrace::streams::testing
