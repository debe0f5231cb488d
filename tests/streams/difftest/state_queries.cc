#include "state_queries.h"

#include "stores.h"

namespace millrace::difftest {
namespace {

template <typename Q>
using Shown = Json (*)(typename Q::Result&);

template <typename Q>
Json ask(streams::StateStore& store, const Q& query, Shown<Q> shown) {
    auto answer = streams::query(store, query);
    if (answer.is_success()) return shown(answer.result());
    Json json;
    json.set("failure", std::string(streams::name_of(answer.failure_reason())));
    return json;
}

using KeyQuery = streams::KeyQuery<Value, Value>;
using TimestampedKeyQuery = streams::TimestampedKeyQuery<Value, Value>;
using RangeQuery = streams::RangeQuery<Value, Value>;
using TimestampedRangeQuery = streams::TimestampedRangeQuery<Value, Value>;
using WindowKeyQuery = streams::WindowKeyQuery<Value, Value>;
using WindowRangeQuery = streams::WindowRangeQuery<Value, Value>;
using VersionedKeyQuery = streams::VersionedKeyQuery<Value, Value>;
using MultiVersionedKeyQuery = streams::MultiVersionedKeyQuery<Value, Value>;

template <typename Iterator>
Json rows(Iterator& iterator) {
    Json::List list;
    while (auto entry = iterator.next()) list.push_back(row_of(*std::move(entry)).to_json());
    return list;
}

Json windows(WindowKeyQuery::Result& iterator) {
    Json::List list;
    while (auto entry = iterator.next()) {
        Json json;
        json.set("value", entry->value.value.to_json()).set("start", entry->key);
        if (entry->value.timestamp >= 0) json.set("ts", entry->value.timestamp);
        list.push_back(std::move(json));
    }
    return list;
}

Json version(const streams::VersionedRecord<Value>& record) {
    Json json;
    json.set("value", record.value.to_json())
        .set("ts", record.timestamp)
        .set("validTo", record.valid_to ? Json(*record.valid_to) : Json());
    return json;
}

template <typename Q>
Q range_of(const Json& query) {
    const Value from = Value::from_json(query["from"]);
    const Value to = Value::from_json(query["to"]);
    Q range = from.is_null() && to.is_null() ? Q::with_no_bounds()
              : from.is_null()               ? Q::with_upper_bound(to)
              : to.is_null()                 ? Q::with_lower_bound(from)
                                             : Q::with_range(from, to);
    if (query["order"].is_null()) return range;
    return query["order"].text() == "descending" ? range.with_descending_keys()
                                                 : range.with_ascending_keys();
}

std::optional<Json> of_keys(streams::StateStore& store, const Json& query) {
    const std::string& type = query["type"].text();
    const Value key = Value::from_json(query["key"]);
    if (type == KeyQuery::kName)
        return ask(store, KeyQuery::with_key(key),
                   [](KeyQuery::Result& found) { return found ? found->to_json() : Json(); });
    if (type == TimestampedKeyQuery::kName)
        return ask(store, TimestampedKeyQuery::with_key(key),
                   [](TimestampedKeyQuery::Result& found) {
                       Json json;
                       if (found)
                           json.set("value", found->value.to_json()).set("ts", found->timestamp);
                       return json;
                   });
    if (type == RangeQuery::kName)
        return ask(store, range_of<RangeQuery>(query), &rows<RangeQuery::Result>);
    if (type == TimestampedRangeQuery::kName)
        return ask(store, range_of<TimestampedRangeQuery>(query),
                   &rows<TimestampedRangeQuery::Result>);
    return std::nullopt;
}

std::optional<Json> of_windows(streams::StateStore& store, const Json& query) {
    const std::string& type = query["type"].text();
    if (type == WindowKeyQuery::kName)
        return ask(
            store,
            WindowKeyQuery::with_key_and_window_start_range(
                Value::from_json(query["key"]), query["from"].number(), query["to"].number()),
            &windows);
    if (type != WindowRangeQuery::kName) return std::nullopt;
    return ask(store,
               query["key"].is_null() ? WindowRangeQuery::with_window_start_range(
                                            query["from"].number(), query["to"].number())
                                      : WindowRangeQuery::with_key(Value::from_json(query["key"])),
               &rows<WindowRangeQuery::Result>);
}

std::optional<Json> of_versions(streams::StateStore& store, const Json& query) {
    const std::string& type = query["type"].text();
    const Value key = Value::from_json(query["key"]);
    if (type == VersionedKeyQuery::kName) {
        auto wanted = VersionedKeyQuery::with_key(key);
        if (!query["asOf"].is_null()) wanted = wanted.as_of(query["asOf"].number());
        return ask(store, wanted, [](VersionedKeyQuery::Result& found) {
            return found ? version(*found) : Json();
        });
    }
    if (type != MultiVersionedKeyQuery::kName) return std::nullopt;
    auto wanted = MultiVersionedKeyQuery::with_key(key);
    if (!query["from"].is_null()) wanted = wanted.from_time(query["from"].number());
    if (!query["to"].is_null()) wanted = wanted.to_time(query["to"].number());
    if (!query["order"].is_null() && query["order"].text() == "ascending")
        wanted = wanted.with_ascending_timestamps();
    return ask(store, wanted, [](MultiVersionedKeyQuery::Result& found) {
        Json::List list;
        while (auto record = found.next()) list.push_back(version(*record));
        return Json(std::move(list));
    });
}

}  // namespace

std::optional<Json> state_query_answer(streams::StateStore& store, const Json& query) {
    if (auto answer = of_keys(store, query)) return answer;
    if (auto answer = of_windows(store, query)) return answer;
    return of_versions(store, query);
}

}  // namespace millrace::difftest
