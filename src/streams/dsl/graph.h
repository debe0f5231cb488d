// The operations of the DSL as a graph, before they become a topology.
//
// Operations add nodes as they are called, taking names from one counter; build() optimises the
// graph as topology.optimization says, and lets each node write itself to the plan, parents first,
// in the order in which they were added. Kafka: InternalStreamsBuilder, GraphNode.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "streams/config.h"
#include "streams/core/functions.h"
#include "streams/dsl/options.h"

namespace millrace::streams::dsl {

// A topic in between that gives records to the tasks of their new keys.
struct Repartition {
    std::string topic;  // without the application id
    std::string sink;
    std::string filter;
    std::string source;
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key;
    SerdePtr value;
    std::optional<int32_t> partitions;
    StreamPartitioner partitioner;
    bool mergeable = false;  // with others below the same key-changing operation
};

struct GraphNode {
    // That of the plan's node that forwards to the children's.
    std::string name;
    std::vector<GraphNode*> parents;
    std::vector<GraphNode*> children;
    int priority = 0;  // of two that can be written, the smaller goes first
    bool changes_key = false;
    bool changes_value = false;
    bool merges = false;
    // A left or outer join that takes null keys: they must survive a repartitioning above it.
    bool accepts_null_keys = false;
    std::optional<Repartition> repartition;
    // Sources: equal ones are merged.
    std::optional<SourceSpec> source;
    bool table_source = false;
    // Of aggregations in windows: how long after its end a window can change, and its keys' type.
    std::optional<int64_t> window_grace_ms;
    const WindowedType* windowed = nullptr;
    // Of a join of two streams: that they are one, and share a store (single.store.self.join).
    std::function<void()> join_itself;

    std::function<void(TopologyPlan& plan, const GraphNode& self)> write;
    std::vector<std::string> parent_names() const;

    bool written = false;
};

class Graph {
public:
    // `config`: given to the builder before the first operation, else build()'s counts.
    explicit Graph(std::optional<StreamsConfig> config = std::nullopt)
        : config_(std::move(config)) {
        root_.written = true;
    }

    // Generated names count up through all operations. A given name takes a number, too, so that
    // naming one operation renames no other.
    std::string node_name(const Name& given, std::string_view prefix);
    // The given name with a suffix, or a generated one.
    std::string node_name(const Name& given, std::string_view suffix, std::string_view prefix);
    // Of an operation whose given name takes no number.
    std::string unnumbered_name(const Name& given, std::string_view prefix);
    std::string new_name(std::string_view prefix);
    // PREFIXSTATE-STORE-0000000000
    std::string new_store_name(std::string_view prefix);

    // Adds it below these; below none it is a root's child. Adding one again adds edges.
    GraphNode* add(std::unique_ptr<GraphNode> node, std::vector<GraphNode*> parents);
    void add_edge(GraphNode* parent, GraphNode* node);

    // The names of a repartition topic's nodes, which take three numbers even if not generated.
    Repartition new_repartition(std::string_view topic_prefix);
    std::unique_ptr<GraphNode> repartition_node(Repartition repartition);

    // A store whose place (memory or disk) the configuration decides unless `in_memory` does, or
    // the spec is `placed`.
    std::shared_ptr<StoreSpec> add_store(StoreSpec spec, std::optional<bool> in_memory);

    // A state store that is attached by name; it is in the plan whether it is used or not.
    void attach_store(StoreSpecPtr spec) { attached_.push_back(std::move(spec)); }

    std::shared_ptr<TopologyPlan> build(const StreamsConfig& config);
    // While nodes are written: whether a source table's topic serves as its store's changelog.
    bool reuse_source_topics() const { return reuse_source_topics_; }

private:
    void merge_equal_sources();
    void merge_repartitions();
    void find_self_joins();
    void write(TopologyPlan& plan);

    std::optional<StreamsConfig> config_;
    int64_t next_name_ = 0;
    int next_priority_ = 0;
    bool reuse_source_topics_ = false;
    GraphNode root_;
    std::vector<std::unique_ptr<GraphNode>> nodes_;
    std::vector<std::shared_ptr<StoreSpec>> placed_by_config_;
    std::vector<StoreSpecPtr> attached_;
};

// Depth first: the first node above `node` (not itself) of which `wanted` holds, or null.
GraphNode* find_above(const GraphNode& node, const std::function<bool(const GraphNode&)>& wanted);

}  // namespace millrace::streams::dsl
