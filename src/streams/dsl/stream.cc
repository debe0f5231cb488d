#include "streams/dsl/stream.h"

#include "streams/dsl/grouped.h"
#include "streams/ops/stateless.h"

namespace millrace::streams::dsl {
namespace {

std::set<std::string> both(const std::set<std::string>& a, const std::set<std::string>& b) {
    std::set<std::string> all = a;
    all.insert(b.begin(), b.end());
    return all;
}

}  // namespace

// ---- one record at a time

Stream Stream::apply(Stateless op) const {
    auto added = std::make_unique<GraphNode>();
    added->name = op.name;
    added->changes_key = op.changes_key;
    added->changes_value = op.changes_value;
    const Type* key_out = op.key_out ? op.key_out : key_type;
    const Type* value_out = op.value_out ? op.value_out : value_type;
    added->write = [op, key_in = key_type, value_in = value_type, key_out, value_out](
                       TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = op.name,
                            .parents = self.parent_names(),
                            .supplier = op.supplier,
                            .key_in = key_in,
                            .value_in = value_in,
                            .key_out = key_out,
                            .value_out = value_out});
        for (const StoreSpecPtr& store : op.own_stores) plan.add_store(store, {op.name});
        plan.connect(op.name, op.stores);
    };
    Stream result = *this;
    result.join_repartition_ = std::make_shared<GraphNode*>(nullptr);
    result.node = graph->add(std::move(added), {node});
    result.name = op.name;
    result.key_type = key_out;
    result.value_type = value_out;
    result.repartition_required = repartition_required || op.changes_key;
    // What becomes of a changed key's or value's serde, who knows their types says.
    if (op.key_out) result.key = nullptr;
    if (op.value_out) result.value = nullptr;
    return result;
}

Stream Stream::filter(Predicate predicate, bool negate, const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-FILTER-"),
                  .supplier = ops::filter(std::move(predicate), negate)});
}

Stream Stream::select_key(KeyMapper mapper, const Type& key_out, const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-KEY-SELECT-"),
                  .supplier = ops::select_key(std::move(mapper)),
                  .key_out = &key_out,
                  .changes_key = true});
}

Stream Stream::map(KeyValueMapper mapper, const Type& key_out, const Type& value_out,
                   const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-MAP-"),
                  .supplier = ops::map(std::move(mapper)),
                  .key_out = &key_out,
                  .value_out = &value_out,
                  .changes_key = true});
}

Stream Stream::map_values(ValueMapper mapper, const Type& value_out, const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-MAPVALUES-"),
                  .supplier = ops::map_values(std::move(mapper)),
                  .value_out = &value_out,
                  .changes_value = true});
}

Stream Stream::flat_map(FlatKeyValueMapper mapper, const Type& key_out, const Type& value_out,
                        const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-FLATMAP-"),
                  .supplier = ops::flat_map(std::move(mapper)),
                  .key_out = &key_out,
                  .value_out = &value_out,
                  .changes_key = true});
}

Stream Stream::flat_map_values(FlatValueMapper mapper, const Type& value_out,
                               const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-FLATMAPVALUES-"),
                  .supplier = ops::flat_map_values(std::move(mapper)),
                  .value_out = &value_out,
                  .changes_value = true});
}

Stream Stream::peek(ForeachAction action, const Name& name) const {
    return apply({.name = graph->node_name(name, "KSTREAM-PEEK-"),
                  .supplier = ops::peek(std::move(action))});
}

void Stream::foreach (ForeachAction action, const Name& name) const {
    apply({.name = graph->node_name(name, "KSTREAM-FOREACH-"),
           .supplier = ops::foreach (std::move(action))});
}

Stream Stream::process(NodeSupplier supplier, const Type& key_out, const Type& value_out,
                       const Name& name, std::vector<std::string> stores,
                       std::vector<StoreSpecPtr> own_stores) const {
    return apply({.name = graph->unnumbered_name(name, "KSTREAM-PROCESSOR-"),
                  .supplier = std::move(supplier),
                  .key_out = &key_out,
                  .value_out = &value_out,
                  .changes_key = true,
                  .stores = std::move(stores),
                  .own_stores = std::move(own_stores)});
}

Stream Stream::process_values(NodeSupplier supplier, const Type& value_out, const Name& name,
                              std::vector<std::string> stores,
                              std::vector<StoreSpecPtr> own_stores) const {
    return apply({.name = graph->unnumbered_name(name, "KSTREAM-PROCESSVALUES-"),
                  .supplier = std::move(supplier),
                  .value_out = &value_out,
                  .changes_value = true,
                  .stores = std::move(stores),
                  .own_stores = std::move(own_stores)});
}

Stream Stream::merge(const Stream& other, const Name& given) const {
    const std::string merged = graph->node_name(given, "KSTREAM-MERGE-");
    auto added = std::make_unique<GraphNode>();
    added->name = merged;
    added->merges = true;
    added->write = [merged, key = key_type, value = value_type](TopologyPlan& plan,
                                                                const GraphNode& self) {
        plan.add_processor({.name = merged,
                            .parents = self.parent_names(),
                            .supplier = ops::pass_through(),
                            .key_in = key,
                            .value_in = value,
                            .key_out = key,
                            .value_out = value});
    };
    Stream result = *this;
    result.join_repartition_ = std::make_shared<GraphNode*>(nullptr);
    result.node = graph->add(std::move(added), {node, other.node});
    result.name = merged;
    result.sources = both(sources, other.sources);
    result.repartition_required = repartition_required || other.repartition_required;
    // Nobody says that the two streams' serdes agree.
    result.key = nullptr;
    result.value = nullptr;
    return result;
}

Branches::Branches(const Stream& stream, const Name& given)
    : stream_(stream),
      name_(stream.graph->node_name(given, "KSTREAM-BRANCH-")),
      predicates_(std::make_shared<std::vector<std::pair<Predicate, std::string>>>()) {
    auto added = std::make_unique<GraphNode>();
    added->name = name_;
    added->write = [name = name_, predicates = predicates_, key = stream.key_type,
                    value = stream.value_type](TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = name,
                            .parents = self.parent_names(),
                            .supplier = ops::branch(predicates),
                            .key_in = key,
                            .value_in = value,
                            .key_out = key,
                            .value_out = value});
    };
    node_ = stream.graph->add(std::move(added), {stream.node});
}

std::string Branches::key_of(const Name& name, size_t index) const {
    return name_ + (name ? *name : std::to_string(index));
}

Stream Branches::branch(Predicate predicate, const Name& name) {
    const std::string child = key_of(name, ++count_);
    predicates_->emplace_back(std::move(predicate), child);
    return add(child);
}

Stream Branches::default_branch(const Name& name) {
    const std::string child = key_of(name, 0);
    predicates_->emplace_back([](Ref, Ref) { return true; }, child);
    return add(child);
}

Stream Branches::add(const std::string& child) {
    // The child's name takes a number although it shows none.
    stream_.graph->new_name("KSTREAM-BRANCHCHILD-");
    Stream below = stream_;
    below.node = node_;
    return below.apply({.name = child, .supplier = ops::pass_through()});
}

// ---- ends and topics in between

void Stream::sink(SinkSpec spec, const Produced& produced) const {
    spec.name = graph->node_name(produced.name, "KSTREAM-SINK-");
    spec.key_type = key_type;
    spec.value_type = value_type;
    spec.key_serde = produced.key ? produced.key : key;
    spec.value_serde = produced.value ? produced.value : value;
    spec.partitioner = produced.partitioner;
    auto added = std::make_unique<GraphNode>();
    added->name = spec.name;
    added->write = [spec](TopologyPlan& plan, const GraphNode& self) {
        SinkSpec mine = spec;
        mine.parents = self.parent_names();
        plan.add_sink(std::move(mine));
    };
    graph->add(std::move(added), {node});
}

void Stream::to(std::string topic, const Produced& produced) const {
    sink({.topic = std::move(topic)}, produced);
}

void Stream::to(TopicNameExtractor extractor, const Produced& produced) const {
    sink({.extractor = std::move(extractor)}, produced);
}

Stream Stream::repartition(const Repartitioned& options) const {
    const std::string prefix =
        options.name ? *options.name : graph->new_name("KSTREAM-REPARTITION-");
    Repartition r = graph->new_repartition(prefix);
    r.key_type = key_type;
    r.value_type = value_type;
    r.key = options.key ? options.key : key;
    r.value = options.value ? options.value : value;
    r.partitions = options.partitions;
    r.partitioner = options.partitioner;
    Stream result = *this;
    result.join_repartition_ = std::make_shared<GraphNode*>(nullptr);
    result.name = r.source;
    result.sources = {r.source};
    result.key = r.key;
    result.value = r.value;
    result.repartition_required = false;
    result.node = graph->add(graph->repartition_node(std::move(r)), {node});
    return result;
}

Stream Stream::repartitioned(const std::string& topic_prefix, const SerdePtr& key_override,
                             const SerdePtr& value_override) const {
    Repartition r = graph->new_repartition(topic_prefix);
    r.key_type = key_type;
    r.value_type = value_type;
    r.key = key_override ? key_override : key;
    r.value = value_override ? value_override : value;
    r.mergeable = true;
    Stream result = *this;
    result.join_repartition_ = std::make_shared<GraphNode*>(nullptr);
    result.name = r.source;
    result.key = r.key;
    result.value = r.value;
    result.repartition_required = false;
    if (!*join_repartition_ || name != topic_prefix)
        *join_repartition_ = graph->add(graph->repartition_node(std::move(r)), {node});
    result.node = *join_repartition_;
    result.sources = {result.node->name};
    return result;
}

Stream source_stream(const std::shared_ptr<Graph>& graph, std::vector<std::string> topics,
                     std::optional<std::string> pattern, const Consumed& consumed) {
    SourceSpec spec{.name = graph->node_name(consumed.name, "KSTREAM-SOURCE-"),
                    .topics = std::move(topics),
                    .pattern = std::move(pattern),
                    .key_type = consumed.key_type,
                    .value_type = consumed.value_type,
                    .key_serde = consumed.key,
                    .value_serde = consumed.value,
                    .timestamp = consumed.timestamp,
                    .offset_reset = consumed.offset_reset};
    auto added = std::make_unique<GraphNode>();
    added->name = spec.name;
    added->source = spec;
    added->write = [spec](TopologyPlan& plan, const GraphNode&) { plan.add_source(spec); };
    Stream result;
    result.graph = graph;
    result.name = spec.name;
    result.sources = {spec.name};
    result.key_type = consumed.key_type;
    result.value_type = consumed.value_type;
    result.key = consumed.key;
    result.value = consumed.value;
    result.node = graph->add(std::move(added), {});
    return result;
}

// ---- towards aggregations

GroupedStream Stream::group_by_key(const Grouped& grouped) const {
    GroupedStream result;
    static_cast<Handle&>(result) = *this;
    result.repartition_required = repartition_required;
    result.grouped = grouped;
    if (grouped.key) result.key = grouped.key;
    if (grouped.value) result.value = grouped.value;
    result.repartition = std::make_shared<GraphNode*>(nullptr);
    return result;
}

GroupedStream Stream::group_by(KeyMapper mapper, const Type& key_out,
                               const Grouped& grouped) const {
    const std::string selected = graph->node_name(grouped.name, "KSTREAM-KEY-SELECT-");
    Stream keyed = apply({.name = selected,
                          .supplier = ops::select_key(std::move(mapper)),
                          .key_out = &key_out,
                          .changes_key = true});
    return keyed.group_by_key(grouped);
}

}  // namespace millrace::streams::dsl
