// `millrace topics`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/choose.h"
#include "cli/cluster/topics.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

struct TopicsOptions : ClusterOptions {
    std::vector<std::string> names;
    std::string pattern;
    bool internal = false;
    int32_t partitions = -1;
    int16_t replication = -1;
    std::string assignment;
    std::vector<std::string> configs;
    bool if_exists = false;
    bool if_not_exists = false;
    bool unclean = false;
};
using OptionsPtr = std::shared_ptr<TopicsOptions>;

Value ids(const std::vector<NodeId>& nodes) {
    return Value::List(nodes.begin(), nodes.end());
}

// The topics that a command names, one by one or by a pattern.
Result<std::vector<std::string>> named(Session& session, const TopicsOptions& options) {
    if (options.pattern.empty() && !options.names.empty()) return options.names;
    const std::optional<std::string> filter =
        options.pattern.empty() ? std::nullopt : std::optional{options.pattern};
    TRY(const auto topics, find_topics(session, filter, !options.internal));
    std::vector<std::string> out;
    for (const auto& topic : topics) out.push_back(topic.name);
    return out;
}

Result<int> list(const Console& console, Session& session, const TopicsOptions& options) {
    TRY(const auto names, named(session, options));
    TRY(const auto views, view_topics(session, names, false));
    Table table{{"topic", "partitions", "replication", "under_replicated", "offline", "id"}};
    for (const TopicView& view : views) {
        const auto& partitions = view.description.partitions;
        table.add(
            {view.description.name, partitions.size(), view.replication(),
             std::ranges::count_if(
                 partitions, [](const auto& p) { return p.in_sync.size() < p.replicas.size(); }),
             std::ranges::count_if(partitions, [](const auto& p) { return p.leader < 0; }),
             view.description.id.to_string()});
    }
    console.show(table);
    return kDone;
}

void describe_json(const Console& console, const std::vector<TopicView>& views) {
    Table table{{"topic", "id", "internal", "replication", "configs", "partitions"}};
    for (const TopicView& view : views) {
        Value::Fields configs;
        for (const auto& entry : view.configs)
            if (is_set(entry))
                configs.emplace_back(entry.name, entry.value ? Value{*entry.value} : Value{});
        Value::List partitions;
        for (const auto& p : view.description.partitions)
            partitions.push_back(Value::Fields{
                {"partition", p.index},
                {"leader", p.leader < 0 ? Value{} : Value{p.leader}},
                {"leader_epoch", p.leader_epoch},
                {"replicas", ids(p.replicas)},
                {"in_sync", ids(p.in_sync)},
                {"eligible_leaders", p.eligible_leaders ? ids(*p.eligible_leaders) : Value{}}});
        table.add({view.description.name, view.description.id.to_string(),
                   view.description.internal, view.replication(), std::move(configs),
                   std::move(partitions)});
    }
    console.show(table);
}

Result<int> describe(const Console& console, Session& session, const TopicsOptions& options) {
    TRY(const auto names, named(session, options));
    TRY(const auto views, view_topics(session, names));
    if (console.json) {
        describe_json(console, views);
        return kDone;
    }
    for (size_t i = 0; i != views.size(); ++i) {
        const TopicView& view = views[i];
        console.print(fmt::format("{}{}  id {}, {} partitions, replication {}\n",
                                  i == 0 ? "" : "\n", view.description.name,
                                  view.description.id.to_string(),
                                  view.description.partitions.size(), view.replication()));
        for (const auto& entry : view.configs)
            if (is_set(entry))
                console.print(fmt::format("  {}={}\n", entry.name, entry.value.value_or("-")));
        Table table{{"partition", "leader", "replicas", "in_sync", "state"}};
        for (const auto& p : view.description.partitions) {
            const char* state = p.leader < 0                           ? "offline"
                                : p.in_sync.size() < p.replicas.size() ? "under-replicated"
                                : view.moving.contains(p.index)        ? "moving"
                                                                       : "ok";
            table.add({p.index, p.leader < 0 ? Value{} : Value{p.leader}, ids(p.replicas),
                       ids(p.in_sync), state});
        }
        console.show(table);
    }
    return kDone;
}

Result<int> create(const Console& console, Session& session, const TopicsOptions& options) {
    std::vector<client::NewTopic> topics;
    for (const std::string& name : options.names) {
        client::NewTopic& topic = topics.emplace_back();
        topic.name = name;
        topic.partitions = options.partitions;
        topic.replication = options.replication;
        if (!options.assignment.empty()) {
            TRY(topic.assignment, parse_assignment(options.assignment));
        }
        for (const std::string& text : options.configs) {
            const size_t equals = text.find('=');
            if (equals == text.npos)
                return fail(ErrorCode::invalid_request,
                            fmt::format("{}: a setting is name=value", text));
            topic.configs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    TRY(auto outcomes,
        session.wait(session.admin().create_topics(std::move(topics), options.dry_run)));
    Table table{{"topic", "result"}};
    for (client::Outcome& outcome : outcomes) {
        const bool there = outcome.error.code == ErrorCode::topic_already_exists;
        if (there && options.if_not_exists) outcome.error = {ErrorCode::none, {}};
        if (outcome.error.code == ErrorCode::none)
            table.add({outcome.name, there             ? "is there already"
                                     : options.dry_run ? "would be created"
                                                       : "created"});
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

Result<int> alter(const Console& console, Session& session, const TopicsOptions& options) {
    std::vector<client::NewPartitions> topics;
    for (const std::string& name : options.names)
        topics.push_back({.topic = name, .count = options.partitions});
    TRY(const auto outcomes,
        session.wait(session.admin().create_partitions(std::move(topics), options.dry_run)));
    Table table{{"topic", "partitions", "result"}};
    for (const client::Outcome& outcome : outcomes)
        if (outcome.error.code == ErrorCode::none)
            table.add(
                {outcome.name, options.partitions, options.dry_run ? "would be grown" : "grown"});
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

Result<int> remove(const Console& console, Session& session, const TopicsOptions& options) {
    TRY(auto names, named(session, options));
    if (options.names.empty() && options.pattern.empty())
        return fail(ErrorCode::invalid_request, "name the topics, or give a --pattern");
    Table table{{"topic", "result"}};
    std::vector<client::Outcome> outcomes;
    if (options.dry_run) {
        TRY(const auto there, session.wait(session.admin().describe_topics(names)));
        for (const client::TopicDescription& topic : there)
            outcomes.push_back({topic.name, topic.error});
    } else if (!names.empty()) {
        TRY(outcomes, session.wait(session.admin().delete_topics(names)));
    }
    for (client::Outcome& outcome : outcomes) {
        const bool missing = outcome.error.code == ErrorCode::unknown_topic_or_partition;
        if (missing && options.if_exists) outcome.error = {ErrorCode::none, {}};
        if (outcome.error.code == ErrorCode::none)
            table.add({outcome.name, missing           ? "is not there"
                                     : options.dry_run ? "would be deleted"
                                                       : "deleted"});
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

Result<int> elect(const Console& console, Session& session, const TopicsOptions& options) {
    TRY(const auto names, named(session, options));
    TRY(const auto topics, session.wait(session.admin().describe_topics(names)));
    std::vector<client::Outcome> outcomes;
    std::vector<TopicPartition> partitions;
    for (const client::TopicDescription& topic : topics) {
        outcomes.push_back({topic.name, topic.error});
        for (const client::PartitionDescription& p : topic.partitions)
            if (options.unclean ? p.leader < 0
                                : !p.replicas.empty() && p.leader != p.replicas.front())
                partitions.push_back({topic.name, p.index});
    }
    Table table{{"topic", "partition", "result"}};
    std::map<TopicPartition, Error> elected;
    if (options.dry_run)
        for (const TopicPartition& tp : partitions) elected[tp] = fail(ErrorCode::none);
    else if (!partitions.empty()) {
        TRY(elected,
            session.wait(session.admin().elect_leaders(
                options.unclean ? client::ElectionType::unclean : client::ElectionType::preferred,
                partitions)));
    }
    for (const auto& [tp, error] : elected) {
        if (error.code == ErrorCode::none || error.code == ErrorCode::election_not_needed)
            table.add({tp.topic, tp.partition,
                       options.dry_run                 ? "would be elected"
                       : error.code == ErrorCode::none ? "elected"
                                                       : "not needed"});
        else
            outcomes.push_back({fmt::format("{}-{}", tp.topic, tp.partition), error});
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

}  // namespace

void add_topics_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("topics", "List, describe, create, grow, delete topics");
    noun.require_subcommand(1);
    const auto selected = [](CLI::App& verb, const OptionsPtr& o) {
        verb.add_option("TOPIC", o->names, "Topics; none: all, or those of --pattern");
        verb.add_option("--pattern", o->pattern, "A regular expression for whole names");
        verb.add_flag("--internal", o->internal, "The system's own topics, too");
    };
    const auto dry = [](CLI::App& verb, const OptionsPtr& o) {
        verb.add_flag("--dry-run", o->dry_run, "Check and tell, change nothing");
    };
    auto o = std::make_shared<TopicsOptions>();
    selected(add_verb(noun, native, "list", "The topics and how they are", o, list), o);
    o = std::make_shared<TopicsOptions>();
    selected(add_verb(noun, native, "describe", "Partitions and settings of topics", o, describe),
             o);
    o = std::make_shared<TopicsOptions>();
    CLI::App& creating = add_verb(noun, native, "create", "Create topics", o, create);
    creating.add_option("TOPIC", o->names, "Their names")->required();
    creating.add_option("--partitions", o->partitions, "How many; else the broker's default")
        ->check(CLI::PositiveNumber);
    creating.add_option("--replication", o->replication, "Replicas of each partition")
        ->check(CLI::PositiveNumber);
    creating.add_option("--assignment", o->assignment, "Brokers of each partition: 1:2,2:3");
    creating.add_option("--config", o->configs, "name=value; may be given several times");
    creating.add_flag("--if-not-exists", o->if_not_exists, "One that is there is no error");
    dry(creating, o);
    creating.footer(
        "\nExample:\n  millrace topics create orders -b localhost:9092 --partitions 12 "
        "--config retention.ms=86400000\n");
    o = std::make_shared<TopicsOptions>();
    CLI::App& growing = add_verb(noun, native, "alter", "Give topics more partitions", o, alter);
    growing.add_option("TOPIC", o->names, "Their names")->required();
    growing.add_option("--partitions", o->partitions, "How many in all")->required();
    dry(growing, o);
    o = std::make_shared<TopicsOptions>();
    CLI::App& deleting = add_verb(noun, native, "delete", "Delete topics", o, remove);
    selected(deleting, o);
    deleting.add_flag("--if-exists", o->if_exists, "One that is not there is no error");
    dry(deleting, o);
    o = std::make_shared<TopicsOptions>();
    CLI::App& electing = add_verb(noun, native, "elect",
                                  "Make first replicas leaders again where they are not", o, elect);
    selected(electing, o);
    electing.add_flag("--unclean", o->unclean,
                      "Any replica, where there is no leader: records may be lost");
    dry(electing, o);
}

}  // namespace millrace::cli
