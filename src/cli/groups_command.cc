// `millrace groups`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/groups.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

struct GroupsOptions : ClusterOptions {
    std::vector<std::string> ids;
    std::vector<std::string> states;
    bool members = false;
    std::vector<std::string> topics;
    std::string to = "latest";
};

template <typename T>
Value maybe(const std::optional<T>& value) {
    return value ? Value{*value} : Value{};
}

Result<std::vector<std::string>> named(Session& session, const GroupsOptions& options) {
    if (!options.ids.empty()) return options.ids;
    TRY(const auto groups, session.wait(session.admin().list_groups()));
    std::vector<std::string> out;
    for (const auto& group : groups) out.push_back(group.id);
    return out;
}

Result<int> list(const Console& console, Session& session, const GroupsOptions& options) {
    TRY(const auto groups, session.wait(session.admin().list_groups(options.states)));
    Table table{{"group", "type", "protocol", "state"}};
    for (const auto& group : groups)
        table.add({group.id, group.type, group.protocol_type, group.state});
    console.show(table);
    return kDone;
}

// What a group of any kind is. Streams groups have tasks instead of partitions.
Result<client::GroupDescription> view_group(Session& session, const std::string& id,
                                            const std::string& type) {
    if (type == "Share" || type == "share") {
        TRY(auto found, session.wait(session.admin().describe_share_groups({id})));
        return std::move(found[0]);
    }
    if (type != "Streams" && type != "streams") {
        TRY(auto found, session.wait(session.admin().describe_groups({id})));
        return std::move(found[0]);
    }
    TRY(const auto found, session.wait(session.admin().describe_streams_groups({id})));
    client::GroupDescription out{.id = id, .error = found[0].error, .state = found[0].state};
    for (const client::StreamsMember& member : found[0].members) {
        auto& one = out.members.emplace_back();
        one.id = member.id;
        one.client_id = member.client_id;
        one.host = member.host;
        for (const client::StreamsTasks& tasks : member.assigned.active)
            for (const int32_t p : tasks.partitions) one.assigned.push_back({tasks.subtopology, p});
    }
    return out;
}

Result<std::vector<client::GroupDescription>> view_groups(Session& session,
                                                          const GroupsOptions& options) {
    TRY(const auto listed, session.wait(session.admin().list_groups()));
    TRY(const auto ids, named(session, options));
    std::vector<client::GroupDescription> out;
    for (const std::string& id : ids) {
        const auto known = std::ranges::find(listed, id, &client::GroupListing::id);
        TRY(out.emplace_back(),
            view_group(session, id, known == listed.end() ? std::string{} : known->type));
    }
    return out;
}

// How far it has come, in the columns of the offsets.
Result<void> add_offsets(Session& session, const client::GroupDescription& group, Table& offsets) {
    if (group.type == "Share") {
        TRY(const auto starts, session.wait(session.admin().share_offsets(group.id)));
        for (const auto& [tp, one] : starts) {
            const bool begun = one.start >= 0;
            offsets.add({group.id, group.state, tp.topic, tp.partition,
                         begun ? Value{one.start} : Value{},
                         begun && one.lag >= 0 ? Value{one.start + one.lag} : Value{},
                         begun && one.lag >= 0 ? Value{one.lag} : Value{}, Value{}});
        }
        return {};
    }
    // What the members of a streams group are given are tasks, not partitions of topics.
    client::GroupDescription alone = group;
    if (group.type.empty()) alone.members.clear();
    TRY(const auto partitions, group_partitions(session, alone));
    for (const GroupPartition& one : partitions)
        offsets.add({group.id, group.state, one.partition.topic, one.partition.partition,
                     maybe(one.committed), maybe(one.end), maybe(one.lag()),
                     one.member ? Value{one.member->id} : Value{}});
    return {};
}

Result<int> describe(const Console& console, Session& session, const GroupsOptions& options) {
    TRY(const auto groups, view_groups(session, options));
    Table members{{"group", "state", "member", "instance", "client", "host", "partitions"}};
    Table offsets{{"group", "state", "topic", "partition", "committed", "end", "lag", "member"}};
    std::vector<client::Outcome> outcomes;
    for (const client::GroupDescription& group : groups) {
        outcomes.push_back({group.id, group.error});
        if (group.state == "Dead" && group.error.code == ErrorCode::none)
            outcomes.back().error = fail(ErrorCode::group_id_not_found, "there is no such group");
        if (outcomes.back().error.code != ErrorCode::none) continue;
        for (const client::MemberDescription& member : group.members) {
            Value::List assigned;
            for (const auto& [topic, partition] : member.assigned)
                assigned.emplace_back(fmt::format("{}-{}", topic, partition));
            members.add({group.id, group.state, member.id, maybe(member.instance_id),
                         member.client_id, member.host, std::move(assigned)});
        }
        if (!options.members) TRY_OK(add_offsets(session, group, offsets));
    }
    console.show(options.members ? members : offsets);
    return tell_failures(console, outcomes);
}

Result<int> remove(const Console& console, Session& session, const GroupsOptions& options) {
    std::vector<client::Outcome> outcomes;
    if (options.dry_run) {
        TRY(const auto groups, session.wait(session.admin().describe_groups(options.ids)));
        for (const client::GroupDescription& group : groups) {
            outcomes.push_back({group.id, group.error});
            if (group.state == "Dead")
                outcomes.back().error =
                    fail(ErrorCode::group_id_not_found, "there is no such group");
            else if (!group.members.empty())
                outcomes.back().error = fail(ErrorCode::non_empty_group, "it has members");
        }
    } else {
        TRY(outcomes, session.wait(session.admin().delete_groups(options.ids)));
    }
    Table table{{"group", "result"}};
    for (const client::Outcome& outcome : outcomes)
        if (outcome.error.code == ErrorCode::none)
            table.add({outcome.name, options.dry_run ? "would be deleted" : "deleted"});
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

// "earliest", "latest", an offset, "+n", "-n", or a time.
Result<ResetTarget> parse_target(const std::string& text) {
    using To = ResetTarget::To;
    if (text == "earliest") return ResetTarget{To::earliest};
    if (text == "latest") return ResetTarget{To::latest};
    const bool shift = text.starts_with('+') || text.starts_with('-');
    const std::string digits = text.substr(shift ? 1 : 0);
    if (!digits.empty() && digits.size() < 19 &&
        digits.find_first_not_of("0123456789") == digits.npos) {
        const int64_t n = std::stoll(digits);
        if (!shift) return ResetTarget{To::offset, n};
        return ResetTarget{To::shift, text[0] == '-' ? -n : n};
    }
    const auto time = parse_date_time(text);
    if (!time)
        return fail(ErrorCode::invalid_request,
                    fmt::format("{}: --to takes earliest, latest, an offset, +n, -n or a time such "
                                "as 2026-01-31T12:00",
                                text));
    return ResetTarget{To::time, *time};
}

Result<int> reset(const Console& console, Session& session, const GroupsOptions& options) {
    TRY(const ResetTarget target, parse_target(options.to));
    const std::string& group = options.ids.front();
    TRY(const auto described, session.wait(session.admin().describe_groups({group})));
    if (!described[0].members.empty())
        return fail(ErrorCode::non_empty_group, fmt::format("{} has {} members; stop them first",
                                                            group, described[0].members.size()));
    TRY(const auto committed, session.wait(session.admin().committed_offsets(group)));
    std::vector<TopicPartition> partitions;
    if (options.topics.empty())
        for (const auto& [tp, offset] : committed) partitions.push_back(tp);
    TRY(const auto topics, session.wait(session.admin().describe_topics(options.topics)));
    for (const client::TopicDescription& topic : topics) {
        if (topic.error.code != ErrorCode::none)
            return fail(topic.error.code, fmt::format("there is no topic {}", topic.name));
        for (const auto& p : topic.partitions) partitions.push_back({topic.name, p.index});
    }
    TRY(const Reset plan, plan_reset(session, committed, partitions, target));
    std::map<TopicPartition, Error> errors;
    if (!options.dry_run && !plan.offsets.empty()) {
        TRY(errors, session.wait(session.admin().commit_offsets(group, plan.offsets)));
    }
    Table table{{"topic", "partition", "from", "to", "result"}};
    std::vector<client::Outcome> outcomes;
    for (const auto& [tp, offset] : plan.offsets) {
        const auto before = committed.find(tp);
        const auto error = errors.find(tp);
        if (error != errors.end() && error->second.code != ErrorCode::none) {
            outcomes.push_back({fmt::format("{}-{}", tp.topic, tp.partition), error->second});
            continue;
        }
        table.add({tp.topic, tp.partition,
                   before == committed.end() ? Value{} : Value{before->second.offset}, offset,
                   options.dry_run ? "would be set" : "set"});
    }
    console.show(table);
    return tell_failures(console, outcomes);
}

}  // namespace

void add_groups_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("groups", "List, describe, reset, delete groups");
    noun.require_subcommand(1);
    auto o = std::make_shared<GroupsOptions>();
    add_verb(noun, native, "list", "The groups and their states", o, list)
        .add_option("--state", o->states, "Only groups in this state; may be repeated");
    o = std::make_shared<GroupsOptions>();
    CLI::App& shown =
        add_verb(noun, native, "describe", "Offsets and lag, or members", o, describe);
    shown.add_option("GROUP", o->ids, "Groups; none: all");
    shown.add_flag("--members", o->members, "The members instead of the offsets");
    o = std::make_shared<GroupsOptions>();
    CLI::App& deleted =
        add_verb(noun, native, "delete", "Delete groups without members", o, remove);
    deleted.add_option("GROUP", o->ids, "Groups")->required();
    add_dry_run(deleted, *o);
    o = std::make_shared<GroupsOptions>();
    CLI::App& set = add_verb(noun, native, "reset", "Set where a group goes on", o, reset);
    set.add_option("GROUP", o->ids, "The group")->required()->expected(1);
    set.add_option("--topic", o->topics, "Only these topics; none: all that it has offsets of");
    set.add_option("--to", o->to, "earliest, latest, an offset, +n, -n, or a time (UTC)")
        ->required();
    add_dry_run(set, *o);
    set.footer(
        "\nExample:\n  millrace groups reset billing -b localhost:9092 "
        "--to 2026-01-31T12:00 --dry-run\n");
}

}  // namespace millrace::cli
