#include "streams/ops/foreign_key_join.h"
#include "streams/dsl/table_parts.h"
#include "streams/state/subscriptions.h"
#include "streams/timestamp_extractors.h"

namespace millrace::streams::dsl {
namespace {

struct Names {
    std::string request_topic;
    std::string send;
    std::string request_sink;
    std::string request_source;
    std::string store;
    std::string receive;
    std::string answer;
    std::string answer_all;
    std::string response_topic;
    std::string response_sink;
    std::string response_source;
    std::string resolve;
    std::string result;
};

Names names_of(Graph& graph, const Name& given) {
    const auto name = [&](std::string_view suffix, std::string_view prefix) {
        return graph.node_name(given, suffix, fmt::format("KTABLE-{}", prefix));
    };
    Names n;
    n.request_topic =
        name("-subscription-registration", "FK-JOIN-SUBSCRIPTION-REGISTRATION-") + "-topic";
    n.send = name("-subscription-registration-processor", "FK-JOIN-SUBSCRIPTION-REGISTRATION-");
    n.request_sink = name("-subscription-registration-sink", "SINK-");
    n.request_source = name("-subscription-registration-source", "SOURCE-");
    n.store = name("-subscription-store", "FK-JOIN-SUBSCRIPTION-STATE-STORE-");
    n.receive = name("-subscription-receive", "FK-JOIN-SUBSCRIPTION-PROCESSOR-");
    n.answer = name("-subscription-join-foreign", "FK-JOIN-SUBSCRIPTION-PROCESSOR-");
    n.answer_all = name("-foreign-join-subscription", "FK-JOIN-SUBSCRIPTION-PROCESSOR-");
    n.response_topic = name("-subscription-response", "FK-JOIN-SUBSCRIPTION-RESPONSE-") + "-topic";
    n.response_sink = name("-subscription-response-sink", "SINK-");
    n.response_source = name("-subscription-response-source", "SOURCE-");
    n.resolve = name("-subscription-response-resolver",
                     "FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-");
    n.result = name("-result", "FK-JOIN-OUTPUT-");
    return n;
}

SourceSpec topic_source(const std::string& name, const std::string& topic, const Type* key,
                        const SerdePtr& serde) {
    return {.name = name,
            .topics = {topic},
            .key_type = key,
            .value_type = &kTypeOf<Bytes>,
            .key_serde = serde,
            .value_serde = default_serde<Bytes>(),
            .timestamp = fail_on_invalid_timestamp()};
}

// From the left table to the right one's tasks.
void write_request(TopologyPlan& plan, const Names& n, const ops::ForeignKeyJoinPtr& join,
                   const std::string& left, const StoreSpecPtr& store) {
    plan.add_processor({.name = n.send,
                        .parents = {left},
                        .supplier = ops::send_subscriptions(join),
                        .key_in = join->left_key,
                        .value_in = &kTypeOf<Change>,
                        .key_out = join->right_key,
                        .value_out = &kTypeOf<Bytes>});
    plan.add_repartition_topic({.name = n.request_topic});
    plan.add_sink({.name = n.request_sink,
                   .parents = {n.send},
                   .topic = n.request_topic,
                   .key_type = join->right_key,
                   .value_type = &kTypeOf<Bytes>,
                   .key_serde = join->right_key_serde,
                   .value_serde = default_serde<Bytes>()});
    plan.add_source(
        topic_source(n.request_source, n.request_topic, join->right_key, join->right_key_serde));
    plan.add_processor({.name = n.receive,
                        .parents = {n.request_source},
                        .supplier = ops::receive_subscriptions(join),
                        .key_in = join->right_key,
                        .value_in = &kTypeOf<Bytes>,
                        .key_out = join->right_key,
                        .value_out = &kTypeOf<ops::Subscription>});
    plan.add_store(store, {n.receive});
}

// And back.
void write_response(TopologyPlan& plan, const Names& n, const ops::ForeignKeyJoinPtr& join,
                    const std::string& right) {
    plan.add_processor({.name = n.answer,
                        .parents = {n.receive},
                        .supplier = ops::answer_subscriptions(join),
                        .key_in = join->right_key,
                        .value_in = &kTypeOf<ops::Subscription>,
                        .key_out = join->left_key,
                        .value_out = &kTypeOf<ops::Answer>});
    plan.connect(n.answer, join->right->stores());
    plan.add_processor({.name = n.answer_all,
                        .parents = {right},
                        .supplier = ops::answer_all_subscriptions(join),
                        .key_in = join->right_key,
                        .value_in = &kTypeOf<Change>,
                        .key_out = join->left_key,
                        .value_out = &kTypeOf<ops::Answer>},
                       {n.store});
    plan.add_repartition_topic({.name = n.response_topic});
    plan.add_sink({.name = n.response_sink,
                   .parents = {n.answer, n.answer_all},
                   .topic = n.response_topic,
                   .key_type = join->left_key,
                   .value_type = &kTypeOf<ops::Answer>,
                   .key_serde = join->left_key_serde,
                   .value_serde = ops::answer_serde(),
                   .partitioner = ops::answer_partitioner()});
    plan.add_source(
        topic_source(n.response_source, n.response_topic, join->left_key, join->left_key_serde));
}

void write_result(TopologyPlan& plan, const Names& n, const ops::ForeignKeyJoinPtr& join,
                  const SourceOp& result, const Type* value_out) {
    plan.add_processor({.name = n.resolve,
                        .parents = {n.response_source},
                        .supplier = ops::resolve_responses(join),
                        .key_in = join->left_key,
                        .value_in = &kTypeOf<Bytes>,
                        .key_out = join->left_key,
                        .value_out = value_out});
    plan.connect(n.resolve, join->left->stores());
    plan.add_processor({.name = n.result,
                        .parents = {n.resolve},
                        .supplier = ops::table_source(result.settings()),
                        .key_in = join->left_key,
                        .value_in = value_out,
                        .key_out = join->left_key,
                        .value_out = &kTypeOf<Change>});
    if (result.settings()->kept) plan.add_store(result.store(), {n.result});
}

}  // namespace

Table Table::join_by_foreign_key(const Table& other, KeyMapper extractor, ValueJoiner joiner,
                                 JoinKind kind, const Type& value_out, const Name& given,
                                 const std::optional<Materialized>& materialized) const {
    other.op->enable_sending_old_values(true);
    op->enable_sending_old_values(true);
    const Names names = names_of(*graph, given);
    const auto join = std::make_shared<ops::ForeignKeyJoin>(
        ops::ForeignKeyJoin{.name = names.result,
                            .store = names.store,
                            .left_join = kind == JoinKind::left,
                            .left_versioned = versioned,
                            .right_versioned = other.versioned,
                            .extractor = std::move(extractor),
                            .joiner = std::move(joiner),
                            .left_key = key_type,
                            .left_value = value_type,
                            .right_key = other.key_type,
                            .right_value = other.value_type,
                            .left_key_serde = key,
                            .left_value_serde = value,
                            .right_key_serde = other.key,
                            .right_value_serde = other.value,
                            .left = op->view(),
                            .right = other.op->view()});
    const StoreSpecPtr subscriptions =
        graph->add_store(subscriptions_spec(names.store), std::nullopt);
    const bool named = materialized && materialized->store_name;
    const StoreSpecPtr store = table_store(*graph, materialized, "KTABLE-FK-JOIN-OUTPUT-",
                                           *key_type, value_out, key, nullptr);
    const auto result = std::make_shared<SourceOp>(store, named);

    std::set<std::string> asked = other.sources;
    asked.insert(names.request_source);
    Table table;
    table.sources = sources;
    table.sources.insert(names.response_source);

    auto added = std::make_unique<GraphNode>();
    added->name = names.result;
    added->write = [=, left = node, right = other.node, &value_out, answered = table.sources](
                       TopologyPlan& plan, const GraphNode&) {
        write_request(plan, names, join, left->name, subscriptions);
        write_response(plan, names, join, right->name);
        write_result(plan, names, join, *result, &value_out);
        plan.copartition({asked.begin(), asked.end()});
        plan.copartition({answered.begin(), answered.end()});
    };
    table.graph = graph;
    table.node = graph->add(std::move(added), {node, other.node});
    table.name = names.result;
    table.key_type = key_type;
    table.value_type = &value_out;
    table.key = store->key_serde;
    table.value = store->value_serde;
    table.op = result;
    table.queryable = named ? store->name : "";
    table.versioned = is_versioned(materialized);
    return table;
}

}  // namespace millrace::streams::dsl
