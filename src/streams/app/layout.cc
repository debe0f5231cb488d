#include "streams/app/layout.h"

#include <algorithm>
#include <limits>

namespace millrace::streams {
namespace {

class LayoutMaker {
public:
    LayoutMaker(const TopologyPlan& plan, const StreamsConfig& config, const PartitionCount& count,
                const std::function<std::vector<std::string>(const std::string& pattern)>& matching)
        : plan_(plan), config_(config), count_(count), matching_(matching) {}

    Layout make() {
        for (Subtopology& sub : plan_.subtopologies())
            subs_.push_back({.subtopology = std::move(sub)});
        check_sources();
        count_repartition_topics();
        for (const auto& sources : plan_.copartitioned()) copartition(sources);
        Layout layout;
        for (SubtopologyLayout& sub : subs_) finish(sub, layout);
        for (const auto& [name, topic] : plan_.repartition_topics())
            layout.internal_topics.push_back({.name = full_name(name),
                                              .partitions = *partitions_.at(name),
                                              .config = repartition_config()});
        return layout;
    }

private:
    bool is_own(const std::string& topic) const {
        return plan_.repartition_topics().contains(topic);
    }
    std::string full_name(std::string_view topic) const {
        return fmt::format("{}-{}", config_.application_id, topic);
    }

    std::vector<std::string> topics_of(const PlanNode& source) const {
        return source.source.pattern ? matching_(*source.source.pattern) : source.source.topics;
    }

    void check_sources() {
        std::string missing;
        for (const PlanNode& node : plan_.nodes()) {
            if (node.kind != NodeKind::source) continue;
            for (const std::string& topic : topics_of(node)) {
                if (is_own(topic)) continue;
                const std::optional<int32_t> count = count_(topic);
                if (count)
                    partitions_[topic] = *count;
                else
                    missing += (missing.empty() ? "" : ", ") + topic;
            }
        }
        if (!missing.empty())
            throw MissingSourceTopicException(fmt::format(
                "these source topics do not exist: {}. Create them, then start again", missing));
    }

    // A topic in between has as many partitions as the widest input of those who write to it. Those
    // of a join by foreign key go round (each side's answers are the other's input): what is known
    // then has to do.
    void count_repartition_topics() {
        for (const auto& [name, topic] : plan_.repartition_topics()) {
            fixed_[name] = topic.partitions;
            partitions_[name] = topic.partitions;
        }
        while (count_one(Unknown::wait) || count_one(Unknown::pass_over)) {
        }
        for (const auto& [name, topic] : plan_.repartition_topics())
            if (!partitions_.at(name))
                throw TopologyException(fmt::format(
                    "Invalid topology: nothing tells how many partitions {} needs", name));
    }

    enum class Unknown { wait, pass_over };

    // Finds the partitions of one topic in between that has none yet. False: of none.
    bool count_one(Unknown unknown) {
        for (const auto& [name, topic] : plan_.repartition_topics()) {
            if (partitions_.at(name)) continue;
            partitions_[name] = widest_input(name, unknown);
            if (partitions_.at(name)) return true;
        }
        return false;
    }

    // Nothing while an input that is waited for is not known itself, or none is.
    std::optional<int32_t> widest_input(const std::string& topic, Unknown unknown) const {
        std::optional<int32_t> widest;
        for (const SubtopologyLayout& sub : subs_) {
            const bool writes = std::ranges::any_of(sub.subtopology.nodes, [&](size_t i) {
                const PlanNode& node = plan_.nodes()[i];
                return node.kind == NodeKind::sink && node.sink.topic == topic;
            });
            if (!writes) continue;
            for (size_t i : sub.subtopology.nodes) {
                if (plan_.nodes()[i].kind != NodeKind::source) continue;
                for (const std::string& input : topics_of(plan_.nodes()[i])) {
                    if (input == topic) continue;  // a loop
                    const std::optional<int32_t>& count = partitions_.at(input);
                    if (!count && unknown == Unknown::wait) return std::nullopt;
                    if (count) widest = std::max(widest.value_or(0), *count);
                }
            }
        }
        return widest;
    }

    void copartition(const std::vector<std::string>& sources) {
        std::set<std::string> topics;
        for (const std::string& source : sources)
            if (plan_.has_node(source))
                for (std::string& topic : topics_of(plan_.node(source))) topics.insert(topic);
        std::optional<int32_t> wanted = agreed(topics);
        if (!wanted)
            for (const std::string& topic : topics)
                wanted = std::max(wanted.value_or(0), *partitions_.at(topic));
        for (const std::string& topic : topics)
            if (is_own(topic)) partitions_[topic] = wanted;
    }

    // What the users' topics, and the application's with a fixed count, have in common.
    std::optional<int32_t> agreed(const std::set<std::string>& topics) const {
        std::optional<int32_t> count;
        std::string first;
        for (const std::string& topic : topics) {
            const bool counts = !is_own(topic) || fixed_.at(topic);
            if (!counts) continue;
            const int32_t mine = *partitions_.at(topic);
            if (count && *count != mine)
                throw TopologyException(
                    fmt::format("Invalid topology: {} has {} partitions and {} has {}, but what "
                                "is joined must have equally many",
                                first, *count, topic, mine));
            if (!count) first = topic;
            count = mine;
        }
        return count;
    }

    void finish(SubtopologyLayout& sub, Layout& layout) {
        for (size_t i : sub.subtopology.nodes) {
            const PlanNode& node = plan_.nodes()[i];
            if (node.kind != NodeKind::source) continue;
            for (const std::string& topic : topics_of(node)) {
                sub.tasks = std::max(sub.tasks, *partitions_.at(topic));
                if (node.global)
                    layout.global_topics.insert(topic);
                else
                    sub.topics.insert(is_own(topic) ? full_name(topic) : topic);
            }
        }
        if (sub.subtopology.global) return;
        for (const std::string& name : sub.subtopology.stores) {
            const PlanStore& store = plan_.stores().at(name);
            if (store.changelog.empty() || store.changelog_is_source) continue;
            layout.internal_topics.push_back({.name = full_name(store.changelog),
                                              .partitions = sub.tasks,
                                              .config = changelog_config(*store.spec),
                                              .changelog = true});
        }
        layout.subtopologies.push_back(std::move(sub));
    }

    static std::map<std::string, std::string> repartition_config() {
        return {{"cleanup.policy", "delete"},
                {"retention.ms", "-1"},
                {"segment.bytes", "52428800"},
                {"message.timestamp.type", "CreateTime"}};
    }

    std::map<std::string, std::string> changelog_config(const StoreSpec& spec) const {
        std::map<std::string, std::string> config{{"cleanup.policy", "compact"},
                                                  {"message.timestamp.type", "CreateTime"}};
        // Unlimited windows are kept for ever.
        constexpr int64_t kForever = std::numeric_limits<int64_t>::max();
        const int64_t more = config_.changelog_additional_retention_ms;
        const std::string kept = std::to_string(
            spec.retention_ms > kForever - more ? kForever : spec.retention_ms + more);
        switch (spec.kind) {
            case StoreKind::window:
            case StoreKind::timestamped_window:
            case StoreKind::session:
                // Where no record replaces another, there is nothing to compact.
                config["cleanup.policy"] = spec.retain_duplicates ? "delete" : "compact,delete";
                config["retention.ms"] = kept;
                break;
            case StoreKind::versioned:
                config["min.compaction.lag.ms"] = kept;
                break;
            default:
                break;
        }
        for (const auto& [name, value] : spec.topic_config) config[name] = value;
        return config;
    }

    const TopologyPlan& plan_;
    const StreamsConfig& config_;
    const PartitionCount& count_;
    const std::function<std::vector<std::string>(const std::string& pattern)>& matching_;
    std::vector<SubtopologyLayout> subs_;
    // By the plan's names; nothing: not known yet.
    std::map<std::string, std::optional<int32_t>> partitions_;
    std::map<std::string, std::optional<int32_t>> fixed_;
};

}  // namespace

std::set<std::string> Layout::source_topics() const {
    std::set<std::string> all;
    for (const SubtopologyLayout& sub : subtopologies)
        all.insert(sub.topics.begin(), sub.topics.end());
    return all;
}

std::set<std::string> Layout::repartition_topics() const {
    std::set<std::string> all;
    for (const InternalTopic& topic : internal_topics)
        if (!topic.changelog) all.insert(topic.name);
    return all;
}

Layout lay_out(const TopologyPlan& plan, const StreamsConfig& config, const PartitionCount& count,
               const std::function<std::vector<std::string>(const std::string&)>& matching) {
    return LayoutMaker(plan, config, count, matching).make();
}

}  // namespace millrace::streams
