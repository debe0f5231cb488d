// The joins: which one it is follows from the two sides.
#include "dsl.h"
#include "errors.h"
#include "serdes.h"

namespace millrace::difftest {
namespace {

auto joiner_of(const Json& op) {
    return of_three(op["joiner"], "key", "left", "right");
}
// Joins of tables have no key.
auto plain_joiner_of(const Json& op) {
    return [&joiner = op["joiner"]](const Value* left, const Value* right) -> std::optional<Value> {
        return evaluate(joiner,
                        {{"key", {}}, {"left", Value::of(left)}, {"right", Value::of(right)}})
            .or_nothing();
    };
}

template <typename Options>
Options serdes_of(const Json& op) {
    return Options::with(serde_of(op["key"]), serde_of(op["leftValue"]),
                         serde_of(op["rightValue"]));
}

bool is(const Json& op, std::string_view type) {
    return op.text_or("type", "inner") == type;
}

}  // namespace

DslBuilder::Made DslBuilder::join(const Json& op) {
    const Node& left = node(op, "left");
    const Node& right = node(op, "right");
    if (const auto* table = std::get_if<KTable>(&left)) {
        const auto& other = std::get<KTable>(right);
        return op.has("fk") ? join_by_foreign_key(op, *table, other)
                            : join_tables(op, *table, other);
    }
    const auto& stream = std::get<KStream>(left);
    if (const auto* other = std::get_if<KStream>(&right)) return join_streams(op, stream, *other);
    if (const auto* other = std::get_if<KTable>(&right)) return join_table(op, stream, *other);
    return join_global(op, stream, std::get<GlobalKTable>(right));
}

DslBuilder::Made DslBuilder::join_streams(const Json& op, const KStream& left,
                                          const KStream& right) {
    auto options = serdes_of<streams::StreamJoined<Value, Value, Value>>(op);
    if (op.has("name")) options = options.with_name(op["name"].text());
    if (op.has("storeName")) options = options.with_store_name(op["storeName"].text());
    if (op.text_or("storeType", "") == "inMemory") options = options.in_memory();
    if (!op.flag("logging", true)) options = options.with_logging_disabled();
    const streams::JoinWindows windows = join_windows_of(op["window"]);
    if (is(op, "inner")) return left.join(right, joiner_of(op), windows, options);
    if (is(op, "left")) return left.left_join(right, joiner_of(op), windows, options);
    return left.outer_join(right, joiner_of(op), windows, options);
}

DslBuilder::Made DslBuilder::join_table(const Json& op, const KStream& left, const KTable& right) {
    auto options = serdes_of<streams::Joined<Value, Value, Value>>(op);
    if (op.has("name")) options = options.with_name(op["name"].text());
    if (op.has("grace"))
        options = options.with_grace_period(std::chrono::milliseconds(op["grace"].number()));
    if (is(op, "inner")) return left.join(right, joiner_of(op), options);
    return left.left_join(right, joiner_of(op), options);
}

DslBuilder::Made DslBuilder::join_global(const Json& op, const KStream& left,
                                         const GlobalKTable& right) {
    const auto key = of_key_value(op["toKey"]);
    if (is(op, "inner")) return left.join(right, key, joiner_of(op), named_of(op));
    return left.left_join(right, key, joiner_of(op), named_of(op));
}

DslBuilder::Made DslBuilder::join_tables(const Json& op, const KTable& left, const KTable& right) {
    const auto joiner = plain_joiner_of(op);
    const streams::Named named = named_of(op);
    if (const auto store = materialized_of(op, StoreUse::key_value)) {
        if (is(op, "inner")) return left.join(right, joiner, named, *store);
        if (is(op, "left")) return left.left_join(right, joiner, named, *store);
        return left.outer_join(right, joiner, named, *store);
    }
    if (is(op, "inner")) return left.join(right, joiner, named);
    if (is(op, "left")) return left.left_join(right, joiner, named);
    return left.outer_join(right, joiner, named);
}

DslBuilder::Made DslBuilder::join_by_foreign_key(const Json& op, const KTable& left,
                                                 const KTable& right) {
    const auto extractor = of_key_value(op["fk"]);
    const auto joiner = plain_joiner_of(op);
    const streams::Named named = named_of(op);
    if (const auto store = materialized_of(op, StoreUse::key_value)) {
        if (is(op, "inner")) return left.join(right, extractor, joiner, named, *store);
        return left.left_join(right, extractor, joiner, named, *store);
    }
    if (is(op, "inner")) return left.join(right, extractor, joiner, named);
    return left.left_join(right, extractor, joiner, named);
}

}  // namespace millrace::difftest
