#include "options.h"

#include "errors.h"
#include "serdes.h"
#include "streams/timestamp_extractors.h"

namespace millrace::difftest {
namespace {

namespace stores = streams::stores;
using std::chrono::milliseconds;

milliseconds ms(const Json& number) {
    return milliseconds(number.number());
}

std::map<std::string, std::string> settings_of(const Json& object) {
    std::map<std::string, std::string> settings;
    for (const auto& [name, value] : object.object())
        settings[name] = value.is_text() ? value.text() : value.to_text();
    return settings;
}

template <typename Options>
Options with_name(Options options, const Json& operation) {
    if (!operation.has("name")) return options;
    return options.with_name(operation["name"].text());
}

// `caching` and `logging` of a store, for whoever has these settings.
template <typename Store>
Store with_switches(Store store, const Json& spec) {
    if (spec.has("caching"))
        store =
            spec["caching"].truth() ? store.with_caching_enabled() : store.with_caching_disabled();
    if (!spec.has("logging")) return store;
    if (spec["logging"].is_object())
        return store.with_logging_enabled(settings_of(spec["logging"]));
    return spec["logging"].truth() ? store.with_logging_enabled({}) : store.with_logging_disabled();
}

Materialized place_of(const Json& spec, StoreUse use) {
    const std::string type = spec.text_or("type", "");
    const std::string name = spec.text_or("name", "");
    if (type == "versioned")
        return Materialized::as(stores::persistent_versioned_key_value_store(
            name, ms(spec["historyRetention"]),
            spec.has("segmentInterval") ? ms(spec["segmentInterval"]) : milliseconds()));
    if (type == "lru")
        return Materialized::as(stores::lru_map(name, static_cast<size_t>(spec["max"].number())));
    if (type == "plain") return Materialized::as(stores::persistent_key_value_store(name));
    if (type == "inMemorySupplier") {
        if (use == StoreUse::window)
            return Materialized::as(stores::in_memory_window_store(name, ms(spec["retention"]),
                                                                   ms(spec["windowSize"]), false));
        if (use == StoreUse::session)
            return Materialized::as(stores::in_memory_session_store(name, ms(spec["retention"])));
        return Materialized::as(stores::in_memory_key_value_store(name));
    }
    return spec["name"].is_null() ? Materialized() : Materialized::as(name);
}

streams::StoreSupplier window_supplier(const Json& spec, bool timestamped) {
    const std::string& name = spec["name"].text();
    const milliseconds retention = ms(spec["retention"]);
    const milliseconds size = ms(spec["windowSize"]);
    const bool duplicates = !timestamped && spec.flag("retainDuplicates");
    if (spec.flag("memory"))
        return stores::in_memory_window_store(name, retention, size, duplicates);
    return timestamped
               ? stores::persistent_timestamped_window_store(name, retention, size, duplicates)
               : stores::persistent_window_store(name, retention, size, duplicates);
}

streams::StoreBuilder plain_builder_of(const Json& spec) {
    const std::string& type = spec["type"].text();
    const std::string& name = spec["name"].text();
    const bool memory = spec.flag("memory");
    const streams::Serde<Value> key = serde_of(spec["key"]);
    const streams::Serde<Value> value = serde_of(spec["value"]);
    if (type == "kv")
        return stores::key_value_store_builder(memory ? stores::in_memory_key_value_store(name)
                                                      : stores::persistent_key_value_store(name),
                                               key, value);
    if (type == "lru")
        return stores::key_value_store_builder(
            stores::lru_map(name, static_cast<size_t>(spec["max"].number())), key, value);
    if (type == "timestampedKv")
        return stores::timestamped_key_value_store_builder(
            memory ? stores::in_memory_key_value_store(name)
                   : stores::persistent_timestamped_key_value_store(name),
            key, value);
    if (type == "window")
        return stores::window_store_builder(window_supplier(spec, false), key, value);
    if (type == "timestampedWindow")
        return stores::timestamped_window_store_builder(window_supplier(spec, true), key, value);
    if (type == "session")
        return stores::session_store_builder(
            memory ? stores::in_memory_session_store(name, ms(spec["retention"]))
                   : stores::persistent_session_store(name, ms(spec["retention"])),
            key, value);
    if (type == "versioned")
        return stores::versioned_key_value_store_builder(
            stores::persistent_versioned_key_value_store(name, ms(spec["historyRetention"])), key,
            value);
    throw CaseError("no store type " + type);
}

streams::BufferConfig buffer_of(const Json& spec) {
    auto buffer = streams::BufferConfig::unbounded();
    if (spec.has("maxRecords")) buffer = buffer.with_max_records(spec["maxRecords"].number());
    if (spec.has("maxBytes")) buffer = buffer.with_max_bytes(spec["maxBytes"].number());
    const std::string full = spec.text_or("onFull", "");
    if (full == "shutdown") buffer = buffer.shut_down_when_full();
    if (full == "emitEarly") buffer = buffer.emit_early_when_full();
    return spec.flag("logging", true) ? buffer : buffer.with_logging_disabled();
}

streams::dsl::AnyTimeWindows time_windows_of(const Json& window) {
    if (window["type"] == Json("unlimited"))
        return window.has("start")
                   ? streams::UnlimitedWindows::of().start_on(window["start"].number())
                   : streams::UnlimitedWindows::of();
    if (window["type"] == Json("sliding"))
        return window.has("grace")
                   ? streams::SlidingWindows::of_time_difference_and_grace(ms(window["size"]),
                                                                           ms(window["grace"]))
                   : streams::SlidingWindows::of_time_difference_with_no_grace(ms(window["size"]));
    const auto windows =
        window.has("grace")
            ? streams::TimeWindows::of_size_and_grace(ms(window["size"]), ms(window["grace"]))
            : streams::TimeWindows::of_size_with_no_grace(ms(window["size"]));
    return window.has("advance") ? windows.advance_by(ms(window["advance"])) : windows;
}

}  // namespace

streams::Named named_of(const Json& operation) {
    return operation.has("name") ? streams::Named::as(operation["name"].text()) : streams::Named();
}

streams::Consumed<Value, Value> consumed_of(const Json& op) {
    auto consumed = with_name(
        streams::Consumed<Value, Value>::with(serde_of(op["key"]), serde_of(op["value"])), op);
    if (op.has("offsetReset"))
        consumed = consumed.with_offset_reset_policy(reset_of(op["offsetReset"].text()));
    if (op.has("timestamp"))
        consumed = consumed.with_timestamp_extractor(extractor_of(op["timestamp"]));
    return consumed;
}

streams::Produced<Value, Value> produced_of(const Json& op) {
    return with_name(
        streams::Produced<Value, Value>::with(serde_of(op["key"]), serde_of(op["value"])), op);
}

streams::Grouped<Value, Value> grouped_of(const Json& op) {
    return with_name(
        streams::Grouped<Value, Value>::with(serde_of(op["key"]), serde_of(op["value"])), op);
}

streams::Repartitioned<Value, Value> repartitioned_of(const Json& op) {
    auto options = with_name(
        streams::Repartitioned<Value, Value>::with(serde_of(op["key"]), serde_of(op["value"])), op);
    if (!op.has("partitions")) return options;
    return options.with_number_of_partitions(static_cast<int32_t>(op["partitions"].number()));
}

std::optional<Materialized> materialized_of(const Json& operation, StoreUse use) {
    const Json& spec = operation["store"];
    if (spec.is_null()) return std::nullopt;
    const std::string type = spec.text_or("type", "");
    Materialized store = place_of(spec, use);
    if (spec.has("key")) store = store.with_key_serde(serde_of(spec["key"]));
    if (spec.has("value")) store = store.with_value_serde(serde_of(spec["value"]));
    store = with_switches(store, spec);
    if (spec.has("retention") && type != "inMemorySupplier")
        store = store.with_retention(ms(spec["retention"]));
    if (type == "inMemory" || type == "rocksDB") store = store.in_memory(type == "inMemory");
    return store;
}

streams::Suppressed suppressed_of(const Json& op) {
    const streams::BufferConfig buffer = buffer_of(op["buffer"]);
    const auto suppressed =
        op.flag("untilWindowCloses")
            ? streams::Suppressed::until_window_closes(buffer)
            : streams::Suppressed::until_time_limit(ms(op["untilTimeLimit"]), buffer);
    return with_name(suppressed, op);
}

streams::JoinWindows join_windows_of(const Json& window) {
    auto windows = window.has("grace")
                       ? streams::JoinWindows::of_time_difference_and_grace(ms(window["diff"]),
                                                                            ms(window["grace"]))
                       : streams::JoinWindows::of_time_difference_with_no_grace(ms(window["diff"]));
    if (window.has("before")) windows = windows.before(ms(window["before"]));
    if (window.has("after")) windows = windows.after(ms(window["after"]));
    return windows;
}

Windows windows_of(const Json& window) {
    if (window["type"] != Json("session")) return time_windows_of(window);
    return window.has("grace")
               ? streams::SessionWindows::of_inactivity_gap_and_grace(ms(window["gap"]),
                                                                      ms(window["grace"]))
               : streams::SessionWindows::of_inactivity_gap_with_no_grace(ms(window["gap"]));
}

// A duration is written PT…S, PT…M, PT…H or P…D, of whole numbers.
streams::AutoOffsetReset reset_of(const std::string& text) {
    using Strategy = streams::AutoOffsetReset::Strategy;
    if (text == "earliest") return {Strategy::earliest, 0};
    if (text == "latest") return {Strategy::latest, 0};
    if (text == "none") return {Strategy::none, 0};
    const size_t digits = text.find_first_of("0123456789");
    if (!text.starts_with('P') || digits == std::string::npos)
        throw CaseError("no offset reset " + text);
    const int64_t count = std::stoll(text.substr(digits));
    const char unit = text.back();
    const int64_t seconds = unit == 'S' ? 1 : unit == 'M' ? 60 : unit == 'H' ? 3600 : 86400;
    return {Strategy::by_duration, count * seconds * 1000};
}

streams::TimestampExtractor extractor_of(const Json& expression) {
    if (expression == Json("failOnInvalid")) return streams::fail_on_invalid_timestamp();
    if (expression == Json("logAndSkip")) return streams::log_and_skip_on_invalid_timestamp();
    if (expression == Json("usePartitionTime"))
        return streams::use_partition_time_on_invalid_timestamp();
    return [&expression](const streams::SourceRecord& record, TimestampMs partition_time) {
        return evaluate(expression, {{"key", Value::of(static_cast<const Value*>(record.key))},
                                     {"value", Value::of(static_cast<const Value*>(record.value))},
                                     {"ts", record.context.timestamp},
                                     {"partitionTime", partition_time}})
            .number();
    };
}

streams::StoreBuilder store_builder_of(const Json& spec) {
    return with_switches(plain_builder_of(spec), spec);
}

std::vector<streams::StoreBuilder> own_stores_of(const Json& operation) {
    std::vector<streams::StoreBuilder> own;
    if (operation.has("ownStores"))
        for (const Json& spec : operation["ownStores"].list())
            own.push_back(store_builder_of(spec));
    return own;
}

streams::StreamsConfig config_of(const Json& the_case) {
    std::map<std::string, std::string> properties = {{"application.id", "app"},
                                                     {"bootstrap.servers", "none:9"},
                                                     {"statestore.cache.max.bytes", "0"}};
    std::map<std::string, std::string> ours = {{"default.key.serde", "string"},
                                               {"default.value.serde", "string"}};
    if (the_case.has("config"))
        for (const auto& [name, value] : settings_of(the_case["config"])) {
            const bool by_short_value = name.ends_with(".serde") || name.ends_with(".handler") ||
                                        name.starts_with("emit.interval.") ||
                                        name == "dsl.store.suppliers.class";
            (by_short_value ? ours : properties)[name] = value;
        }
    auto config = streams::StreamsConfig::from(properties);
    const auto handler = [](const std::string& name) {
        return name == "continue" ? streams::log_and_continue() : streams::log_and_fail();
    };
    for (const auto& [name, value] : ours) {
        if (name == "default.key.serde")
            config.default_key_serde = serde_named(value).erased();
        else if (name == "default.value.serde")
            config.default_value_serde = serde_named(value).erased();
        else if (name == "deserialization.exception.handler")
            config.deserialization_exception_handler = handler(value);
        else if (name == "processing.exception.handler")
            config.processing_exception_handler = handler(value);
        else if (name == "dsl.store.suppliers.class")
            config.dsl_stores_in_memory = value == "inMemory";
        else if (name == "emit.interval.outer.join")
            config.emit_interval_outer_join_ms = std::stoll(value);
        else if (name == "emit.interval.windowed.aggregation")
            config.emit_interval_windowed_aggregation_ms = std::stoll(value);
        else
            throw CaseError("no setting " + name);
    }
    return config;
}

}  // namespace millrace::difftest
