#include "streams/dsl/grouped.h"

#include "streams/ops/aggregate.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kAggregate = "KSTREAM-AGGREGATE-";
constexpr std::string_view kReduce = "KSTREAM-REDUCE-";

// An aggregation without windows: its store, its node and the table that they make.
Table aggregated(
    const GroupedStream& group, std::string_view prefix, const Name& name,
    const std::optional<Materialized>& materialized, const Type& value_type,
    const SerdePtr& value_serde,
    const std::function<NodeSupplier(std::string store, std::shared_ptr<const OldValues>)>& make) {
    Graph& graph = *group.graph;
    const StoreSpecPtr store =
        graph.add_store(store_of(graph, materialized, prefix, StoreKind::timestamped_key_value,
                                 *group.key_type, value_type, group.key, value_serde),
                        materialized ? materialized->in_memory : std::nullopt);
    const std::string node_name = graph.node_name(name, prefix);
    const GroupedStream::Input input = group.input_for(store->name);
    const auto old_values = std::make_shared<OldValues>();

    auto added = std::make_unique<GraphNode>();
    added->name = node_name;
    added->write = [node_name, store, supplier = make(store->name, old_values),
                    key = group.key_type,
                    value = group.value_type](TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = node_name,
                            .parents = self.parent_names(),
                            .supplier = supplier,
                            .key_in = key,
                            .value_in = value,
                            .key_out = key,
                            .value_out = &kTypeOf<Change>});
        plan.add_store(store, {node_name});
    };

    Table table;
    table.graph = group.graph;
    table.node = group.graph->add(std::move(added), {input.node});
    table.name = node_name;
    table.sources = input.sources;
    table.key_type = group.key_type;
    table.value_type = &value_type;
    table.key = store->key_serde;
    table.value = store->value_serde;
    table.op = std::make_shared<AggregateOp>(store->name, old_values);
    table.queryable = materialized && materialized->store_name ? store->name : "";
    return table;
}

}  // namespace

GroupedStream::Input GroupedStream::input_for(const std::string& store_name) const {
    if (!repartition_required) return {node, sources};
    Repartition r = graph->new_repartition(grouped.name ? *grouped.name : store_name);
    r.key_type = key_type;
    r.value_type = value_type;
    r.key = key;
    r.value = value;
    r.mergeable = true;
    const std::string source = r.source;
    // A name of the user's stands for one topic, whatever is aggregated from it.
    if (!*repartition || !grouped.name)
        *repartition = graph->add(graph->repartition_node(std::move(r)), {node});
    else
        graph->add_edge(node, *repartition);
    return {*repartition, {source}};
}

Table GroupedStream::count(const Name& name,
                           const std::optional<Materialized>& materialized) const {
    // Counting into a store that was described but not named takes one more number.
    if (materialized && !materialized->store_name) graph->new_store_name(kAggregate);
    return aggregated(*this, kAggregate, name, materialized, kTypeOf<int64_t>,
                      default_serde<int64_t>(),
                      [](std::string store, std::shared_ptr<const OldValues> old) {
                          return ops::aggregate(
                              std::move(store), [] { return Box::of<int64_t>(0); },
                              [](Ref, Ref, Box count) {
                                  ++count.as<int64_t>();
                                  return count;
                              },
                              kTypeOf<int64_t>, std::move(old));
                      });
}

Table GroupedStream::reduce(Reducer reducer, const Name& name,
                            const std::optional<Materialized>& materialized) const {
    return aggregated(*this, kReduce, name, materialized, *value_type, value,
                      [&](std::string store, std::shared_ptr<const OldValues> old) {
                          return ops::reduce(std::move(store), std::move(reducer), *value_type,
                                             std::move(old));
                      });
}

Table GroupedStream::aggregate(Initializer initializer, Aggregator aggregator,
                               const Type& value_out, const Name& name,
                               const std::optional<Materialized>& materialized) const {
    return aggregated(*this, kAggregate, name, materialized, value_out, nullptr,
                      [&](std::string store, std::shared_ptr<const OldValues> old) {
                          return ops::aggregate(std::move(store), std::move(initializer),
                                                std::move(aggregator), value_out, std::move(old));
                      });
}

TimeWindowedStream GroupedStream::windowed_by(AnyTimeWindows windows,
                                              const WindowedType& windowed) const {
    return {.group = *this, .windows = std::move(windows), .windowed = &windowed};
}

SessionWindowedStream GroupedStream::windowed_by(SessionWindows windows,
                                                 const WindowedType& windowed) const {
    return {.group = *this, .windows = windows, .windowed = &windowed};
}

}  // namespace millrace::streams::dsl
