#include "dsl.h"

#include "errors.h"
#include "serdes.h"
#include "topology.h"

namespace millrace::difftest {

const DslBuilder::Node& DslBuilder::node(const Json& operation, std::string_view field) const {
    const auto found = nodes_.find(operation[field].text());
    if (found == nodes_.end()) throw CaseError("no node " + operation[field].text());
    return found->second;
}

void DslBuilder::add(const Json& operation) {
    Made made;
    if (operation["op"] == Json("join"))
        made = join(operation);
    else if (!source(operation, made))
        made = std::visit([&](const auto& from) { return apply(operation, from); },
                          node(operation, "from"));
    if (made && operation.has("id"))
        nodes_.insert_or_assign(operation["id"].text(), *std::move(made));
}

bool DslBuilder::source(const Json& op, Made& made) {
    const std::string& what = op["op"].text();
    if (what == "stream") {
        const auto topics = op.has("pattern")
                                ? streams::SourceTopics(streams::TopicPattern{op["pattern"].text()})
                            : op.has("topics") ? streams::SourceTopics(op.texts("topics"))
                                               : streams::SourceTopics{op["topic"].text()};
        made = builder_.stream<Value, Value>(topics, consumed_of(op));
    } else if (what == "table") {
        made = builder_.table<Value, Value>(op["topic"].text(), consumed_of(op),
                                            materialized_of(op, StoreUse::key_value));
    } else if (what == "globalTable") {
        made = builder_.global_table<Value, Value>(op["topic"].text(), consumed_of(op),
                                                   materialized_of(op, StoreUse::key_value));
    } else if (what == "store") {
        builder_.add_state_store(store_builder_of(op));
    } else if (what == "globalStore") {
        builder_.add_global_store<Value, Value>(
            store_builder_of(op["store"]), op["topic"].text(), consumed_of(op),
            processor_of(op["program"], log_, Program::Place::global));
    } else {
        return false;
    }
    return true;
}

DslBuilder::Made DslBuilder::apply(const Json& op, const GlobalKTable&) {
    throw CaseError("no operation of a global table: " + op.to_text());
}

namespace {

void add_to(streams::Topology& topology, const Json& op, Log& log) {
    const std::string& what = op["op"].text();
    const std::string name = op.text_or("name", "");
    const auto key = serde_of(op["key"]);
    const auto value = serde_of(op["value"]);
    const auto extractor =
        op.has("timestamp") ? extractor_of(op["timestamp"]) : streams::TimestampExtractor();
    if (what == "source") {
        const auto topics = op.has("pattern")
                                ? streams::SourceTopics(streams::TopicPattern{op["pattern"].text()})
                                : streams::SourceTopics(op.texts("topics"));
        const auto reset = op.has("offsetReset") ? std::optional(reset_of(op["offsetReset"].text()))
                                                 : std::nullopt;
        topology.add_source<Value, Value>(name, topics, key, value, extractor, reset);
    } else if (what == "processor") {
        topology.add_processor(name, processor_of(op["program"], log, Program::Place::task),
                               op.texts("parents"), own_stores_of(op));
    } else if (what == "sink" && op.has("topicExpr")) {
        topology.add_sink<Value, Value>(
            name,
            [extractor = topic_of(op["topicExpr"])](streams::Ref k, streams::Ref v,
                                                    const streams::RecordContext& context) {
                return extractor(static_cast<const Value*>(k), static_cast<const Value*>(v),
                                 context);
            },
            op.texts("parents"), key, value);
    } else if (what == "sink") {
        topology.add_sink<Value, Value>(name, op["topic"].text(), op.texts("parents"), key, value);
    } else if (what == "store") {
        topology.add_state_store(store_builder_of(op), op.texts("processors"));
    } else if (what == "connect") {
        topology.connect_processor_and_state_stores(op["processor"].text(), op.texts("stores"));
    } else if (what == "globalStore") {
        topology.add_global_store<Value, Value>(
            store_builder_of(op["store"]), op["sourceName"].text(), op["topic"].text(),
            op["processorName"].text(), processor_of(op["program"], log, Program::Place::global),
            key, value, nullptr);
    } else {
        throw CaseError("no operation " + what);
    }
}

}  // namespace

streams::Topology topology_of(const Json& the_case, const streams::StreamsConfig& config,
                              Log& log) {
    const Json::List& operations = the_case["topology"].list();
    if (the_case.text_or("api", "dsl") == "processor") {
        streams::Topology topology;
        for (const Json& operation : operations) add_to(topology, operation, log);
        return topology;
    }
    auto builder = the_case.flag("topologyConfig") ? streams::StreamsBuilder(config)
                                                   : streams::StreamsBuilder();
    DslBuilder dsl(builder, log);
    for (const Json& operation : operations) dsl.add(operation);
    return builder.build(config);
}

}  // namespace millrace::difftest
