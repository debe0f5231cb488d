#include "streams/dsl/table_parts.h"

namespace millrace::streams::dsl {
namespace {

// The source and processor that fill a store on every instance.
struct GlobalNode {
    StoreSpecPtr store;
    SourceSpec source;
    std::string processor;
    NodeSupplier supplier;
    const Type* value_out;
};

GlobalNode global_node(Graph& graph, StoreSpecPtr store, std::string topic,
                       const Consumed& consumed) {
    GlobalNode node{.store = std::move(store),
                    .source = {.topics = {std::move(topic)},
                               .key_type = consumed.key_type,
                               .value_type = consumed.value_type,
                               .key_serde = consumed.key,
                               .value_serde = consumed.value,
                               .timestamp = consumed.timestamp,
                               .offset_reset = consumed.offset_reset}};
    node.source.name = graph.node_name(consumed.name, "-source", "KSTREAM-SOURCE-");
    node.processor = graph.node_name(consumed.name, "KTABLE-SOURCE-");
    return node;
}

void add(Graph& graph, GlobalNode node) {
    auto added = std::make_unique<GraphNode>();
    added->name = node.processor;
    added->write = [node = std::move(node)](TopologyPlan& plan, const GraphNode&) {
        plan.add_global_store(node.store, node.source,
                              {.name = node.processor,
                               .supplier = node.supplier,
                               .key_in = node.source.key_type,
                               .value_in = node.source.value_type,
                               .key_out = node.source.key_type,
                               .value_out = node.value_out});
    };
    graph.add(std::move(added), {});
}

}  // namespace

GlobalTable global_table(const std::shared_ptr<Graph>& graph, std::string topic,
                         const Consumed& consumed,
                         const std::optional<Materialized>& materialized) {
    if (is_versioned(materialized))
        throw TopologyException(
            fmt::format("Invalid topology: the global table of {} cannot be versioned", topic));
    // The topic itself is what the store is restored from.
    Materialized options = materialized.value_or(Materialized{});
    options.logging = false;
    options.caching = false;
    const StoreSpecPtr store = table_store(*graph, options, topic + "-", *consumed.key_type,
                                           *consumed.value_type, consumed.key, consumed.value);
    const auto settings = std::make_shared<ops::TableSettings>();
    settings->store = store->name;
    settings->kept = true;
    GlobalNode node = global_node(*graph, store, std::move(topic), consumed);
    node.supplier = ops::table_source(settings);
    node.value_out = &kTypeOf<Change>;
    add(*graph, std::move(node));
    return {.graph = graph,
            .store = store->name,
            .key_type = consumed.key_type,
            .value_type = consumed.value_type};
}

void add_global_store(const std::shared_ptr<Graph>& graph, StoreSpecPtr store, std::string topic,
                      const Consumed& consumed, NodeSupplier supplier) {
    auto unlogged = std::make_shared<StoreSpec>(*store);
    unlogged->logging = false;
    unlogged->caching = false;
    GlobalNode node = global_node(*graph, std::move(unlogged), std::move(topic), consumed);
    node.supplier = std::move(supplier);
    add(*graph, std::move(node));
}

}  // namespace millrace::streams::dsl
