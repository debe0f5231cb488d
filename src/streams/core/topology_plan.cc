#include "streams/core/topology_plan.h"

#include <algorithm>
#include <numeric>

#include "streams/errors.h"

namespace millrace::streams {
namespace {

[[noreturn]] void refuse(std::string message) {
    throw TopologyException("Invalid topology: " + std::move(message));
}

const Type* key_out(const PlanNode& node) {
    return node.kind == NodeKind::source ? node.source.key_type : node.processor.key_out;
}
const Type* value_out(const PlanNode& node) {
    return node.kind == NodeKind::source ? node.source.value_type : node.processor.value_out;
}
const Type* key_in(const PlanNode& node) {
    return node.kind == NodeKind::sink ? node.sink.key_type : node.processor.key_in;
}
const Type* value_in(const PlanNode& node) {
    return node.kind == NodeKind::sink ? node.sink.value_type : node.processor.value_in;
}

void check_type(const Type* given, const Type* taken, const PlanNode& parent, const PlanNode& child,
                std::string_view what) {
    if (!given || !taken || given == taken) return;
    refuse(fmt::format("{} gives {}s of type {}, but {} takes {}", parent.name, what, given->name(),
                       child.name, taken->name()));
}

// Nodes and what joins them: the smallest index stands for a group.
class Groups {
public:
    explicit Groups(size_t count) : leader_(count) {
        std::iota(leader_.begin(), leader_.end(), size_t{0});
    }
    size_t find(size_t i) {
        while (leader_[i] != i) i = leader_[i] = leader_[leader_[i]];
        return i;
    }
    void join(size_t a, size_t b) {
        a = find(a);
        b = find(b);
        leader_[std::max(a, b)] = std::min(a, b);
    }

private:
    std::vector<size_t> leader_;
};

}  // namespace

void TopologyPlan::add_source(SourceSpec spec) {
    if (spec.topics.empty() && !spec.pattern)
        refuse(fmt::format("the source {} reads no topic", spec.name));
    for (const std::string& topic : spec.topics)
        if (!topics_read_.insert(topic).second)
            refuse(fmt::format("two sources read the topic {}", topic));
    add_node({.kind = NodeKind::source, .name = spec.name, .source = std::move(spec)}, {});
}

void TopologyPlan::add_processor(ProcessorSpec spec, const std::vector<std::string>& stores) {
    const std::string name = spec.name;
    const std::vector<std::string> parents = spec.parents;
    if (parents.empty()) refuse(fmt::format("{} has no parent", name));
    add_node({.kind = NodeKind::processor, .name = name, .processor = std::move(spec)}, parents);
    connect(name, stores);
}

void TopologyPlan::add_sink(SinkSpec spec) {
    const std::vector<std::string> parents = spec.parents;
    if (parents.empty()) refuse(fmt::format("{} has no parent", spec.name));
    add_node({.kind = NodeKind::sink, .name = spec.name, .sink = std::move(spec)}, parents);
}

size_t TopologyPlan::add_node(PlanNode node, const std::vector<std::string>& parents) {
    if (by_name_.contains(node.name)) refuse(fmt::format("the name {} is taken", node.name));
    const size_t index = nodes_.size();
    for (const std::string& parent : parents) {
        if (parent == node.name) refuse(fmt::format("{} is its own parent", node.name));
        const auto found = by_name_.find(parent);
        if (found == by_name_.end())
            refuse(fmt::format("the parent {} of {} is not there (yet)", parent, node.name));
        PlanNode& above = nodes_[found->second];
        if (above.kind == NodeKind::sink)
            refuse(fmt::format("the sink {} cannot have the child {}", parent, node.name));
        check_edge(above, node);
        above.children.push_back(index);
        node.parents.push_back(found->second);
    }
    by_name_.emplace(node.name, index);
    nodes_.push_back(std::move(node));
    return index;
}

void TopologyPlan::check_edge(const PlanNode& parent, const PlanNode& child) const {
    check_type(key_out(parent), key_in(child), parent, child, "key");
    check_type(value_out(parent), value_in(child), parent, child, "value");
}

void TopologyPlan::add_store(StoreSpecPtr spec, const std::vector<std::string>& processors) {
    const std::string name = spec->name;
    const auto found = stores_.find(name);
    if (found != stores_.end() && found->second.spec != spec)
        refuse(fmt::format("two state stores have the name {}", name));
    if (found == stores_.end()) {
        const std::string changelog = spec->logging ? name + "-changelog" : "";
        stores_.emplace(name, PlanStore{.spec = std::move(spec), .changelog = changelog});
    }
    for (const std::string& processor : processors) connect(processor, {name});
}

void TopologyPlan::add_global_store(StoreSpecPtr store, SourceSpec source,
                                    ProcessorSpec processor) {
    if (stores_.contains(store->name))
        refuse(fmt::format("two state stores have the name {}", store->name));
    const std::string name = store->name;
    const std::string topic = source.topics.at(0);
    const std::string processor_name = processor.name;
    processor.parents = {source.name};
    add_source(std::move(source));
    nodes_.back().global = true;
    stores_.emplace(name, PlanStore{.spec = std::move(store),
                                    .changelog = topic,
                                    .changelog_is_source = true,
                                    .global = true});
    add_processor(std::move(processor));
    PlanNode& node = nodes_[by_name_.at(processor_name)];
    node.global = true;
    node.stores.push_back(name);
    stores_.at(name).processors.insert(by_name_.at(processor_name));
}

void TopologyPlan::connect(const std::string& processor, const std::vector<std::string>& stores) {
    if (stores.empty()) return;
    const auto found = by_name_.find(processor);
    if (found == by_name_.end()) refuse(fmt::format("there is no processor {} (yet)", processor));
    PlanNode& node = nodes_[found->second];
    if (node.kind != NodeKind::processor)
        refuse(fmt::format("Only processors can have stores, and {} is none", processor));
    for (const std::string& name : stores) {
        const auto store = stores_.find(name);
        if (store == stores_.end()) refuse(fmt::format("there is no state store {} (yet)", name));
        if (store->second.global)
            refuse(
                fmt::format("the global state store {} needs no connecting: every processor "
                            "can use it",
                            name));
        store->second.processors.insert(found->second);
        if (std::ranges::find(node.stores, name) == node.stores.end()) node.stores.push_back(name);
    }
}

void TopologyPlan::add_repartition_topic(RepartitionTopic topic) {
    std::string name = topic.name;
    repartition_topics_.emplace(std::move(name), std::move(topic));
}

void TopologyPlan::copartition(std::vector<std::string> sources) {
    copartitioned_.push_back(std::move(sources));
}

void TopologyPlan::use_as_changelog(const std::string& store, const std::string& topic) {
    PlanStore& found = stores_.at(store);
    found.changelog = topic;
    found.changelog_is_source = true;
}

const PlanNode& TopologyPlan::node(std::string_view name) const {
    return nodes_.at(by_name_.find(name)->second);
}

std::vector<Subtopology> TopologyPlan::subtopologies() const {
    Groups groups(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i)
        for (size_t parent : nodes_[i].parents) groups.join(i, parent);
    for (const auto& [name, store] : stores_)
        if (!store.global && !store.processors.empty())
            for (size_t node : store.processors) groups.join(node, *store.processors.begin());

    std::vector<Subtopology> result;
    std::map<size_t, size_t> place;
    const auto visit = [&](size_t i) {
        const auto [at, fresh] = place.emplace(groups.find(i), result.size());
        if (fresh) result.push_back({.id = static_cast<int32_t>(result.size())});
    };
    for (size_t i = 0; i < nodes_.size(); ++i)
        if (nodes_[i].kind == NodeKind::source) visit(i);
    for (size_t i = 0; i < nodes_.size(); ++i) {
        visit(i);
        Subtopology& sub = result[place.at(groups.find(i))];
        sub.nodes.push_back(i);
        sub.global |= nodes_[i].global;
        for (const std::string& store : nodes_[i].stores)
            if (std::ranges::find(sub.stores, store) == sub.stores.end())
                sub.stores.push_back(store);
    }
    for (Subtopology& sub : result) std::ranges::sort(sub.stores);
    return result;
}

}  // namespace millrace::streams
