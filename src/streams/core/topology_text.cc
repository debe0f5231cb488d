// TopologyPlan::describe(): the text that people and tools know from Kafka's Topology.describe().
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/java_order.h"
#include "streams/core/topology_plan.h"

namespace millrace::streams {
namespace {

std::string join(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

class Text {
public:
    explicit Text(const TopologyPlan& plan) : plan_(plan), sizes_(plan.nodes().size(), 0) {
        // Children come after their parents, so from the end each node's own size is known when
        // its parents need it.
        for (size_t i = sizes_.size(); i-- > 0;) {
            sizes_[i] = 1;
            for (size_t child : plan.nodes()[i].children) sizes_[i] += sizes_[child];
        }
        for (const Subtopology& sub : plan.subtopologies()) order_children(sub);
    }

    std::string all() {
        std::string out = "Topologies:\n ";
        for (const Subtopology& sub : plan_.subtopologies()) {
            out += fmt::format("  Sub-topology: {}{}\n", sub.id,
                               sub.global ? " for global store (will not generate tasks)" : "");
            for (size_t i : sorted(sub)) out += describe(plan_.nodes()[i]);
            if (!sub.global) out += "\n";
        }
        return out;
    }

private:
    // Kafka keeps a node's children in a tree, the largest graph below first and then by name, which
    // it fills while it is still summing up how large the graphs are: so it is done here, too.
    void order_children(const Subtopology& sub) {
        std::map<std::string, size_t> by_name;
        std::vector<std::string> names;
        for (size_t i : sub.nodes) {
            by_name[plan_.nodes()[i].name] = i;
            names.push_back(plan_.nodes()[i].name);
        }
        std::vector<size_t> known(plan_.nodes().size(), 1);
        std::vector<std::vector<size_t>> parents(plan_.nodes().size());
        const auto before = [&](size_t a, size_t b) {
            if (known[a] != known[b]) return known[a] > known[b];
            return plan_.nodes()[a].name < plan_.nodes()[b].name;
        };
        std::map<size_t, std::multiset<size_t, decltype(before)>> children;
        const std::function<void(size_t, size_t)> grow = [&](size_t node, size_t by) {
            known[node] += by;
            for (size_t parent : parents[node]) grow(parent, by);
        };
        for (const std::string& name : java_ordered(names)) {
            const size_t node = by_name.at(name);
            for (size_t parent : plan_.nodes()[node].parents) {
                parents[node].push_back(parent);
                children.try_emplace(parent, before).first->second.insert(node);
                grow(parent, known[node]);
            }
        }
        for (const auto& [parent, ordered] : children)
            children_[parent].assign(ordered.begin(), ordered.end());
    }

    // The largest graph below first, then by name.
    std::vector<size_t> sorted(const Subtopology& sub) const {
        std::vector<size_t> nodes = sub.nodes;
        std::ranges::sort(nodes, [&](size_t a, size_t b) {
            if (sizes_[a] != sizes_[b]) return sizes_[a] > sizes_[b];
            return plan_.nodes()[a].name < plan_.nodes()[b].name;
        });
        return nodes;
    }

    std::string names(const std::vector<size_t>& nodes) const {
        if (nodes.empty()) return "none";
        std::vector<std::string> list;
        for (size_t i : nodes) list.push_back(plan_.nodes()[i].name);
        return join(list);
    }

    const std::vector<size_t>& children_of(const PlanNode& node) const {
        const auto found = children_.find(static_cast<size_t>(&node - plan_.nodes().data()));
        return found == children_.end() ? node.children : found->second;
    }

    std::string describe(const PlanNode& node) const {
        std::string out;
        switch (node.kind) {
            case NodeKind::source:
                out = node.source.pattern
                          ? fmt::format("    Source: {} (topics: {})\n", node.name,
                                        *node.source.pattern)
                          : fmt::format("    Source: {} (topics: [{}])\n", node.name,
                                        join(java_ordered(node.source.topics)));
                return out + fmt::format("      --> {}\n", names(children_of(node)));
            case NodeKind::processor:
                out = fmt::format("    Processor: {} (stores: [{}])\n", node.name,
                                  join(java_ordered(node.stores)));
                out += fmt::format("      --> {}\n", names(children_of(node)));
                break;
            case NodeKind::sink:
                out = node.sink.extractor
                          ? fmt::format("    Sink: {} (extractor class: a function)\n", node.name)
                          : fmt::format("    Sink: {} (topic: {})\n", node.name, node.sink.topic);
                break;
        }
        return out + fmt::format("      <-- {}\n", names(node.parents));
    }

    const TopologyPlan& plan_;
    std::vector<size_t> sizes_;
    std::map<size_t, std::vector<size_t>> children_;  // as they are written
};

}  // namespace

std::string TopologyPlan::describe() const {
    return Text(*this).all();
}

}  // namespace millrace::streams
