// kafka-topics: lists, describes, creates, grows and deletes topics.
#include "cli/cluster/topics.h"

#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"
#include "config/config_def.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"list", Takes::nothing, "", "List topics."},
    {"describe", Takes::nothing, "", "Show partitions and settings of topics."},
    {"create", Takes::nothing, "", "Create a topic."},
    {"alter", Takes::nothing, "", "Give a topic more partitions."},
    {"delete", Takes::nothing, "", "Delete topics."},
    {"topic", Takes::value, "name", "The topic; but for --create, names or patterns with commas."},
    {"topic-id", Takes::value, "id", "The topic to describe, by its id."},
    {"partitions", Takes::value, "count", "How many partitions."},
    {"replication-factor", Takes::value, "count", "How many replicas of each partition."},
    {"replica-assignment", Takes::value, "1:2,2:3,...", "The brokers of each partition."},
    {"config", Takes::value, "name=value", "A setting of the new topic; may be repeated."},
    {"delete-config", Takes::value, "name", "Not supported any more: see kafka-configs."},
    {"if-exists", Takes::nothing, "", "A topic that is not there is no error."},
    {"if-not-exists", Takes::nothing, "", "A topic that is there is no error."},
    {"exclude-internal", Takes::nothing, "", "Without the system's own topics."},
    {"topics-with-overrides", Takes::nothing, "", "Only topics with settings of their own."},
    {"under-replicated-partitions", Takes::nothing, "", "Only partitions that lack a replica."},
    {"unavailable-partitions", Takes::nothing, "", "Only partitions without a leader."},
    {"under-min-isr-partitions", Takes::nothing, "", "Only partitions below min.insync.replicas."},
    {"at-min-isr-partitions", Takes::nothing, "", "Only partitions at min.insync.replicas."},
    {"partition-size-limit-per-response", Takes::value, "count", "Partitions in one answer."},
    kHelp,
    kVersion,
});
constexpr std::string_view kActions[] = {"alter", "create", "describe", "list", "delete"};

// Which actions an option goes with, and what else it does not go with.
struct Rule {
    std::string_view option;
    std::vector<std::string_view> actions;
    std::vector<std::string_view> not_with;
};

std::vector<Rule> rules(const Arguments& arguments) {
    std::vector<Rule> out = {
        {"config", {"alter", "create"}, {}},
        {"delete-config", {"alter"}, {}},
        {"partitions", {"alter", "create"}, {}},
        {"replication-factor", {"create"}, {}},
        {"replica-assignment", {"alter", "create"}, {}},
    };
    if (arguments.has("create")) out.back().not_with = {"partitions", "replication-factor"};
    for (const std::string_view report : {"under-replicated-partitions", "under-min-isr-partitions",
                                          "at-min-isr-partitions", "unavailable-partitions"})
        out.push_back({report, {"describe"}, {"topics-with-overrides"}});
    out.push_back({"topics-with-overrides", {"describe"}, {}});
    out.push_back({"if-exists", {"alter", "delete", "describe"}, {}});
    out.push_back({"if-not-exists", {"create"}, {}});
    out.push_back({"exclude-internal", {"list", "describe"}, {}});
    return out;
}

std::optional<std::string> broken_rule(const Arguments& arguments) {
    for (const Rule& rule : rules(arguments)) {
        if (!arguments.has(rule.option)) continue;
        std::vector<std::string_view> forbidden = rule.not_with;
        for (const std::string_view action : kActions)
            if (std::ranges::find(rule.actions, action) == rule.actions.end())
                forbidden.push_back(action);
        for (const std::string_view other : forbidden)
            if (const auto said = clash(arguments, rule.option, {other})) return said;
    }
    return std::nullopt;
}

// What is missing, or does not go together, as a sentence.
std::optional<std::string> misuse_of(const Arguments& arguments) {
    const bool named = arguments.has("topic") || arguments.has("topic-id");
    if (arguments.has("describe") && arguments.has("if-exists") && !named)
        return "--topic or --topic-id is required to describe a topic";
    if (arguments.has("create") || arguments.has("delete"))
        if (const auto missing = missing_argument(arguments, {"topic"})) return missing;
    if (arguments.has("alter")) {
        if (arguments.has("config"))
            return "Option combination \"[[bootstrap-server], [config]]\" can't be used with "
                   "option \"[alter]\" (To alter topic configurations, the kafka-configs tool can "
                   "be used.)";
        if (const auto missing = missing_argument(arguments, {"partitions"})) return missing;
    }
    return broken_rule(arguments);
}

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

// The options about the topic itself, of --create and --alter.
Result<client::NewTopic> read_topic(const Arguments& arguments) {
    client::NewTopic out;
    TRY(const auto name, arguments.value("topic"));
    out.name = name.value_or("");
    TRY(const auto partitions, arguments.number("partitions"));
    TRY(const auto replication, arguments.number("replication-factor"));
    TRY(const auto assignment, arguments.value("replica-assignment"));
    if (assignment) {
        TRY(out.assignment, parse_assignment(*assignment));
    }
    for (const std::string& text : arguments.values("config")) {
        const size_t equals = text.find('=');
        if (equals == text.npos)
            return refused(
                "requirement failed: Invalid topic config: all configs to be added must be in the "
                "format \"key=val\".");
        out.configs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
        if (!config::find(config::Scope::topic, out.configs.back().first))
            return refused(fmt::format("Unknown topic config name: {}", out.configs.back().first));
    }
    if (arguments.has("create")) {
        if (replication && (*replication < 1 || *replication > INT16_MAX))
            return refused(fmt::format("The replication factor must be between 1 and {} inclusive",
                                       INT16_MAX));
        if (partitions && *partitions < 1) return refused("The partitions must be greater than 0");
    }
    out.partitions = partitions.value_or(-1);
    out.replication = static_cast<int16_t>(replication.value_or(-1));
    return out;
}

Result<void> create(const Console& console, Session& session, const Arguments& arguments) {
    TRY(client::NewTopic topic, read_topic(arguments));
    const std::string name = topic.name;
    if (has_collision_characters(name))
        console.line(
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore "
            "('_') could collide. To avoid issues it is best to use either, but not both.");
    std::vector<client::NewTopic> topics;
    topics.push_back(std::move(topic));
    const auto outcomes = session.wait(session.admin().create_topics(std::move(topics)));
    if (!outcomes) return fail(outcomes.code(), failure_text(outcomes.error(), "createTopics"));
    if (auto error = first_error(*outcomes)) {
        const bool there = error->code == ErrorCode::topic_already_exists;
        if (there && arguments.has("if-not-exists")) return {};
        return *std::move(error);
    }
    console.line(fmt::format("Created topic {}.", name));
    return {};
}

// The names that --topic fits; an error when there are none and that is one.
Result<std::vector<std::string>> topics_meant(Session& session, const Arguments& arguments) {
    TRY(const auto filter, arguments.value("topic"));
    const auto topics = find_topics(session, filter, arguments.has("exclude-internal"));
    if (!topics) return fail(topics.code(), failure_text(topics.error(), "listTopics"));
    if (topics->empty() && filter && !arguments.has("if-exists") && !arguments.has("list"))
        return refused(fmt::format("Topic '{}' does not exist as expected", *filter));
    std::vector<std::string> names;
    for (const auto& topic : *topics) names.push_back(topic.name);
    return names;
}

Result<void> list(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto names, topics_meant(session, arguments));
    console.line(fmt::format("{}", fmt::join(names, "\n")));
    return {};
}

Result<void> alter(const Console&, Session& session, const Arguments& arguments) {
    TRY(const client::NewTopic wanted, read_topic(arguments));
    TRY(const auto names, topics_meant(session, arguments));
    if (names.empty()) return {};
    std::vector<client::NewPartitions> topics;
    TRY(const auto described, session.wait(session.admin().describe_topics(names)));
    for (const client::TopicDescription& topic : described) {
        if (topic.error.code != ErrorCode::none) return topic.error;
        client::NewPartitions& one = topics.emplace_back();
        one.topic = topic.name;
        one.count = wanted.partitions;
        const auto given = wanted.assignment.size();
        for (size_t i = topic.partitions.size(); i < given; ++i)
            one.assignment.push_back(wanted.assignment[i]);
        if (given != 0 && one.assignment.empty())
            return refused(fmt::format(
                "Attempted to add {} additional partition(s), but only 0 assignment(s) were "
                "specified.",
                wanted.partitions - static_cast<int32_t>(topic.partitions.size())));
    }
    const auto outcomes = session.wait(session.admin().create_partitions(std::move(topics)));
    if (!outcomes) return fail(outcomes.code(), failure_text(outcomes.error(), "createPartitions"));
    if (auto error = first_error(*outcomes)) return *std::move(error);
    return {};
}

Result<void> remove(const Console&, Session& session, const Arguments& arguments) {
    TRY(const auto names, topics_meant(session, arguments));
    if (names.empty()) return {};
    const auto outcomes = session.wait(session.admin().delete_topics(names));
    if (!outcomes) return fail(outcomes.code(), failure_text(outcomes.error(), "deleteTopics"));
    if (auto error = first_error(*outcomes)) return *std::move(error);
    return {};
}

std::string topic_line(const TopicView& view) {
    std::string configs;
    std::vector<client::ConfigEntry> entries = view.configs;
    java_order(entries,
               [](const client::ConfigEntry& entry) { return std::string_view{entry.name}; });
    for (const client::ConfigEntry& entry : entries)
        if (is_set(entry))
            configs += fmt::format("{}{}={}", configs.empty() ? "" : ",", entry.name,
                                   entry.value.value_or("null"));
    return fmt::format(
        "Topic: {}\tTopicId: {}\tPartitionCount: {}\tReplicationFactor: {}\t"
        "Configs: {}",
        view.description.name, view.description.id.to_string(), view.description.partitions.size(),
        view.replication(), configs);
}

std::string partition_line(const TopicView& view, const client::PartitionDescription& p) {
    const auto known = [](const std::optional<std::vector<NodeId>>& ids) {
        return ids ? fmt::format("{}", fmt::join(*ids, ",")) : std::string{"N/A"};
    };
    std::string line = fmt::format("\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}",
                                   view.description.name, p.index,
                                   p.leader < 0 ? "none" : fmt::to_string(p.leader),
                                   fmt::join(p.replicas, ","), fmt::join(p.in_sync, ","));
    if (const auto at = view.moving.find(p.index); at != view.moving.end())
        line += fmt::format("\tAdding Replicas: {}\tRemoving Replicas: {}",
                            fmt::join(at->second.adding, ","), fmt::join(at->second.removing, ","));
    return line + fmt::format("\tElr: {}\tLastKnownElr: {}", known(p.eligible_leaders),
                              known(p.last_known_eligible));
}

// Whether one of the reports that were asked for names this partition.
bool reported(const Arguments& arguments, const TopicView& view,
              const client::PartitionDescription& p) {
    const auto in_sync = static_cast<int64_t>(p.in_sync.size());
    const auto at = view.moving.find(p.index);
    const auto adding =
        static_cast<int64_t>(at == view.moving.end() ? 0 : at->second.adding.size());
    const auto replicas = static_cast<int64_t>(p.replicas.size()) - adding;
    return (arguments.has("under-replicated-partitions") && in_sync < replicas) ||
           (arguments.has("unavailable-partitions") && p.leader < 0) ||
           (arguments.has("under-min-isr-partitions") && in_sync < view.min_in_sync) ||
           (arguments.has("at-min-isr-partitions") && in_sync == view.min_in_sync);
}

Result<std::vector<std::string>> topics_to_describe(Session& session, const Arguments& arguments) {
    TRY(const auto id_text, arguments.value("topic-id"));
    if (!id_text) return topics_meant(session, arguments);
    const auto id = Uuid::parse(*id_text);
    if (!id)
        return refused(
            fmt::format("Input string `{}` decoded as {} bytes, which is not equal to "
                        "the expected 16 bytes of a base64-encoded UUID",
                        *id_text, id_text->size() * 3 / 4));
    if (id->is_zero()) return topics_meant(session, arguments);
    const auto topics = find_topics(session, {}, arguments.has("exclude-internal"));
    if (!topics) return fail(topics.code(), failure_text(topics.error(), "listTopics"));
    std::vector<std::string> names;
    for (const auto& topic : *topics)
        if (topic.id == *id) names.push_back(topic.name);
    if (names.empty() && !arguments.has("if-exists"))
        return refused(fmt::format("TopicId '{}' does not exist as expected", *id_text));
    return names;
}

Result<void> describe(const Console& console, Session& session, const Arguments& arguments) {
    const bool reports =
        arguments.has("under-replicated-partitions") || arguments.has("unavailable-partitions") ||
        arguments.has("under-min-isr-partitions") || arguments.has("at-min-isr-partitions");
    TRY(const auto names, topics_to_describe(session, arguments));
    TRY(auto views, view_topics(session, names));
    java_order(
        views, [](const TopicView& view) { return std::string_view{view.description.name}; },
        views.size());
    const bool overrides = arguments.has("topics-with-overrides");
    for (const TopicView& view : views) {
        if (!reports && (!overrides || view.has_set_configs())) console.line(topic_line(view));
        if (overrides) continue;
        for (const client::PartitionDescription& p : view.description.partitions)
            if (!reports || reported(arguments, view, p)) console.line(partition_line(view, p));
    }
    return {};
}

Result<void> act(const Console& console, const Arguments& arguments) {
    const auto session = open_session(arguments);
    if (!session) return session.error();
    if (arguments.has("create")) return create(console, **session, arguments);
    if (arguments.has("alter")) return alter(console, **session, arguments);
    if (arguments.has("describe")) return describe(console, **session, arguments);
    if (arguments.has("list")) return list(console, **session, arguments);
    return remove(console, **session, arguments);
}

}  // namespace

int topics(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) {
        console.error_line(arguments.error().message);
        return kFailed;
    }
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Lists, describes, creates, grows and deletes topics.", kOptions))
        return *ended;
    const auto actions = std::ranges::count_if(
        kActions, [&](std::string_view action) { return arguments->has(action); });
    if (actions != 1)
        return misused(console,
                       "Command must include exactly one action: --list, --describe, --create, "
                       "--alter or --delete",
                       kOptions);
    if (!arguments->has("bootstrap-server")) {
        console.error_line("--bootstrap-server must be specified");
        return kFailed;
    }
    if (arguments->has("delete-config"))
        console.error_line(
            "delete-config option is no longer supported and deprecated since "
            "version 4.0. The config will be fully removed in future releases.");
    if (const auto misuse = misuse_of(*arguments)) return misused(console, *misuse, kOptions);
    const auto config = arguments->value("command-config");
    if (config && *config && !LocalDisk{}.disk().info(**config)) {
        console.error_line(**config);
        return kFailed;
    }
    if (const auto done = act(console, *arguments); !done) {
        console.line(
            fmt::format("Error while executing topic command : {}", sentence(done.error())));
        std::fflush(console.out);
        console.error_line(sentence(done.error()));
        return kFailed;
    }
    return kDone;
}

}  // namespace millrace::cli::kafka
