// The operations on streams.
#include "dsl.h"
#include "errors.h"

namespace millrace::difftest {
namespace {

using Pairs = std::vector<std::pair<std::optional<Value>, std::optional<Value>>>;

Value called(const Json& expression, const Value* key, const Value* value) {
    return evaluate(expression, {{"key", Value::of(key)}, {"value", Value::of(value)}});
}

}  // namespace

DslBuilder::Made DslBuilder::stateless(const Json& op, const KStream& stream) {
    const std::string& what = op["op"].text();
    const streams::Named named = named_of(op);
    if (what == "filter") return stream.filter(predicate_of(op["pred"]), named);
    if (what == "filterNot") return stream.filter_not(predicate_of(op["pred"]), named);
    if (what == "map") return stream.map(pair_of(op["toKey"], op["toValue"]), named);
    if (what == "mapValues") return stream.map_values(of_key_value(op["toValue"]), named);
    if (what == "selectKey") return stream.select_key(of_key_value(op["toKey"]), named);
    if (what == "flatMap")
        return stream.flat_map(
            [&list = op["list"]](const Value* key, const Value* value) {
                Pairs pairs;
                const Value made = called(list, key, value);
                for (const Value& pair : made.list())
                    pairs.emplace_back(pair.list().at(0).or_nothing(),
                                       pair.list().at(1).or_nothing());
                return pairs;
            },
            named);
    if (what == "flatMapValues")
        return stream.flat_map_values(
            [&list = op["list"]](const Value* key, const Value* value) {
                std::vector<std::optional<Value>> values;
                const Value made = called(list, key, value);
                for (const Value& each : made.list()) values.push_back(each.or_nothing());
                return values;
            },
            named);
    const auto note = [&log = log_, &entry = op["log"]](const Value* key, const Value* value) {
        log.push_back(called(entry, key, value));
    };
    if (what == "peek") return stream.peek(note, named);
    if (what != "foreach") throw CaseError("no operation of a stream: " + what);
    stream.foreach (note, named);
    return std::nullopt;
}

DslBuilder::Made DslBuilder::split(const Json& op, const KStream& stream) {
    auto branches = stream.split(named_of(op));
    for (const Json& branch : op["branches"].list())
        nodes_.insert_or_assign(branch["id"].text(),
                                branches.branch(predicate_of(branch["pred"]), named_of(branch)));
    if (op.has("default"))
        nodes_.insert_or_assign(op["default"]["id"].text(),
                                branches.default_branch(named_of(op["default"])));
    return std::nullopt;
}

DslBuilder::Made DslBuilder::processed(const Json& op, const KStream& stream) {
    if (op["op"] == Json("processValues"))
        return stream.process_values(fixed_key_processor_of(op["program"], log_),
                                     op.texts("stores"), named_of(op));
    return stream.process(processor_of(op["program"], log_, Program::Place::task),
                          op.texts("stores"), named_of(op), own_stores_of(op));
}

DslBuilder::Made DslBuilder::apply(const Json& op, const KStream& stream) {
    const std::string& what = op["op"].text();
    if (what == "split") return split(op, stream);
    if (what == "process" || what == "processValues") return processed(op, stream);
    if (what == "merge") return stream.merge(node_as<KStream>(op, "with"), named_of(op));
    if (what == "repartition") return stream.repartition(repartitioned_of(op));
    if (what == "toTable")
        return stream.to_table(named_of(op), materialized_of(op, StoreUse::key_value));
    if (what == "groupByKey") return stream.group_by_key(grouped_of(op));
    if (what == "groupBy") return stream.group_by(of_key_value(op["toKey"]), grouped_of(op));
    if (what != "to") return stateless(op, stream);
    if (op.has("topicExpr"))
        stream.to(topic_of(op["topicExpr"]), produced_of(op));
    else
        stream.to(op["topic"].text(), produced_of(op));
    return std::nullopt;
}

}  // namespace millrace::difftest
