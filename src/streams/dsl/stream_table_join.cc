#include "streams/ops/stream_table_join.h"
#include "streams/dsl/table_parts.h"
#include "streams/state/join_buffer.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kJoin = "KSTREAM-JOIN-";
constexpr std::string_view kLeftJoin = "KSTREAM-LEFTJOIN-";

// The stream that a join's node gives.
Stream joined(const Stream& stream, const std::string& name, const Type& value_out,
              std::unique_ptr<GraphNode> node) {
    Stream result;
    static_cast<Handle&>(result) = stream;
    result.repartition_required = stream.repartition_required;
    result.name = name;
    result.value_type = &value_out;
    result.value = nullptr;
    result.node = stream.graph->add(std::move(node), {stream.node});
    return result;
}

Stream join_here(const Stream& stream, const Table& table, ValueJoiner joiner, JoinKind kind,
                 const Type& value_out, const Joined& options) {
    const bool left = kind == JoinKind::left;
    const std::string name = stream.graph->node_name(options.name, left ? kLeftJoin : kJoin);
    const std::set<std::string> sources = union_of(stream.sources, table.sources);
    const ops::StreamTableJoin join{
        .table = table.op->view(), .joiner = std::move(joiner), .left = left};
    StoreSpecPtr buffer;
    NodeSupplier supplier;
    if (options.grace_ms) {
        if (!table.versioned)
            throw IllegalArgumentException(
                fmt::format("{}: only with a versioned table can a stream join with grace", name));
        buffer = stream.graph->add_store(
            join_buffer_spec(name + "-Buffer", *stream.key_type, *stream.value_type,
                             options.key ? options.key : stream.key,
                             options.left ? options.left : stream.value),
            std::nullopt);
        supplier =
            ops::stream_table_join(join, {.buffer = buffer->name, .grace_ms = *options.grace_ms});
    } else {
        supplier = ops::stream_table_join(join);
    }
    auto node = std::make_unique<GraphNode>();
    node->name = name;
    node->accepts_null_keys = left;
    node->write = [=, key = stream.key_type, value = stream.value_type, &value_out](
                      TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = name,
                            .parents = self.parent_names(),
                            .supplier = supplier,
                            .key_in = key,
                            .value_in = value,
                            .key_out = key,
                            .value_out = &value_out});
        if (buffer) plan.add_store(buffer, {name});
        plan.connect(name, join.table->stores());
        plan.copartition({sources.begin(), sources.end()});
    };
    Stream result = joined(stream, name, value_out, std::move(node));
    result.sources = sources;
    if (options.key) result.key = options.key;
    return result;
}

}  // namespace

Stream Stream::join(const Table& table, ValueJoiner joiner, JoinKind kind, const Type& value_out,
                    const Joined& options) const {
    if (!repartition_required)
        return join_here(*this, table, std::move(joiner), kind, value_out, options);
    const Stream moved =
        repartitioned(options.name ? *options.name : name, options.key, options.left);
    return join_here(moved, table, std::move(joiner), kind, value_out, options);
}

Stream Stream::join(const GlobalTable& table, KeyMapper mapper, ValueJoiner joiner, JoinKind kind,
                    const Type& value_out, const Name& given) const {
    // The inner join's nodes are named as the left one's.
    const std::string node_name = graph->node_name(given, kLeftJoin);
    auto node = std::make_unique<GraphNode>();
    node->name = node_name;
    node->accepts_null_keys = kind == JoinKind::left;
    node->write = [=,
                   supplier =
                       ops::stream_table_join({.table = std::make_shared<StoreView>(table.store),
                                               .key = std::move(mapper),
                                               .joiner = std::move(joiner),
                                               .left = kind == JoinKind::left}),
                   key = key_type, value = value_type,
                   &value_out](TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = node_name,
                            .parents = self.parent_names(),
                            .supplier = supplier,
                            .key_in = key,
                            .value_in = value,
                            .key_out = key,
                            .value_out = &value_out});
    };
    return joined(*this, node_name, value_out, std::move(node));
}

Table Stream::to_table(const Name& given, const std::optional<Materialized>& materialized) const {
    const std::string node_name = graph->node_name(given, "KSTREAM-TOTABLE-");
    const StoreSpecPtr store =
        table_store(*graph, materialized, "KSTREAM-TOTABLE-", *key_type, *value_type, key, value);
    Table table;
    static_cast<Handle&>(table) = *this;
    table.key = store->key_serde;
    table.value = store->value_serde;
    GraphNode* above = node;
    if (repartition_required) {
        Repartition r = graph->new_repartition(node_name);
        r.key_type = key_type;
        r.value_type = value_type;
        r.key = table.key;
        r.value = table.value;
        r.mergeable = true;
        table.sources = {r.source};
        above = graph->add(graph->repartition_node(std::move(r)), {node});
    }
    const bool named = materialized && materialized->store_name;
    const auto op = std::make_shared<SourceOp>(store, named);
    table.name = node_name;
    table.op = op;
    table.queryable = named ? store->name : "";
    table.versioned = is_versioned(materialized);
    table.node = graph->add(
        graph_node({.name = node_name,
                    .supplier = ops::table_source(op->settings()),
                    .key_in = key_type,
                    .value_in = value_type,
                    .key_out = key_type,
                    .own = [op] { return op->settings()->kept ? op->store() : nullptr; }}),
        {above});
    return table;
}

}  // namespace millrace::streams::dsl
