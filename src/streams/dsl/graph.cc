#include "streams/dsl/graph.h"

#include <algorithm>
#include <queue>

#include "streams/errors.h"
#include "streams/ops/stateless.h"
#include "streams/timestamp_extractors.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kRepartitionSuffix = "-repartition";

// Of topic names that may stand in a cluster; KIP-1111's rules are the broker's.
void check_name(const std::string& name) {
    const auto legal = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
    };
    if (name.empty()) throw TopologyException("Invalid topology: a name is empty");
    if (name == "." || name == "..")
        throw TopologyException(R"(Invalid topology: "." and ".." are no names)");
    if (name.size() > 249)
        throw TopologyException(
            fmt::format("Invalid topology: a name has at most 249 characters, not as {}", name));
    if (!std::ranges::all_of(name, legal))
        throw TopologyException(fmt::format(
            "Invalid topology: the name \"{}\" has a character other than letters and digits of "
            "ASCII, '.', '_' and '-'",
            name));
}

// Whether the prefix is one that the DSL made, as far as naming goes (KSTREAM…-0000000000).
bool is_generated(std::string_view prefix) {
    if (!prefix.starts_with("KSTREAM") || prefix.size() < 11) return false;
    const std::string_view number = prefix.substr(prefix.size() - 10);
    return prefix[prefix.size() - 11] == '-' &&
           std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
}

void insert_once(std::vector<GraphNode*>& list, GraphNode* node) {
    if (std::ranges::find(list, node) == list.end()) list.push_back(node);
}
void link(GraphNode* parent, GraphNode* child) {
    insert_once(parent->children, child);
    insert_once(child->parents, parent);
}
void unlink(GraphNode* parent, GraphNode* child) {
    std::erase(parent->children, child);
    std::erase(child->parents, parent);
}

bool null_keys_wanted_below(const GraphNode& node) {
    return std::ranges::any_of(node.children, [](const GraphNode* child) {
        return child->accepts_null_keys || (!child->repartition && null_keys_wanted_below(*child));
    });
}

void write_repartition(TopologyPlan& plan, const GraphNode& self) {
    const Repartition& r = *self.repartition;
    plan.add_repartition_topic({.name = r.topic, .partitions = r.partitions});
    const bool keep_null_keys = null_keys_wanted_below(self);
    plan.add_processor(
        {.name = r.filter,
         .parents = self.parent_names(),
         .supplier =
             ops::filter([keep_null_keys](Ref key, Ref) { return keep_null_keys || key; }, false),
         .key_in = r.key_type,
         .value_in = r.value_type,
         .key_out = r.key_type,
         .value_out = r.value_type});
    plan.add_sink({.name = r.sink,
                   .parents = {r.filter},
                   .topic = r.topic,
                   .key_type = r.key_type,
                   .value_type = r.value_type,
                   .key_serde = r.key,
                   .value_serde = r.value,
                   .partitioner = r.partitioner});
    plan.add_source({.name = r.source,
                     .topics = {r.topic},
                     .key_type = r.key_type,
                     .value_type = r.value_type,
                     .key_serde = r.key,
                     .value_serde = r.value,
                     .timestamp = fail_on_invalid_timestamp()});
}

}  // namespace

std::vector<std::string> GraphNode::parent_names() const {
    std::vector<std::string> names;
    for (const GraphNode* parent : parents) names.push_back(parent->name);
    return names;
}

GraphNode* find_above(const GraphNode& node, const std::function<bool(const GraphNode&)>& wanted) {
    for (GraphNode* parent : node.parents) {
        if (wanted(*parent)) return parent;
        if (GraphNode* found = find_above(*parent, wanted)) return found;
    }
    return nullptr;
}

std::string Graph::new_name(std::string_view prefix) {
    return fmt::format("{}{:010}", prefix, next_name_++);
}

std::string Graph::new_store_name(std::string_view prefix) {
    return fmt::format("{}STATE-STORE-{:010}", prefix, next_name_++);
}

std::string Graph::node_name(const Name& given, std::string_view prefix) {
    return node_name(given, "", prefix);
}

std::string Graph::node_name(const Name& given, std::string_view suffix, std::string_view prefix) {
    std::string generated = new_name(prefix);
    if (!given) return generated;
    std::string name = *given + std::string(suffix);
    check_name(name);
    return name;
}

std::string Graph::unnumbered_name(const Name& given, std::string_view prefix) {
    if (!given) return new_name(prefix);
    check_name(*given);
    return *given;
}

GraphNode* Graph::add(std::unique_ptr<GraphNode> node, std::vector<GraphNode*> parents) {
    GraphNode* added = nodes_.emplace_back(std::move(node)).get();
    if (parents.empty()) parents.push_back(&root_);
    for (GraphNode* parent : parents) add_edge(parent, added);
    return added;
}

void Graph::add_edge(GraphNode* parent, GraphNode* node) {
    link(parent, node);
    node->priority = next_priority_++;
}

Repartition Graph::new_repartition(std::string_view topic_prefix) {
    Repartition r;
    r.topic = topic_prefix.ends_with(kRepartitionSuffix)
                  ? std::string(topic_prefix)
                  : fmt::format("{}{}", topic_prefix, kRepartitionSuffix);
    r.sink = new_name("KSTREAM-SINK-");
    r.filter = new_name("KSTREAM-FILTER-");
    r.source = new_name("KSTREAM-SOURCE-");
    if (!is_generated(topic_prefix)) {
        r.sink = r.topic + "-sink";
        r.filter = r.topic + "-filter";
        r.source = r.topic + "-source";
    }
    return r;
}

std::unique_ptr<GraphNode> Graph::repartition_node(Repartition repartition) {
    auto node = std::make_unique<GraphNode>();
    node->name = repartition.source;
    node->repartition = std::move(repartition);
    node->write = &write_repartition;
    return node;
}

std::shared_ptr<StoreSpec> Graph::add_store(StoreSpec spec, std::optional<bool> in_memory) {
    check_name(spec.name);
    if (!spec.make) set_maker(spec);
    auto shared = std::make_shared<StoreSpec>(std::move(spec));
    if (!shared->make) set_maker(*shared);
    if (in_memory)
        shared->persistent = !*in_memory;
    else if (!shared->placed)
        placed_by_config_.push_back(shared);
    return shared;
}

std::shared_ptr<TopologyPlan> Graph::build(const StreamsConfig& config) {
    const bool in_memory = config_ ? config_->dsl_stores_in_memory : config.dsl_stores_in_memory;
    for (const auto& spec : placed_by_config_) spec->persistent = !in_memory;
    merge_equal_sources();
    if (config.merge_repartition_topics) merge_repartitions();
    if (config.single_store_self_join) find_self_joins();
    reuse_source_topics_ = config.reuse_source_topics;
    auto plan = std::make_shared<TopologyPlan>();
    for (const StoreSpecPtr& spec : attached_) plan->add_store(spec);
    write(*plan);
    return plan;
}

// Two operations that read the same topics read them once.
void Graph::merge_equal_sources() {
    std::vector<GraphNode*> kept;
    for (GraphNode* node : std::vector<GraphNode*>(root_.children)) {
        if (!node->source || node->table_source) continue;
        const SourceSpec& mine = *node->source;
        const auto same = std::ranges::find_if(kept, [&](const GraphNode* other) {
            const SourceSpec& theirs = *other->source;
            const std::set<std::string> a(mine.topics.begin(), mine.topics.end());
            const std::set<std::string> b(theirs.topics.begin(), theirs.topics.end());
            return a == b && mine.pattern == theirs.pattern;
        });
        if (same == kept.end()) {
            kept.push_back(node);
            continue;
        }
        if (mine.offset_reset != (*same)->source->offset_reset)
            throw TopologyException(
                fmt::format("Invalid topology: {} is read twice, with different offset resets",
                            mine.topics.empty() ? *mine.pattern : mine.topics.front()));
        for (GraphNode* child : std::vector<GraphNode*>(node->children)) {
            unlink(node, child);
            link(*same, child);
        }
        unlink(&root_, node);
    }
}

// Several repartitionings below one key-changing operation become one, named after the first.
void Graph::merge_repartitions() {
    std::vector<std::pair<GraphNode*, std::vector<GraphNode*>>> below;  // key changer -> nodes
    std::vector<GraphNode*> by_priority;
    for (const auto& node : nodes_) by_priority.push_back(node.get());
    const auto earlier = [](const GraphNode* a, const GraphNode* b) {
        return a->priority < b->priority;
    };
    std::ranges::sort(by_priority, earlier);
    for (GraphNode* node : by_priority) {
        if (!node->repartition || !node->repartition->mergeable || node->parents.empty()) continue;
        GraphNode* changer = find_above(*node, [](const GraphNode& n) { return n.changes_key; });
        GraphNode* nearest =
            find_above(*node, [](const GraphNode& n) { return n.changes_key || n.changes_value; });
        if (!changer || changer != nearest) continue;
        // Behind a merge, the repartitioning is that of the merged stream.
        if (GraphNode* merge = find_above(*node, [](const GraphNode& n) { return n.merges; });
            merge && find_above(*merge, [&](const GraphNode& n) { return &n == changer; }))
            changer = merge;
        const auto found = std::ranges::find(below, changer, [](const auto& e) { return e.first; });
        if (found == below.end())
            below.push_back({changer, {node}});
        else
            found->second.push_back(node);
    }
    for (auto& [changer, repartitions] : below) {
        const Repartition& first = *repartitions.front()->repartition;
        Repartition single = new_repartition(first.topic);
        single.key_type = first.key_type;
        single.value_type = first.value_type;
        single.mergeable = true;
        for (const GraphNode* node : repartitions) {
            if (!single.key) single.key = node->repartition->key;
            if (!single.value) single.value = node->repartition->value;
        }
        GraphNode* merged = nodes_.emplace_back(repartition_node(std::move(single))).get();
        merged->priority = changer->priority;
        for (GraphNode* node : repartitions) {
            const auto below_changer = [&](const GraphNode& n) {
                return std::ranges::find(n.parents, changer) != n.parents.end();
            };
            GraphNode* child = below_changer(*node) ? node : find_above(*node, below_changer);
            unlink(changer, child);
            link(merged, child);
            for (GraphNode* parent : std::vector<GraphNode*>(node->parents)) {
                unlink(parent, node);
                for (GraphNode* grandchild : node->children) link(parent, grandchild);
            }
            for (GraphNode* grandchild : std::vector<GraphNode*>(node->children))
                unlink(node, grandchild);
        }
        link(changer, merged);
    }
}

// A join whose sides are one stream, of one source.
void Graph::find_self_joins() {
    for (const auto& node : nodes_) {
        if (!node->join_itself || node->parents.size() != 1) continue;
        std::set<const GraphNode*> sources;
        find_above(*node, [&](const GraphNode& above) {
            if (above.source) sources.insert(&above);
            return false;
        });
        if (sources.size() == 1) node->join_itself();
    }
}

void Graph::write(TopologyPlan& plan) {
    const auto later = [](const GraphNode* a, const GraphNode* b) {
        return a->priority > b->priority;
    };
    std::priority_queue<GraphNode*, std::vector<GraphNode*>, decltype(later)> queue(later);
    for (GraphNode* child : root_.children) queue.push(child);
    while (!queue.empty()) {
        GraphNode* node = queue.top();
        queue.pop();
        const bool ready =
            std::ranges::all_of(node->parents, [](const GraphNode* p) { return p->written; });
        if (!ready || node->written) continue;
        if (node->write) node->write(plan, *node);
        node->written = true;
        for (GraphNode* child : node->children) queue.push(child);
    }
}

}  // namespace millrace::streams::dsl
