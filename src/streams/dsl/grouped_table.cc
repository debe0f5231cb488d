#include "streams/dsl/grouped.h"
#include "streams/dsl/table_parts.h"
#include "streams/ops/table_aggregate.h"
#include "streams/timestamp_extractors.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kAggregate = "KTABLE-AGGREGATE-";
constexpr std::string_view kReduce = "KTABLE-REDUCE-";

struct ChangeTopic {
    std::string topic;
    std::string sink;
    std::string source;
};

// A topic of changes, which are bytes already.
std::unique_ptr<GraphNode> change_topic(const ChangeTopic& names, const GroupedTable& group) {
    auto added = std::make_unique<GraphNode>();
    added->name = names.source;
    added->write = [names, key = group.key_type, serde = group.key](TopologyPlan& plan,
                                                                    const GraphNode& self) {
        const SerdePtr bytes = default_serde<Bytes>();
        plan.add_repartition_topic({.name = names.topic});
        plan.add_sink({.name = names.sink,
                       .parents = self.parent_names(),
                       .topic = names.topic,
                       .key_type = key,
                       .value_type = &kTypeOf<Bytes>,
                       .key_serde = serde,
                       .value_serde = bytes});
        plan.add_source({.name = names.source,
                         .topics = {names.topic},
                         .key_type = key,
                         .value_type = &kTypeOf<Bytes>,
                         .key_serde = serde,
                         .value_serde = bytes,
                         .timestamp = fail_on_invalid_timestamp()});
    };
    return added;
}

struct Kind {
    std::string_view prefix;
    const Type* value_out;
    SerdePtr value_serde;
    std::function<Box(Ref key, Box value, Box aggregate)> subtract;
    std::function<Box(Ref key, Box value, Box aggregate)> add;
};

Table aggregated(const GroupedTable& group, Kind how, const Name& name,
                 const std::optional<Materialized>& materialized) {
    Graph& graph = *group.graph;
    // The store's generated name is that of an aggregation whatever it is.
    const StoreSpecPtr store = table_store(graph, materialized, kAggregate, *group.key_type,
                                           *how.value_out, group.key, how.value_serde);
    ChangeTopic names;
    names.sink = graph.node_name(name, "-sink", "KSTREAM-SINK-");
    names.source = graph.node_name(name, "-source", "KSTREAM-SOURCE-");
    const std::string node_name = graph.node_name(name, how.prefix);
    names.topic =
        (group.grouped.name ? *group.grouped.name : store->name) + std::string("-repartition");
    // A name of the user's stands for one topic, whatever is aggregated from it.
    GraphNode*& topic = *group.repartition;
    if (!topic || !group.grouped.name)
        topic = graph.add(change_topic(names, group), {group.node});
    else
        graph.add_edge(group.node, topic);

    const auto old_values = std::make_shared<OldValues>();
    Table table;
    table.graph = group.graph;
    table.node =
        graph.add(graph_node({.name = node_name,
                              .supplier = ops::table_aggregate({.name = node_name,
                                                                .store = store->name,
                                                                .value = group.value_type,
                                                                .value_serde = group.value,
                                                                .subtract = std::move(how.subtract),
                                                                .add = std::move(how.add),
                                                                .old_values = old_values}),
                              .key_in = group.key_type,
                              .value_in = &kTypeOf<Bytes>,
                              .key_out = group.key_type,
                              .own = [store] { return store; }}),
                  {topic});
    table.name = node_name;
    table.sources = {topic->name};
    table.key_type = group.key_type;
    table.value_type = how.value_out;
    table.key = store->key_serde;
    table.value = store->value_serde;
    table.op = std::make_shared<AggregateOp>(store->name, old_values);
    table.queryable = materialized && materialized->store_name ? store->name : "";
    table.versioned = is_versioned(materialized);
    return table;
}

}  // namespace

GroupedTable Table::group_by(KeyValueMapper mapper, const Type& key_out, const Type& value_out,
                             const Grouped& options) const {
    const std::string selected = graph->node_name(options.name, "KTABLE-SELECT-");
    op->enable_sending_old_values(true);
    GroupedTable group;
    group.graph = graph;
    group.name = selected;
    group.sources = sources;
    group.key_type = &key_out;
    group.value_type = &value_out;
    group.key = options.key;
    group.value = options.value;
    group.grouped = options;
    group.repartition = std::make_shared<GraphNode*>(nullptr);
    group.node = graph->add(graph_node({.name = selected,
                                        .supplier = ops::group_by({.mapper = std::move(mapper),
                                                                   .key = &key_out,
                                                                   .value = &value_out,
                                                                   .key_serde = options.key,
                                                                   .value_serde = options.value,
                                                                   .versioned = versioned,
                                                                   .name = selected}),
                                        .key_in = key_type,
                                        .key_out = &key_out,
                                        .value_out = &kTypeOf<Bytes>}),
                            {node});
    return group;
}

Table GroupedTable::count(const Name& name, const std::optional<Materialized>& materialized) const {
    return aggregated(*this,
                      {.prefix = kAggregate,
                       .value_out = &kTypeOf<int64_t>,
                       .value_serde = default_serde<int64_t>(),
                       .subtract =
                           [](Ref, const Box&, Box count) {
                               --count.as<int64_t>();
                               return count;
                           },
                       .add =
                           [](Ref, const Box&, Box count) {
                               if (!count) count = Box::of<int64_t>(0);
                               ++count.as<int64_t>();
                               return count;
                           }},
                      name, materialized);
}

Table GroupedTable::reduce(Reducer adder, Reducer subtractor, const Name& name,
                           const std::optional<Materialized>& materialized) const {
    return aggregated(*this,
                      {.prefix = kReduce,
                       .value_out = value_type,
                       .value_serde = value,
                       .subtract =
                           [subtractor](Ref, Box old, Box aggregate) {
                               return subtractor(std::move(aggregate), old.get());
                           },
                       .add =
                           [adder](Ref, Box added, Box aggregate) {
                               if (!aggregate) return added;
                               return adder(std::move(aggregate), added.get());
                           }},
                      name, materialized);
}

Table GroupedTable::aggregate(Initializer initializer, Aggregator adder, Aggregator subtractor,
                              const Type& value_out, const Name& name,
                              const std::optional<Materialized>& materialized) const {
    return aggregated(*this,
                      {.prefix = kAggregate,
                       .value_out = &value_out,
                       .value_serde = nullptr,
                       .subtract =
                           [subtractor](Ref key, Box old, Box aggregate) {
                               return subtractor(key, old.get(), std::move(aggregate));
                           },
                       .add =
                           [initializer, adder](Ref key, Box added, Box aggregate) {
                               if (!aggregate) aggregate = initializer();
                               return adder(key, added.get(), std::move(aggregate));
                           }},
                      name, materialized);
}

}  // namespace millrace::streams::dsl
