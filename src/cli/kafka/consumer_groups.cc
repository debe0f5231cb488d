// kafka-consumer-groups: lists, describes, deletes groups, and sets their offsets.
#include "cli/cluster/choose.h"
#include "cli/cluster/groups.h"
#include "cli/cluster/reset_file.h"
#include "cli/kafka/consumer_groups_describe.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/group_arguments.h"
#include "cli/kafka/group_resets.h"
#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"list", Takes::nothing, "", "List groups."},
    {"describe", Takes::nothing, "", "Show groups: offsets and lag, members, or state."},
    {"delete", Takes::nothing, "", "Delete groups that have no members."},
    {"reset-offsets", Takes::nothing, "", "Set the offsets of groups without members."},
    {"delete-offsets", Takes::nothing, "", "Forget offsets of a group."},
    {"validate-regex", Takes::value, "pattern", "Tell whether a subscription pattern is sound."},
    {"group", Takes::value, "id", "The group; may be repeated."},
    {"all-groups", Takes::nothing, "", "All groups."},
    {"topic", Takes::value, "name[:0,1]", "The topic, or some of its partitions; may be repeated."},
    {"all-topics", Takes::nothing, "", "All topics that the group has offsets of."},
    {"members", Takes::nothing, "", "Show the members."},
    {"offsets", Takes::nothing, "", "Show offsets and lag, as without it."},
    {"state", Takes::maybe_value, "state,...", "Show the state; with --list, only such groups."},
    {"type", Takes::maybe_value, "type,...", "With --list: show the type; only such groups."},
    {"verbose", Takes::nothing, "", "Show more."},
    {"timeout", Takes::value, "ms", "How long to wait for the cluster."},
    {"to-earliest", Takes::nothing, "", "To the start."},
    {"to-latest", Takes::nothing, "", "To the end."},
    {"to-current", Takes::nothing, "", "To where it is."},
    {"to-offset", Takes::value, "offset", "To an offset."},
    {"shift-by", Takes::value, "count", "By so many, forward or (negative) backward."},
    {"to-datetime", Takes::value, "time", "To a time: YYYY-MM-DDTHH:mm:SS.sss."},
    {"by-duration", Takes::value, "duration", "To a time ago: PnDTnHnMnS."},
    {"from-file", Takes::value, "file", "To what a file says."},
    {"dry-run", Takes::nothing, "", "Only show what would be."},
    {"execute", Takes::nothing, "", "Do it."},
    {"export", Takes::nothing, "", "Show offsets as CSV."},
    kHelp,
    kVersion,
});

Result<void> list(const Console& console, Session& session, const Arguments& arguments) {
    constexpr std::string_view kStates[] = {
        "PreparingRebalance", "Dead",   "CompletingRebalance", "Empty",
        "Assigning",          "Stable", "Reconciling"};
    constexpr std::string_view kTypes[] = {"Consumer", "Classic"};
    TRY(auto states, read_choice(arguments, "state", kStates));
    TRY(auto types, read_choice(arguments, "type", kTypes));
    if (types.empty()) types = {"Consumer", "Classic"};
    auto found = session.wait(session.admin().list_groups(std::move(states), std::move(types)));
    if (!found) return fail(found.code(), failure_text(found.error(), "listGroups"));
    std::erase_if(*found, [](const client::GroupListing& group) {
        return !group.protocol_type.empty() && group.protocol_type != "consumer";
    });
    java_order(*found, [](const client::GroupListing& g) { return std::string_view{g.id}; });
    const bool state = arguments.has("state"), type = arguments.has("type");
    size_t width = 15;
    for (const auto& group : *found) width = std::max(width, group.id.size());
    width += 10;
    const auto row = [&](std::string_view id, std::string_view type_text,
                         std::string_view state_text) {
        std::string line{id};
        if (state || type) line = fmt::format("{:<{}}", id, width);
        if (type) line += fmt::format(" {:<20}", type_text);
        if (state) line += fmt::format(" {:<20}", state_text);
        console.line(line);
    };
    if (state || type) row("GROUP", "TYPE", "STATE");
    for (const auto& group : *found) row(group.id, capitalized(group.type), group.state);
    return {};
}

// The groups that --group and --all-groups name.
Result<std::vector<std::string>> groups_meant(Session& session, const Arguments& arguments) {
    if (!arguments.has("all-groups")) {
        std::vector<std::string> out;
        for (const std::string& group : arguments.values("group"))
            if (std::ranges::find(out, group) == out.end()) out.push_back(group);
        return out;
    }
    const auto found = session.wait(session.admin().list_groups({}, {"Consumer", "Classic"}));
    if (!found) return fail(found.code(), failure_text(found.error(), "listGroups"));
    std::vector<std::string> out;
    for (const auto& group : *found) out.push_back(group.id);
    return out;
}

Result<void> remove(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto groups, groups_meant(session, arguments));
    TRY(const auto outcomes, session.wait(session.admin().delete_groups(groups)));
    std::vector<std::string> deleted;
    std::string failures;
    for (const client::Outcome& outcome : outcomes) {
        if (outcome.error.code == ErrorCode::none)
            deleted.push_back(fmt::format("'{}'", outcome.name));
        else
            failures += fmt::format("\n* Group '{}' could not be deleted due to: {}", outcome.name,
                                    java_exception(outcome.error));
    }
    deleted = java_ordered(std::move(deleted));
    if (failures.empty()) {
        console.line(fmt::format("Deletion of requested consumer groups ({}) was successful.",
                                 fmt::join(deleted, ", ")));
        return {};
    }
    console.line(fmt::format("\nError: Deletion of some consumer groups failed:{}", failures));
    if (!deleted.empty())
        console.line(fmt::format("\nThese consumer groups were deleted successfully: {}",
                                 fmt::join(deleted, ", ")));
    return {};
}

Result<void> delete_offsets(const Console& console, Session& session, const Arguments& arguments) {
    TRY(auto partitions, partitions_meant(session, arguments.values("topic")));
    return delete_group_offsets(console, session, arguments.values("group").front(),
                                std::move(partitions));
}

constexpr std::string_view kScenarios[] = {"to-offset", "to-datetime", "by-duration", "to-earliest",
                                           "to-latest", "shift-by",    "from-file",   "to-current"};

Result<std::map<TopicPartition, Offset>> plan_for(const Console& console, Session& session,
                                                  const Arguments& arguments,
                                                  const std::string& group) {
    TRY(const auto file, arguments.value("from-file"));
    if (file) return plan_from_file(console, session, arguments, *file, group);
    TRY(const auto committed, session.wait(session.admin().committed_offsets(group)));
    std::vector<TopicPartition> partitions;
    if (arguments.has("all-topics"))
        for (const auto& [tp, offset] : committed) partitions.push_back(tp);
    else {
        TRY(partitions, partitions_meant(session, arguments.values("topic")));
    }
    TRY(const ResetTarget target, read_target(arguments, session.wall_ms()));
    TRY(const Reset reset, plan_reset(session, committed, partitions, target));
    for (const TopicPartition& tp : reset.empty)
        console.line(
            fmt::format("\nWarn: Partition {} from topic {} is empty. Falling back to "
                        "latest known offset.",
                        tp.partition, tp.topic));
    return reset.offsets;
}

Result<void> reset_offsets(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto groups, groups_meant(session, arguments));
    std::vector<std::pair<std::string, std::map<TopicPartition, Offset>>> plans;
    TRY(const auto described, session.wait(session.admin().describe_groups(groups)));
    for (const client::GroupDescription& group : described) {
        const bool idle = group.state == "Empty" || group.state == "Dead" ||
                          group.error.code == ErrorCode::group_id_not_found;
        if (!idle) {
            console.line(
                fmt::format("\nError: Assignments can only be reset if the group '{}' is "
                            "inactive, but the current state is {}.",
                            group.id, group.state));
            plans.emplace_back(group.id, std::map<TopicPartition, Offset>{});
            continue;
        }
        TRY(auto plan, plan_for(console, session, arguments, group.id));
        if (arguments.has("execute") && !plan.empty()) {
            TRY(const auto done, session.wait(session.admin().commit_offsets(group.id, plan)));
            for (const auto& [tp, error] : done)
                if (error.code != ErrorCode::none) return error;
        }
        plans.emplace_back(group.id, std::move(plan));
    }
    if (arguments.has("export")) {
        std::string csv;
        for (const auto& [group, plan] : plans)
            for (const auto& [tp, offset] : plan)
                csv += plans.size() == 1
                           ? fmt::format("{},{},{}\n", tp.topic, tp.partition, offset)
                           : fmt::format("{},{},{},{}\n", group, tp.topic, tp.partition, offset);
        console.line(csv);
        return {};
    }
    print_new_offsets(console, plans);
    return {};
}

// What is wrong with the command line; "" where it is sound.
std::string misuse_of(const Arguments& arguments) {
    const bool some_group = arguments.has("group") || arguments.has("all-groups");
    if (arguments.has("describe")) {
        if (!some_group)
            return "Option [describe] takes one of these options: [all-groups], [group]";
        const int views =
            arguments.has("members") + arguments.has("offsets") + arguments.has("state");
        if (views > 1)
            return "Option [describe] takes at most one of these options: [members], [offsets], "
                   "[state]";
        if (!arguments.values("state").empty())
            return fmt::format("Option [describe] does not take a value for [state]");
    }
    if (arguments.has("delete")) {
        if (!some_group) return "Option [delete] takes one of these options: [all-groups], [group]";
        if (arguments.has("topic"))
            return "The consumer does not support topic-specific offset deletion from a consumer "
                   "group.";
    }
    if (arguments.has("delete-offsets") && (!arguments.has("group") || !arguments.has("topic")))
        return "Option [delete-offsets] takes the following options: [topic], [group]";
    if (arguments.has("reset-offsets")) {
        if (arguments.has("dry-run") && arguments.has("execute"))
            return "Option [reset-offsets] only accepts one of [execute] and [dry-run]";
        if (!some_group)
            return "Option [reset-offsets] takes one of these options: [all-groups], [group]";
        for (const std::string_view one : kScenarios)
            if (const auto said =
                    clash(arguments, one,
                          {kScenarios[0], kScenarios[1], kScenarios[2], kScenarios[3],
                           kScenarios[4], kScenarios[5], kScenarios[6], kScenarios[7]}))
                return *said;
    }
    if (const auto said = clash(arguments, "group", {"all-groups", "list"})) return *said;
    return "";
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY_OK(arguments.number("timeout"));
    TRY(const auto session, open_session(arguments));
    if (arguments.has("list")) return list(console, *session, arguments);
    if (arguments.has("describe")) {
        TRY(const auto groups, groups_meant(*session, arguments));
        return describe_groups(console, *session, groups,
                               arguments.has("members") ? GroupView::members
                               : arguments.has("state") ? GroupView::state
                                                        : GroupView::offsets,
                               arguments.has("verbose"));
    }
    if (arguments.has("delete")) return remove(console, *session, arguments);
    if (arguments.has("delete-offsets")) return delete_offsets(console, *session, arguments);
    return reset_offsets(console, *session, arguments);
}

int tell_failure(const Console& console, std::string_view why) {
    console.line(fmt::format("\nError: Executing consumer group command failed due to {}", why));
    std::fflush(console.out);
    console.error_line(why);
    return kDone;
}

}  // namespace

int consumer_groups(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) {
        console.error_line(arguments.error().message);
        return kFailed;
    }
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Lists, describes, deletes groups, and sets their offsets.", kOptions))
        return *ended;
    int actions = 0;
    for (const auto name :
         {"list", "describe", "delete", "reset-offsets", "delete-offsets", "validate-regex"})
        actions += arguments->has(name);
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server"}))
        return misused(console, *missing, kOptions);
    if (arguments->has("reset-offsets") && !arguments->has("dry-run") && !arguments->has("execute"))
        console.error_line(
            "WARN: No action will be performed as the --execute option is missing. In version 5.0, "
            "this command will require either --dry-run or --execute to be specified. You should "
            "add the --dry-run option explicitly if you are scripting this command and want to "
            "keep the current default behavior without prompting.");
    if (const std::string misuse = misuse_of(*arguments); !misuse.empty())
        return misused(console, misuse, kOptions);
    if (actions != 1)
        return misused(console,
                       "Command must include exactly one action: --list, --describe, --delete, "
                       "--reset-offsets, --delete-offsets, --validate-regex",
                       kOptions);
    if (const auto pattern = arguments->value("validate-regex"); pattern && *pattern) {
        const auto sound = NameFilter::parse(**pattern);
        console.line(sound ? fmt::format("{} is a valid regex.", **pattern)
                           : sentence(sound.error()));
        return kDone;
    }
    const auto done = act(console, *arguments);
    if (done) return kDone;
    if (done.error().message.starts_with("Invalid state list") ||
        done.error().message.starts_with("Invalid types list"))
        return misused(console, done.error().message, kOptions);
    return tell_failure(console, java_sentence(done.error()));
}

}  // namespace millrace::cli::kafka
