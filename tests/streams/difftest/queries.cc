#include "queries.h"

#include <algorithm>

#include "errors.h"
#include "state_queries.h"
#include "stores.h"

namespace millrace::difftest {
namespace {

using streams::Order;

Json shown(const std::vector<Row>& rows) {
    Json::List list;
    for (const Row& row : rows) list.push_back(row.to_json());
    return list;
}

// Of one key: its windows by their starts.
Json shown_windows(const std::vector<Row>& rows) {
    Json::List list;
    for (const Row& row : rows) {
        Json json;
        json.set("value", row.value.to_json()).set("start", row.window->start);
        if (row.timestamp >= 0) json.set("ts", row.timestamp);
        list.push_back(std::move(json));
    }
    return list;
}

Json shown_version(const std::optional<streams::VersionedRecord<Value>>& record) {
    if (!record) return {};
    Json json;
    json.set("value", record->value.to_json())
        .set("ts", record->timestamp)
        .set("validTo", Json());  // Kafka's stores tell it in answers to queries only
    return json;
}

// A single value of a store, with its timestamp where the store has them.
Json shown_value(const AnyStore& store, const Value& value, TimestampMs timestamp) {
    if (!store.timestamped()) return value.to_json();
    Json json;
    json.set("value", value.to_json()).set("ts", timestamp);
    return json;
}

const Value* bound(const Value& value) {
    return value.is_null() ? nullptr : &value;
}

std::optional<Json> key_value_answer(const AnyStore& store, const Json& query) {
    const std::string& type = query["type"].text();
    const Value key = Value::from_json(query["key"]);
    if (type == "get" && store.is_versioned())
        return shown_version(store.as<VersionedKeyValueStore>().get(key));
    if (type == "get") {
        const auto found = store.get(key);
        return found ? shown_value(store, found->value, found->timestamp) : Json();
    }
    if (type == "getAsOf")
        return shown_version(store.as<VersionedKeyValueStore>().get(key, query["asOf"].number()));
    if (type == "range" || type == "reverseRange") {
        const Value from = Value::from_json(query["from"]);
        const Value to = Value::from_json(query["to"]);
        return shown(store.range(bound(from), bound(to),
                                 type == "range" ? Order::forward : Order::backward));
    }
    if (type == "all") return shown(store.range(nullptr, nullptr, Order::forward));
    if (type == "reverseAll") return shown(store.range(nullptr, nullptr, Order::backward));
    if (type == "prefixScan") return shown(store.prefix(query["prefix"].text()));
    if (type == "approximateNumEntries") return Json(store.approximate_entries());
    return std::nullopt;
}

std::optional<Json> window_answer(const AnyStore& store, const Json& query) {
    const std::string& type = query["type"].text();
    if (!type.starts_with("window")) return std::nullopt;
    auto windows = store.as<WindowStore>();
    const Value key = Value::from_json(query["key"]);
    if (type == "windowFetchOne") {
        const auto found = windows.fetch(key, query["at"].number());
        return found ? shown_value(store, found->value, found->timestamp) : Json();
    }
    const TimestampMs from = query["from"].number();
    const TimestampMs to = query["to"].number();
    if (type == "windowFetch") return shown_windows(rows_of(windows.fetch(key, from, to)));
    if (type == "windowBackwardFetch")
        return shown_windows(rows_of(windows.fetch(key, from, to, Order::backward)));
    if (type == "windowFetchAll") return shown(rows_of(windows.fetch_all(from, to)));
    if (type != "windowFetchKeys") return std::nullopt;
    const Value key_from = Value::from_json(query["keyFrom"]);
    const Value key_to = Value::from_json(query["keyTo"]);
    return shown(rows_of(windows.fetch_keys(bound(key_from), bound(key_to), from, to)));
}

std::optional<Json> session_answer(const AnyStore& store, const Json& query) {
    const std::string& type = query["type"].text();
    if (!type.starts_with("session")) return std::nullopt;
    auto sessions = store.as<SessionStore>();
    const Value key = Value::from_json(query["key"]);
    if (type == "sessionFetch") return shown(rows_of(sessions.fetch(key)));
    if (type == "sessionBackwardFetch") return shown(rows_of(sessions.fetch(key, Order::backward)));
    if (type == "sessionFind")
        return shown(rows_of(sessions.find_sessions(key, query["earliestEnd"].number(),
                                                    query["latestStart"].number())));
    if (type != "sessionFetchOne") return std::nullopt;
    return Value::of(sessions.fetch_session(key, query["start"].number(), query["end"].number()))
        .to_json();
}

Json dump_of_store(const AnyStore& store) {
    Json dump;
    const bool hidden = store.kind() == streams::StoreKind::internal;
    dump.set("kind", hidden ? "internal" : store.kind_name());
    if (store.spec().retention_ms > 0) dump.set("retention", store.spec().retention_ms);
    if (hidden || store.is_versioned()) return dump;
    Json::List rows;
    for (const Row& row : store.all()) rows.push_back(row.to_json());
    sort_rows(rows);
    return dump.set("entries", std::move(rows));
}

}  // namespace

Json answer_of(streams::TopologyTestDriver& driver, const Json& query) {
    const AnyStore store(driver.state_store(query["store"].text()));
    if (auto answer = key_value_answer(store, query)) return *std::move(answer);
    if (auto answer = window_answer(store, query)) return *std::move(answer);
    if (auto answer = session_answer(store, query)) return *std::move(answer);
    if (auto answer = state_query_answer(driver.state_store(query["store"].text()), query))
        return *std::move(answer);
    throw CaseError("unknown query " + query.to_text());
}

Json dump_of(streams::TopologyTestDriver& driver) {
    Json::Object dump;
    for (const auto& [name, store] : driver.all_state_stores())
        dump.emplace(name, dump_of_store(AnyStore(*store)));
    return dump;
}

void sort_rows(Json::List& rows) {
    const auto order = [](const Json& row) {
        const auto number = [&](const char* name) {
            return row[name].is_null() ? 0 : row[name].number();
        };
        return std::tuple(row["key"].to_text(), number("start"), number("end"),
                          row["value"].to_text());
    };
    std::ranges::sort(rows, {}, order);
}

}  // namespace millrace::difftest
