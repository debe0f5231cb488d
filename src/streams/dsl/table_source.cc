#include "base/check.h"
#include "streams/dsl/table_parts.h"
#include "streams/ops/table_store.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kTableSource = "KTABLE-SOURCE-";
constexpr std::string_view kStreamSource = "KSTREAM-SOURCE-";

class StoreGetter final : public TableGetter {
public:
    explicit StoreGetter(std::string store) : name_(std::move(store)) {}
    void init(NodeContext& context) override { store_.init(context, name_); }
    StoredValue get(Ref key) override { return store_.get(key); }
    StoredValue get(Ref key, TimestampMs as_of) override { return store_.get(key, as_of); }
    bool versioned() const override { return store_.versioned(); }

private:
    std::string name_;
    ops::TableStore store_;
};

SourceSpec source_spec(std::string name, std::string topic, const Consumed& consumed) {
    return {.name = std::move(name),
            .topics = {std::move(topic)},
            .key_type = consumed.key_type,
            .value_type = consumed.value_type,
            .key_serde = consumed.key,
            .value_serde = consumed.value,
            .timestamp = consumed.timestamp,
            .offset_reset = consumed.offset_reset};
}

}  // namespace

StoredValue TableGetter::get(Ref, TimestampMs) {
    INVARIANT(versioned());
    return {};
}

std::unique_ptr<TableGetter> StoreView::make() const {
    return std::make_unique<StoreGetter>(store_);
}

StoreSpec store_of(Graph& graph, const std::optional<Materialized>& materialized,
                   std::string_view prefix, StoreKind kind, const Type& key, const Type& value,
                   const SerdePtr& key_serde, const SerdePtr& value_serde) {
    const Materialized options = materialized.value_or(Materialized{});
    StoreSpec spec;
    if (options.supplier) {
        spec = *options.supplier;
        const bool keeps_none = spec.kind == StoreKind::key_value || spec.kind == StoreKind::window;
        // Stores in memory keep the time beside the value; those on disk have no room for it.
        spec.drops_timestamps = keeps_none && spec.kind != kind && spec.persistent;
        spec.placed = true;
    } else {
        spec.name = options.store_name ? *options.store_name : graph.new_store_name(prefix);
    }
    const bool versioned = spec.kind == StoreKind::versioned;
    if (!versioned) spec.kind = kind;
    spec.key_type = &key;
    spec.value_type = &value;
    spec.key_serde = options.key ? options.key : key_serde;
    spec.value_serde = options.value ? options.value : value_serde;
    spec.caching = options.caching && !versioned;
    spec.logging = options.logging;
    spec.topic_config = options.topic_config;
    if (options.retention_ms) spec.retention_ms = *options.retention_ms;
    set_maker(spec);
    return spec;
}

StoreSpecPtr table_store(Graph& graph, const std::optional<Materialized>& materialized,
                         std::string_view prefix, const Type& key, const Type& value,
                         const SerdePtr& key_serde, const SerdePtr& value_serde) {
    return graph.add_store(store_of(graph, materialized, prefix, StoreKind::timestamped_key_value,
                                    key, value, key_serde, value_serde),
                           materialized ? materialized->in_memory : std::nullopt);
}

std::unique_ptr<GraphNode> graph_node(TableNode node) {
    auto added = std::make_unique<GraphNode>();
    added->name = node.name;
    added->write = [node = std::move(node)](TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = node.name,
                            .parents = self.parent_names(),
                            .supplier = node.supplier,
                            .key_in = node.key_in,
                            .value_in = node.value_in,
                            .key_out = node.key_out,
                            .value_out = node.value_out});
        if (node.own)
            if (const StoreSpecPtr store = node.own()) plan.add_store(store, {node.name});
        if (node.stores) plan.connect(node.name, node.stores());
    };
    return added;
}

SourceOp::SourceOp(StoreSpecPtr store, bool kept)
    : store_(std::move(store)), settings_(std::make_shared<ops::TableSettings>()) {
    settings_->store = store_->name;
    settings_->kept = kept;
}

std::shared_ptr<const TableView> SourceOp::view() {
    settings_->kept = true;
    return std::make_shared<StoreView>(store_->name);
}

bool SourceOp::enable_sending_old_values(bool force) {
    if (!force && !settings_->kept) return false;
    settings_->kept = true;
    return settings_->send_old = true;
}

Table source_table(const std::shared_ptr<Graph>& graph, std::string topic, const Consumed& consumed,
                   const std::optional<Materialized>& materialized) {
    const StoreSpecPtr store = table_store(*graph, materialized, topic + "-", *consumed.key_type,
                                           *consumed.value_type, consumed.key, consumed.value);
    const SourceSpec source =
        source_spec(graph->node_name(consumed.name, "-source", kStreamSource), topic, consumed);
    const std::string name = graph->node_name(consumed.name, kTableSource);
    const bool named = materialized && materialized->store_name;
    const auto op = std::make_shared<SourceOp>(store, named);

    auto added = std::make_unique<GraphNode>();
    added->name = name;
    added->source = source;
    added->table_source = true;
    added->write = [source, name, topic, op, graph = graph.get()](TopologyPlan& plan,
                                                                  const GraphNode&) {
        plan.add_source(source);
        plan.add_processor({.name = name,
                            .parents = {source.name},
                            .supplier = ops::table_source(op->settings()),
                            .key_in = source.key_type,
                            .value_in = source.value_type,
                            .key_out = source.key_type,
                            .value_out = &kTypeOf<Change>});
        if (!op->settings()->kept) return;
        plan.add_store(op->store(), {name});
        if (graph->reuse_source_topics()) plan.use_as_changelog(op->store()->name, topic);
    };
    Table table;
    table.graph = graph;
    table.node = graph->add(std::move(added), {});
    table.name = name;
    table.sources = {source.name};
    table.key_type = consumed.key_type;
    table.value_type = consumed.value_type;
    table.key = store->key_serde;
    table.value = store->value_serde;
    table.op = op;
    table.queryable = named ? store->name : "";
    table.versioned = is_versioned(materialized);
    return table;
}

}  // namespace millrace::streams::dsl
