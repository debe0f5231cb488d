#include "streams/dsl/windowed.h"
#include "streams/ops/aggregate.h"
#include "streams/ops/stateless.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kAggregate = "COGROUPKSTREAM-AGGREGATE-";
constexpr std::string_view kMerge = "COGROUPKSTREAM-MERGE-";

// What a group's records come from. A repartition topic that an aggregation of these cogrouped
// streams has made serves the others, too; its names take their numbers each time.
GroupedStream::Input input_of(const CogroupedStream& cogrouped, const GroupedStream& group,
                              const std::string& store) {
    if (!group.repartition_required) return group.input_for(store);
    auto& known = (*cogrouped.inputs)[group.repartition.get()];
    if (known.node) {
        group.graph->new_repartition(store);
        return known;
    }
    return known = group.input_for(store);
}

using MakeNode = std::function<std::unique_ptr<GraphNode>(
    const std::string& name, const GroupedStream& group, const Aggregator& aggregator)>;

// A node for each group, which all write to the store, and one that brings their changes together.
// Of `table`, what is left to say is where it comes from.
Table joined(const CogroupedStream& cogrouped, const StoreSpecPtr& store, const Name& name,
             Table table, const MakeNode& make) {
    Graph& graph = *cogrouped.groups.front().first.graph;
    std::vector<GroupedStream::Input> inputs;
    for (const auto& [group, aggregator] : cogrouped.groups) {
        inputs.push_back(input_of(cogrouped, group, store->name));
        table.sources.insert(inputs.back().sources.begin(), inputs.back().sources.end());
    }
    std::vector<GraphNode*> nodes;
    for (size_t i = 0; i < inputs.size(); ++i) {
        const auto& [group, aggregator] = cogrouped.groups[i];
        const std::string node =
            graph.node_name(name, fmt::format("-cogroup-agg-{}", i), kAggregate);
        nodes.push_back(graph.add(make(node, group, aggregator), {inputs[i].node}));
    }
    table.name = graph.node_name(name, "-cogroup-merge", kMerge);
    auto merge = std::make_unique<GraphNode>();
    merge->name = table.name;
    merge->write = [name = table.name, key = table.key_type, sources = table.sources](
                       TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = name,
                            .parents = self.parent_names(),
                            .supplier = ops::pass_through(),
                            .key_in = key,
                            .value_in = &kTypeOf<Change>,
                            .key_out = key,
                            .value_out = &kTypeOf<Change>});
        if (sources.size() > 1) plan.copartition({sources.begin(), sources.end()});
    };
    table.node = graph.add(std::move(merge), nodes);
    return table;
}

Table in_windows(const CogroupedStream& cogrouped, const WindowShape& shape,
                 const Initializer& initializer, const Merger& merger, const Name& name,
                 const std::optional<Materialized>& materialized) {
    const GroupedStream& first = cogrouped.groups.front().first;
    const StoreSpecPtr store =
        window_store(first, shape, EmitStrategy::on_window_update, materialized, kAggregate,
                     *cogrouped.value_type, nullptr);
    const auto old_values = std::make_shared<OldValues>();
    return joined(
        cogrouped, store, name, windowed_table(first, shape, store, materialized, old_values),
        [&](const std::string& node, const GroupedStream& group, const Aggregator& aggregator) {
            return window_node(node, group, shape, store,
                               {.value = cogrouped.value_type,
                                .initializer = initializer,
                                .aggregator = aggregator,
                                .merger = merger,
                                .old_values = old_values});
        });
}

}  // namespace

CogroupedStream GroupedStream::cogroup(Aggregator aggregator, const Type& value_out) const {
    CogroupedStream result;
    result.groups.emplace_back(*this, std::move(aggregator));
    result.value_type = &value_out;
    result.inputs = std::make_shared<std::map<const void*, Input>>();
    return result;
}

CogroupedStream CogroupedStream::cogroup(const GroupedStream& group, Aggregator aggregator) const {
    CogroupedStream result = *this;
    result.groups.emplace_back(group, std::move(aggregator));
    return result;
}

Table CogroupedStream::aggregate(Initializer initializer, const Name& name,
                                 const std::optional<Materialized>& materialized) const {
    const GroupedStream& first = groups.front().first;
    const StoreSpecPtr store = first.graph->add_store(
        store_of(*first.graph, materialized, kAggregate, StoreKind::timestamped_key_value,
                 *first.key_type, *value_type, first.key, nullptr),
        materialized ? materialized->in_memory : std::nullopt);
    const auto old_values = std::make_shared<OldValues>();
    Table table;
    table.graph = first.graph;
    table.key_type = first.key_type;
    table.value_type = value_type;
    table.key = store->key_serde;
    table.value = store->value_serde;
    table.op = std::make_shared<AggregateOp>(store->name, old_values);
    table.queryable = materialized && materialized->store_name ? store->name : "";
    const auto make = [&](const std::string& node, const GroupedStream& group,
                          const Aggregator& aggregator) {
        auto added = std::make_unique<GraphNode>();
        added->name = node;
        added->write = [node, store, key = group.key_type, value = group.value_type,
                        supplier = ops::aggregate(store->name, initializer, aggregator, *value_type,
                                                  old_values)](TopologyPlan& plan,
                                                               const GraphNode& self) {
            plan.add_processor({.name = node,
                                .parents = self.parent_names(),
                                .supplier = supplier,
                                .key_in = key,
                                .value_in = value,
                                .key_out = key,
                                .value_out = &kTypeOf<Change>});
            plan.add_store(store, {node});
        };
        return added;
    };
    return joined(*this, store, name, std::move(table), make);
}

Table CogroupedStream::aggregate(AnyTimeWindows windows, const WindowedType& windowed,
                                 Initializer initializer, const Name& name,
                                 const std::optional<Materialized>& materialized) const {
    return in_windows(*this, shape_of(windows, windowed), initializer, nullptr, name, materialized);
}

Table CogroupedStream::aggregate(SessionWindows windows, const WindowedType& windowed,
                                 Initializer initializer, Merger merger, const Name& name,
                                 const std::optional<Materialized>& materialized) const {
    return in_windows(*this, shape_of(windows, windowed), initializer, merger, name, materialized);
}

}  // namespace millrace::streams::dsl
