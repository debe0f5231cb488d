// The DSL of the cases: operations by name, on streams and tables by id.
#pragma once

#include <map>
#include <string>
#include <variant>

#include "options.h"

namespace millrace::difftest {

using KStream = streams::KStream<Value, Value>;
using KTable = streams::KTable<Value, Value>;
using GlobalKTable = streams::GlobalKTable<Value, Value>;
using KGroupedStream = streams::KGroupedStream<Value, Value>;
using KGroupedTable = streams::KGroupedTable<Value, Value>;
using TimeWindowed = streams::TimeWindowedKStream<Value, Value>;
using SessionWindowed = streams::SessionWindowedKStream<Value, Value>;
using Cogrouped = streams::CogroupedKStream<Value, Value>;
struct WindowedCogrouped {
    Cogrouped group;
    Windows windows;
};

class DslBuilder {
public:
    // The operations and the log outlive the topology.
    DslBuilder(streams::StreamsBuilder& builder, Log& log) : builder_(builder), log_(log) {}
    void add(const Json& operation);

private:
    using Node = std::variant<KStream, KTable, GlobalKTable, KGroupedStream, KGroupedTable,
                              TimeWindowed, SessionWindowed, Cogrouped, WindowedCogrouped>;
    using Made = std::optional<Node>;  // nothing: an operation without a result

    // Operations from nowhere; false for any other.
    bool source(const Json& operation, Made& made);
    Made join(const Json& operation);
    Made join_streams(const Json& op, const KStream& left, const KStream& right);
    Made join_table(const Json& op, const KStream& left, const KTable& right);
    Made join_global(const Json& op, const KStream& left, const GlobalKTable& right);
    Made join_tables(const Json& op, const KTable& left, const KTable& right);
    Made join_by_foreign_key(const Json& op, const KTable& left, const KTable& right);

    Made apply(const Json& op, const KStream& stream);
    Made apply(const Json& op, const KTable& table);
    Made apply(const Json& op, const GlobalKTable& table);
    Made apply(const Json& op, const KGroupedStream& group);
    Made apply(const Json& op, const KGroupedTable& group);
    Made apply(const Json& op, const TimeWindowed& group);
    Made apply(const Json& op, const SessionWindowed& group);
    Made apply(const Json& op, const Cogrouped& group);
    Made apply(const Json& op, const WindowedCogrouped& group);

    Made stateless(const Json& op, const KStream& stream);
    Made split(const Json& op, const KStream& stream);
    Made processed(const Json& op, const KStream& stream);

    const Node& node(const Json& operation, std::string_view field) const;
    template <typename T>
    const T& node_as(const Json& operation, std::string_view field) const {
        return std::get<T>(node(operation, field));
    }

    streams::StreamsBuilder& builder_;
    Log& log_;
    std::map<std::string, Node> nodes_;
};

// A function of two values, named as the expression's variables. `expression` outlives it.
inline auto of_two(const Json& expression, std::string a, std::string b) {
    return [&expression, a = std::move(a), b = std::move(b)](
               const Value* left, const Value* right) -> std::optional<Value> {
        return evaluate(expression, {{a, Value::of(left)}, {b, Value::of(right)}}).or_nothing();
    };
}
inline auto of_key_value(const Json& expression) {
    return of_two(expression, "key", "value");
}
inline auto of_three(const Json& expression, std::string a, std::string b, std::string c) {
    return [&expression, a = std::move(a), b = std::move(b), c = std::move(c)](
               const Value* x, const Value* y, const Value* z) -> std::optional<Value> {
        return evaluate(expression, {{a, Value::of(x)}, {b, Value::of(y)}, {c, Value::of(z)}})
            .or_nothing();
    };
}
inline auto predicate_of(const Json& expression) {
    return [&expression](const Value* key, const Value* value) {
        return evaluate(expression, {{"key", Value::of(key)}, {"value", Value::of(value)}})
            .is_true();
    };
}
inline auto pair_of(const Json& key, const Json& value) {
    return [key = of_key_value(key), value = of_key_value(value)](const Value* k, const Value* v) {
        auto first = key(k, v);
        return std::pair{std::move(first), value(k, v)};
    };
}

}  // namespace millrace::difftest
