// TopologyPlan::describe(): the text that people and tools know from Kafka's Topology.describe().
#include <algorithm>

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

    std::string describe(const PlanNode& node) const {
        std::string out;
        switch (node.kind) {
            case NodeKind::source:
                out = node.source.pattern
                          ? fmt::format("    Source: {} (topics: {})\n", node.name,
                                        *node.source.pattern)
                          : fmt::format("    Source: {} (topics: [{}])\n", node.name,
                                        join(java_ordered(node.source.topics)));
                return out + fmt::format("      --> {}\n", names(node.children));
            case NodeKind::processor:
                out = fmt::format("    Processor: {} (stores: [{}])\n", node.name,
                                  join(java_ordered(node.stores)));
                out += fmt::format("      --> {}\n", names(node.children));
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
};

}  // namespace

std::string TopologyPlan::describe() const {
    return Text(*this).all();
}

}  // namespace millrace::streams
