// kafka-streams-groups: lists, describes, deletes groups of Kafka Streams, and sets their offsets.
#include <set>

#include "cli/kafka/columns.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/group_arguments.h"
#include "cli/kafka/group_resets.h"
#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/streams_groups_describe.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"list", Takes::nothing, "", "List groups."},
    {"describe", Takes::nothing, "", "Show groups: offsets and lag, members, or state."},
    {"delete", Takes::nothing, "", "Delete groups that have no members."},
    {"reset-offsets", Takes::nothing, "", "Set the offsets of a group without members."},
    {"delete-offsets", Takes::nothing, "", "Forget offsets of a group."},
    {"group", Takes::value, "id", "The group; may be repeated."},
    {"all-groups", Takes::nothing, "", "All streams groups."},
    {"input-topic", Takes::value, "name[:0,1]", "A topic that it reads; may be repeated."},
    {"all-input-topics", Takes::nothing, "", "All topics that it reads."},
    {"delete-internal-topic", Takes::value, "topic", "With its group: this topic of its own."},
    {"delete-all-internal-topics", Takes::nothing, "", "With its group: all topics of its own."},
    {"members", Takes::nothing, "", "Show the members."},
    {"offsets", Takes::nothing, "", "Show offsets and lag, as without it."},
    {"state", Takes::maybe_value, "state,...", "Show the state; with --list, only such groups."},
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

constexpr std::string_view kStates[] = {"Assigning", "NotReady", "Stable",
                                        "Empty",     "Dead",     "Reconciling"};
constexpr std::string_view kScenarios[] = {"to-current", "to-latest", "by-duration", "to-datetime",
                                           "from-file",  "shift-by",  "to-offset",   "to-earliest"};

Result<std::vector<client::GroupListing>> listed(Session& session,
                                                 std::vector<std::string> states = {}) {
    auto found = session.wait(session.admin().list_groups(std::move(states), {"streams"}));
    if (!found) return fail(found.code(), failure_text(found.error(), "listGroups"));
    java_order(*found, [](const client::GroupListing& g) { return std::string_view{g.id}; });
    return found;
}

Result<void> list(const Console& console, Session& session, const Arguments& arguments) {
    TRY(auto states, read_choice(arguments, "state", kStates));
    TRY(const auto found, listed(session, std::move(states)));
    if (!arguments.has("state")) {
        for (const auto& group : found) console.line(group.id);
        return {};
    }
    Columns table;
    table.add("GROUP", 15, true);
    table.add("STATE", 0);
    for (const auto& group : found) table.rows.push_back({group.id, group.state});
    table.print(console);
    return {};
}

Result<std::vector<std::string>> groups_meant(Session& session, const Arguments& arguments) {
    if (!arguments.has("all-groups")) return arguments.values("group");
    TRY(const auto found, listed(session));
    std::vector<std::string> out;
    for (const auto& group : found) out.push_back(group.id);
    return out;
}

Result<void> describe(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto groups, groups_meant(session, arguments));
    return describe_streams_groups(console, session, groups,
                                   arguments.has("members") ? GroupView::members
                                   : arguments.has("state") ? GroupView::state
                                                            : GroupView::offsets,
                                   arguments.has("verbose"));
}

Result<void> delete_internal_topics(Session& session, const Arguments& arguments,
                                    const std::vector<std::string>& groups) {
    TRY(const auto topics, session.wait(session.admin().list_topics()));
    const auto& named = arguments.values("delete-internal-topic");
    std::vector<std::string> doomed;
    for (const client::TopicListing& topic : topics) {
        const bool internal = std::ranges::any_of(groups, [&](const std::string& group) {
            return is_streams_internal(topic.name, group);
        });
        if (internal && (arguments.has("delete-all-internal-topics") ||
                         std::ranges::find(named, topic.name) != named.end()))
            doomed.push_back(topic.name);
    }
    TRY(const auto outcomes, session.wait(session.admin().delete_topics(doomed)));
    for (const client::Outcome& outcome : outcomes)
        if (outcome.error.code != ErrorCode::none) return outcome.error;
    return {};
}

Result<void> remove(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto groups, groups_meant(session, arguments));
    TRY(const auto known, listed(session));
    std::vector<std::string> deletable;
    std::string failures;
    for (const std::string& group : groups) {
        if (std::ranges::find(known, group, &client::GroupListing::id) != known.end())
            deletable.push_back(group);
        else
            failures += fmt::format(
                "\n* Group '{}' could not be deleted due to: java.lang.IllegalArgumentException: "
                "Group '{}' does not exist or is not a streams group.",
                group, group);
    }
    std::vector<std::string> deleted;
    TRY(const auto outcomes, session.wait(session.admin().delete_groups(deletable)));
    for (const client::Outcome& outcome : outcomes) {
        if (outcome.error.code == ErrorCode::none)
            deleted.push_back(outcome.name);
        else
            failures += fmt::format(
                "\n* Group '{}' could not be deleted due to: {}", outcome.name,
                outcome.error.code == ErrorCode::non_empty_group
                    ? fmt::format("org.apache.kafka.common.errors.GroupNotEmptyException: Streams "
                                  "group '{}' is not EMPTY.",
                                  outcome.name)
                    : java_exception(outcome.error));
    }
    deleted = java_ordered(std::move(deleted));
    const std::string names = fmt::format("'{}'", fmt::join(deleted, "', '"));
    const bool internal =
        arguments.has("delete-all-internal-topics") || arguments.has("delete-internal-topic");
    if (failures.empty()) {
        console.line(
            fmt::format("Deletion of requested streams groups ({}) was successful.", names));
    } else {
        console.line(fmt::format("\nError: Deletion of some streams groups failed:{}", failures));
        if (!deleted.empty())
            console.line(
                fmt::format("\nThese streams groups were deleted successfully: {}.", names));
    }
    if (!internal || deleted.empty()) return {};
    TRY_OK(delete_internal_topics(session, arguments, deleted));
    console.line(
        fmt::format("Deletion of associated internal topics of the streams groups ({}) was "
                    "successful.",
                    names));
    return {};
}

// The partitions that the options name; without names, all that the group has offsets of.
Result<std::vector<TopicPartition>> inputs_meant(Session& session, const Arguments& arguments,
                                                 const client::GroupOffsets& committed) {
    if (arguments.has("input-topic"))
        return partitions_meant(session, arguments.values("input-topic"));
    const std::string& group = arguments.values("group").front();
    std::vector<TopicPartition> out;
    for (const auto& [tp, offset] : committed)
        if (!is_streams_internal(tp.topic, group)) out.push_back(tp);
    return out;
}

Result<void> delete_offsets(const Console& console, Session& session, const Arguments& arguments) {
    const std::string& group = arguments.values("group").front();
    client::GroupOffsets committed;
    if (!arguments.has("input-topic")) {
        TRY(committed, session.wait(session.admin().committed_offsets(group)));
    }
    TRY(auto partitions, inputs_meant(session, arguments, committed));
    return delete_group_offsets(console, session, group, std::move(partitions));
}

using Plan = std::map<TopicPartition, Offset>;

// Empty, after it was told why, where there is nothing to be set.
Result<Plan> plan_for(const Console& console, Session& session, const Arguments& arguments,
                      const std::string& group) {
    TRY(const auto described, session.wait(session.admin().describe_streams_groups({group})));
    const auto& found = described[0];
    const bool gone = found.error.code == ErrorCode::group_id_not_found;
    if (found.error.code != ErrorCode::none && !gone) return found.error;
    if (!gone && found.state != "Empty" && found.state != "Dead") {
        console.line(
            fmt::format("\nError: Assignments can only be reset if the group '{}' is inactive, but "
                        "the current state is {}.",
                        group, found.state));
        return Plan{};
    }
    TRY(const auto file, arguments.value("from-file"));
    if (file) return plan_from_file(console, session, arguments, *file, group);
    TRY(const auto committed, session.wait(session.admin().committed_offsets(group)));
    TRY(const auto partitions, inputs_meant(session, arguments, committed));
    for (const TopicPartition& tp : partitions)
        if (std::ranges::none_of(committed,
                                 [&](const auto& one) { return one.first.topic == tp.topic; })) {
            console.line(
                fmt::format("\nError: One or more topics are not part of the group '{}'.", group));
            return Plan{};
        }
    TRY(const ResetTarget target, read_target(arguments, session.wall_ms()));
    TRY(Reset reset, plan_reset(session, committed, partitions, target));
    for (const TopicPartition& tp : reset.empty)
        console.line(
            fmt::format("\nWarn: Partition {} from topic {} is empty. Falling back to latest known "
                        "offset.",
                        tp.partition, tp.topic));
    return std::move(reset.offsets);
}

Result<void> reset_offsets(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto groups, groups_meant(session, arguments));
    std::vector<std::pair<std::string, Plan>> plans;
    for (const std::string& group : groups) {
        TRY(auto plan, plan_for(console, session, arguments, group));
        if (arguments.has("execute") && !plan.empty()) {
            TRY(const auto done, session.wait(session.admin().commit_offsets(group, plan)));
            for (const auto& [tp, error] : done)
                if (error.code != ErrorCode::none) return error;
            if (arguments.has("delete-all-internal-topics") ||
                arguments.has("delete-internal-topic"))
                TRY_OK(delete_internal_topics(session, arguments, {group}));
        }
        plans.emplace_back(group, std::move(plan));
    }
    if (!arguments.has("export")) {
        print_new_streams_offsets(console, plans);
        return {};
    }
    std::string csv;
    for (const auto& [group, plan] : plans)
        for (const auto& [tp, offset] : plan)
            csv += fmt::format("{}{},{},{}\n", plans.size() == 1 ? "" : group + ",", tp.topic,
                               tp.partition, offset);
    console.line(csv);
    return {};
}

std::string reset_misuse(const Arguments& arguments) {
    if (arguments.has("dry-run") && arguments.has("execute"))
        return "Option [reset-offsets] only accepts one of [execute] and [dry-run]";
    if (!arguments.has("dry-run") && !arguments.has("execute"))
        return "Option [reset-offsets] takes the option: [execute] or [dry-run]";
    if (!arguments.has("group") && !arguments.has("all-groups"))
        return "Option [reset-offsets] takes one of these options: [all-groups], [group]";
    if (std::ranges::none_of(kScenarios, [&](auto name) { return arguments.has(name); }))
        return "Option '[reset-offsets]' requires one of the following scenarios: [[to-current], "
               "[to-latest], [by-duration], [to-datetime], [from-file], [shift-by], [to-offset], "
               "[to-earliest]]";
    if (!arguments.has("input-topic") && !arguments.has("all-input-topics") &&
        !arguments.has("from-file"))
        return "One of the reset scopes should be defined: --all-topics, --topic.";
    for (const std::string_view one : kScenarios)
        if (const auto said = clash(arguments, one,
                                    {kScenarios[0], kScenarios[1], kScenarios[2], kScenarios[3],
                                     kScenarios[4], kScenarios[5], kScenarios[6], kScenarios[7]}))
            return *said;
    return "";
}

std::string misuse_of(const Arguments& arguments) {
    const bool some_group = arguments.has("group") || arguments.has("all-groups");
    if (arguments.has("describe")) {
        if (!some_group)
            return "Option [describe] takes one of these options: [all-groups], [group]";
        if (arguments.has("members") + arguments.has("offsets") + arguments.has("state") > 1)
            return "Option [describe] takes at most one of these options: [members], [offsets], "
                   "[state]";
    }
    if (arguments.has("delete") && !some_group)
        return "Option [delete] takes one of these options: [all-groups], [group]";
    if (arguments.has("delete-offsets") &&
        (!arguments.has("group") ||
         (!arguments.has("input-topic") && !arguments.has("all-input-topics"))))
        return "Option [delete-offsets] takes the [group] and one of these options: "
               "[all-input-topics], [input-topic]";
    if (arguments.has("reset-offsets")) {
        if (std::string why = reset_misuse(arguments); !why.empty()) return why;
    }
    return clash(arguments, "group", {"all-groups", "list"}).value_or("");
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY_OK(arguments.long_number("timeout"));
    TRY(const auto session, open_session(arguments));
    if (arguments.has("list")) return list(console, *session, arguments);
    if (arguments.has("describe")) return describe(console, *session, arguments);
    if (arguments.has("delete")) return remove(console, *session, arguments);
    if (arguments.has("delete-offsets")) return delete_offsets(console, *session, arguments);
    return reset_offsets(console, *session, arguments);
}

}  // namespace

int streams_groups(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    const auto wrong = [&](std::string_view why) { return misused(console, why, kOptions); };
    if (!arguments) return wrong(arguments.error().message);
    if (const auto ended = help_or_version(
            console, words, *arguments,
            "Lists, describes, deletes groups of Kafka Streams, and sets their offsets.", kOptions))
        return *ended;
    int actions = 0;
    for (const auto name : {"list", "describe", "delete", "reset-offsets", "delete-offsets"})
        actions += arguments->has(name);
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server"}))
        return wrong(*missing);
    if (const std::string why = misuse_of(*arguments); !why.empty()) return wrong(why);
    if (actions != 1)
        return wrong(
            "Command must include exactly one action: --list, --describe, --delete, "
            "--reset-offsets, or --delete-offsets.");
    const auto done = act(console, *arguments);
    if (done) return kDone;
    const std::string why = java_sentence(done.error());
    if (why.starts_with("Invalid state list")) return wrong(why);
    console.line(fmt::format("\nError: Executing streams group command failed due to {}", why));
    std::fflush(console.out);
    console.error_line(why);
    return kFailed;
}

}  // namespace millrace::cli::kafka
