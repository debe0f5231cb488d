#include "streams/ops/stream_join.h"
#include "streams/dsl/table_parts.h"
#include "streams/ops/stateless.h"
#include "streams/state/waiting_records.h"

namespace millrace::streams::dsl {
namespace {

struct Names {
    std::string window;
    std::string join;
    std::string store;
};

// One join on its way to the plan: what its graph nodes share.
struct StreamJoin {
    Names left;
    Names right;
    std::string merge;
    StoreSpecPtr left_store;
    StoreSpecPtr right_store;
    StoreSpecPtr waiting;  // null: an inner join
    ValueJoiner joiner;
    JoinWindows windows;
    JoinKind kind;
    const Type* key;
    const Type* left_value;
    const Type* right_value;
    const Type* value_out;
    std::set<std::string> sources;
    bool single_store = false;  // a stream joined with itself
};
using StreamJoinPtr = std::shared_ptr<StreamJoin>;

StoreSpec window_store(const std::string& name, const StreamJoin& join, const Type& value,
                       const SerdePtr& key_serde, const SerdePtr& value_serde) {
    StoreSpec spec;
    spec.name = name;
    spec.kind = StoreKind::window;
    spec.key_type = join.key;
    spec.value_type = &value;
    spec.key_serde = key_serde;
    spec.value_serde = value_serde;
    spec.retention_ms = join.windows.size_ms() + join.windows.grace_ms();
    spec.window_size_ms = join.windows.size_ms();
    spec.retain_duplicates = true;
    spec.log_headers = true;
    set_maker(spec);
    return spec;
}

StoreSpecPtr placed(Graph& graph, StoreSpec spec, const StreamJoined& options) {
    spec.logging = options.logging;
    spec.topic_config = options.topic_config;
    return graph.add_store(std::move(spec), options.in_memory);
}

// Names take numbers in this order: both windows, both joins, the merge.
void name_all(Graph& graph, const StreamJoined& options, StreamJoin& join, std::string& waiting) {
    const bool left_outer = join.kind != JoinKind::inner;
    const bool right_outer = join.kind == JoinKind::outer;
    const std::string left_suffix = right_outer ? "-outer-this-join" : "-this-join";
    const std::string right_suffix = left_outer ? "-outer-other-join" : "-other-join";
    join.left.window = graph.node_name(options.name, "-this-windowed", "KSTREAM-WINDOWED-");
    join.right.window = graph.node_name(options.name, "-other-windowed", "KSTREAM-WINDOWED-");
    const std::string left_prefix = right_outer ? "KSTREAM-OUTERTHIS-" : "KSTREAM-JOINTHIS-";
    const std::string left_generated = graph.new_name(left_prefix);
    const std::string right_generated =
        graph.new_name(left_outer ? "KSTREAM-OUTEROTHER-" : "KSTREAM-JOINOTHER-");
    join.left.join = options.name ? *options.name + left_suffix : left_generated;
    join.right.join = options.name ? *options.name + right_suffix : right_generated;
    join.merge = graph.node_name(options.name, "-merge", "KSTREAM-MERGE-");
    // The stores are not named by the operation's name but by their own.
    const Name& base = options.store_name;
    join.left.store = (base ? *base + left_suffix : left_generated) + "-store";
    join.right.store = (base ? *base + right_suffix : right_generated) + "-store";
    waiting = base ? *base + (right_outer ? "-outer-shared-join" : "-left-shared-join")
                   : "KSTREAM-OUTERSHARED-" + left_generated.substr(left_prefix.size());
    waiting += "-store";
}

std::unique_ptr<GraphNode> window_node(const StreamJoinPtr& join, bool left) {
    auto node = std::make_unique<GraphNode>();
    const Names& names = left ? join->left : join->right;
    node->name = names.window;
    node->write = [join, left, names](TopologyPlan& plan, const GraphNode& self) {
        // One window is enough for a stream joined with itself.
        if (!left && join->single_store) return;
        const Type* value = left ? join->left_value : join->right_value;
        plan.add_processor({.name = names.window,
                            .parents = self.parent_names(),
                            .supplier = ops::join_window(names.store),
                            .key_in = join->key,
                            .value_in = value,
                            .key_out = join->key,
                            .value_out = value});
        plan.add_store(left ? join->left_store : join->right_store, {names.window});
    };
    return node;
}

void write_side(TopologyPlan& plan, const StreamJoin& join, bool left) {
    const Names& mine = left ? join.left : join.right;
    const Names& other = left ? join.right : join.left;
    plan.add_processor(
        {.name = mine.join,
         .parents = {mine.window},
         .supplier = ops::stream_join({.left = left,
                                       .joiner = join.joiner,
                                       .windows = join.windows,
                                       .other = other.store,
                                       .waiting = join.waiting ? join.waiting->name : "",
                                       .emits_unmatched = join.kind == JoinKind::outer ||
                                                          (left && join.kind == JoinKind::left)}),
         .key_in = join.key,
         .value_in = left ? join.left_value : join.right_value,
         .key_out = join.key,
         .value_out = join.value_out});
    plan.connect(mine.join, {other.store});
}

void write_join(TopologyPlan& plan, const StreamJoin& join) {
    ProcessorSpec merge{
        .name = join.merge, .key_in = join.key, .key_out = join.key, .value_out = join.value_out};
    if (join.single_store) {
        merge.parents = {join.left.window};
        merge.value_in = join.left_value;
        merge.supplier = ops::stream_self_join(join.joiner, join.windows, join.left.store);
        plan.add_processor(std::move(merge), {join.left.store});
        return;
    }
    write_side(plan, join, true);
    write_side(plan, join, false);
    merge.parents = {join.left.join, join.right.join};
    merge.value_in = join.value_out;
    merge.supplier = ops::pass_through();
    plan.add_processor(std::move(merge));
    if (join.waiting) plan.add_store(join.waiting, {join.left.join, join.right.join});
    plan.copartition({join.sources.begin(), join.sources.end()});
}

Stream join_here(const Stream& left, const Stream& right, StreamJoin spec,
                 const StreamJoined& options) {
    Graph& graph = *left.graph;
    std::string waiting_name;
    name_all(graph, options, spec, waiting_name);
    const SerdePtr key = options.key ? options.key : left.key;
    const SerdePtr left_serde = options.left ? options.left : left.value;
    const SerdePtr right_serde = options.right ? options.right : right.value;
    spec.left_store = placed(
        graph, window_store(spec.left.store, spec, *spec.left_value, key, left_serde), options);
    spec.right_store = placed(
        graph, window_store(spec.right.store, spec, *spec.right_value, key, right_serde), options);
    if (spec.kind != JoinKind::inner)
        spec.waiting = placed(graph,
                              waiting_records_spec(waiting_name, {.key = spec.key,
                                                                  .left = spec.left_value,
                                                                  .right = spec.right_value,
                                                                  .key_serde = key,
                                                                  .left_serde = left_serde,
                                                                  .right_serde = right_serde}),
                              options);
    const auto join = std::make_shared<StreamJoin>(std::move(spec));
    graph.add(window_node(join, true), {left.node});
    graph.add(window_node(join, false), {right.node});

    auto node = std::make_unique<GraphNode>();
    node->name = join->merge;
    node->accepts_null_keys = join->kind != JoinKind::inner;
    node->join_itself = [join] { join->single_store = true; };
    node->write = [join](TopologyPlan& plan, const GraphNode&) { write_join(plan, *join); };

    Stream result;
    static_cast<Handle&>(result) = left;
    result.name = join->merge;
    result.sources = join->sources;
    result.value_type = join->value_out;
    result.key = key;
    result.value = nullptr;
    result.node = graph.add(std::move(node), {left.node, right.node});
    return result;
}

}  // namespace

Stream Stream::join(const Stream& other, ValueJoiner joiner, JoinWindows windows, JoinKind kind,
                    const Type& value_out, const StreamJoined& options) const {
    const auto moved = [&](const Stream& stream, std::string_view suffix, const SerdePtr& value) {
        if (!stream.repartition_required) return stream;
        const std::string topic = options.name ? *options.name + std::string(suffix) : stream.name;
        return stream.repartitioned(topic, options.key, value);
    };
    const Stream left = moved(*this, "-left", options.left);
    const Stream right = moved(other, "-right", options.right);
    return join_here(left, right,
                     {.joiner = std::move(joiner),
                      .windows = windows,
                      .kind = kind,
                      .key = key_type,
                      .left_value = value_type,
                      .right_value = other.value_type,
                      .value_out = &value_out,
                      .sources = union_of(left.sources, right.sources)},
                     options);
}

}  // namespace millrace::streams::dsl
