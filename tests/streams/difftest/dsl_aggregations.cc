// The aggregations: of grouped streams and tables, in windows and without, alone and together.
#include "dsl.h"
#include "errors.h"
#include "serdes.h"

namespace millrace::difftest {
namespace {

auto initializer_of(const Json& op) {
    return [&init = op["init"]] { return evaluate(init, {}).or_nothing(); };
}
auto aggregator_of(const Json& expression) {
    return of_three(expression, "key", "value", "agg");
}
auto reducer_of(const Json& expression) {
    return of_two(expression, "agg", "value");
}
auto merger_of(const Json& op) {
    return of_three(op["merge"], "key", "left", "right");
}

// Counting, with a Value as the count.
std::optional<Value> zero() {
    return Value(int64_t{0});
}
template <int64_t kBy>
std::optional<Value> counted(const Value*, const Value*, const Value* count) {
    return Value(count->number() + kBy);
}
std::optional<Value> sum(const Value*, const Value* left, const Value* right) {
    return Value(left->number() + right->number());
}
// count() itself takes one more number for a store that is described but not named, except in
// sliding windows.
void number_count(const std::optional<Materialized>& store, const streams::dsl::Handle& group) {
    if (store && !store->raw().store_name) group.graph->new_store_name("KSTREAM-AGGREGATE-");
}
Materialized count_store(const std::optional<Materialized>& store) {
    Materialized kept = store.value_or(Materialized());
    return kept.raw().value ? kept : kept.with_value_serde(serde_named("long"));
}

[[noreturn]] void unknown(const Json& op) {
    throw CaseError("no such operation here: " + op.to_text());
}

}  // namespace

DslBuilder::Made DslBuilder::apply(const Json& op, const KGroupedStream& group) {
    const std::string& what = op["op"].text();
    const streams::Named named = named_of(op);
    const auto store = materialized_of(op, StoreUse::key_value);
    if (what == "count") {
        number_count(store, group.raw());
        return group.aggregate(zero, counted<1>, named, count_store(store));
    }
    if (what == "reduce") return group.reduce(reducer_of(op["add"]), named, store);
    if (what == "aggregate")
        return group.aggregate(initializer_of(op), aggregator_of(op["add"]), named,
                               store.value_or(Materialized()));
    if (what == "cogroup") return group.cogroup<Value>(aggregator_of(op["add"]));
    if (what != "windowedBy") unknown(op);
    return std::visit([&](const auto& windows) -> Made { return group.windowed_by(windows); },
                      windows_of(op["window"]));
}

DslBuilder::Made DslBuilder::apply(const Json& op, const KGroupedTable& group) {
    const std::string& what = op["op"].text();
    const streams::Named named = named_of(op);
    const auto store = materialized_of(op, StoreUse::key_value);
    if (what == "count")
        return group.aggregate(zero, counted<1>, counted<-1>, named, count_store(store));
    if (what == "reduce")
        return group.reduce(reducer_of(op["add"]), reducer_of(op["subtract"]), {}, store);
    if (what == "aggregate")
        return group.aggregate(initializer_of(op), aggregator_of(op["add"]),
                               aggregator_of(op["subtract"]), {}, store.value_or(Materialized()));
    unknown(op);
}

DslBuilder::Made DslBuilder::apply(const Json& op, const TimeWindowed& group) {
    const std::string& what = op["op"].text();
    const auto store = materialized_of(op, StoreUse::window);
    if (what == "emitStrategy")
        return group.emit_strategy(op["strategy"] == Json("onWindowClose")
                                       ? streams::EmitStrategy::on_window_close
                                       : streams::EmitStrategy::on_window_update);
    if (what == "count") {
        if (!std::holds_alternative<streams::SlidingWindows>(group.raw().windows))
            number_count(store, group.raw().group);
        return group.aggregate(zero, counted<1>, named_of(op), count_store(store));
    }
    if (what == "reduce") return group.reduce(reducer_of(op["add"]), {}, store);
    if (what == "aggregate")
        return group.aggregate(initializer_of(op), aggregator_of(op["add"]), {},
                               store.value_or(Materialized()));
    unknown(op);
}

DslBuilder::Made DslBuilder::apply(const Json& op, const SessionWindowed& group) {
    const std::string& what = op["op"].text();
    const auto store = materialized_of(op, StoreUse::session);
    if (what == "emitStrategy")
        return group.emit_strategy(op["strategy"] == Json("onWindowClose")
                                       ? streams::EmitStrategy::on_window_close
                                       : streams::EmitStrategy::on_window_update);
    if (what == "count") {
        number_count(store, group.raw().group);
        return group.aggregate(zero, counted<1>, sum, named_of(op), count_store(store));
    }
    if (what == "reduce") return group.reduce(reducer_of(op["add"]), {}, store);
    if (what == "aggregate")
        return group.aggregate(initializer_of(op), aggregator_of(op["add"]), merger_of(op), {},
                               store.value_or(Materialized()));
    unknown(op);
}

DslBuilder::Made DslBuilder::apply(const Json& op, const Cogrouped& group) {
    const std::string& what = op["op"].text();
    if (what == "cogroup")
        return group.cogroup(node_as<KGroupedStream>(op, "with"), aggregator_of(op["add"]));
    if (what == "aggregate")
        return group.aggregate(initializer_of(op), {}, materialized_of(op, StoreUse::key_value));
    if (what == "windowedBy") return WindowedCogrouped{group, windows_of(op["window"])};
    unknown(op);
}

DslBuilder::Made DslBuilder::apply(const Json& op, const WindowedCogrouped& windowed) {
    if (op["op"] != Json("aggregate")) unknown(op);
    if (const auto* windows = std::get_if<streams::SessionWindows>(&windowed.windows))
        return windowed.group.aggregate(*windows, initializer_of(op), merger_of(op), {},
                                        materialized_of(op, StoreUse::session));
    return windowed.group.aggregate(std::get<streams::dsl::AnyTimeWindows>(windowed.windows),
                                    initializer_of(op), {}, materialized_of(op, StoreUse::window));
}

}  // namespace millrace::difftest
