// kafka-share-groups: lists, describes, deletes share groups, and sets where they begin.
#include "cli/cluster/groups.h"
#include "cli/kafka/columns.h"
#include "cli/kafka/consumer_groups_describe.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/group_arguments.h"
#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"list", Takes::nothing, "", "List groups."},
    {"describe", Takes::nothing, "", "Show groups: offsets, members, or state."},
    {"delete", Takes::nothing, "", "Delete groups that have no members."},
    {"reset-offsets", Takes::nothing, "", "Set where a group without members begins."},
    {"delete-offsets", Takes::nothing, "", "Forget how far a group has come in topics."},
    {"group", Takes::value, "id", "The group; may be repeated."},
    {"all-groups", Takes::nothing, "", "All share groups."},
    {"topic", Takes::value, "name[:0,1]", "The topic, or some of its partitions; may be repeated."},
    {"all-topics", Takes::nothing, "", "All topics that the group has offsets of."},
    {"members", Takes::nothing, "", "Show the members."},
    {"offsets", Takes::nothing, "", "Show offsets, as without it."},
    {"state", Takes::maybe_value, "state,...", "Show the state; with --list, only such groups."},
    {"verbose", Takes::nothing, "", "Show more."},
    {"timeout", Takes::value, "ms", "How long to wait for the cluster."},
    {"to-earliest", Takes::nothing, "", "To the start."},
    {"to-latest", Takes::nothing, "", "To the end."},
    {"to-datetime", Takes::value, "time", "To a time: YYYY-MM-DDTHH:mm:SS.sss."},
    {"dry-run", Takes::nothing, "", "Only show what would be."},
    {"execute", Takes::nothing, "", "Do it."},
    kHelp,
    kVersion,
});

constexpr size_t kWidth = 15;
constexpr std::string_view kStates[] = {"Empty", "Dead", "Stable"};

std::string or_missing(int64_t n) {
    return n < 0 ? "-" : fmt::to_string(n);
}

Result<std::vector<client::GroupListing>> listed(Session& session,
                                                 std::vector<std::string> states = {}) {
    auto found = session.wait(session.admin().list_groups(std::move(states), {"share"}));
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
    table.add("GROUP", kWidth, true);
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

Result<void> show_offsets(const Console& console, Session& session,
                          const client::GroupDescription& group, bool verbose) {
    TRY(const auto offsets, session.wait(session.admin().share_offsets(group.id)));
    if (offsets.empty()) {
        console.line(fmt::format("\nShare group '{}' has no offset information.", group.id));
        return {};
    }
    constexpr size_t kOffset = 13;
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("TOPIC", kWidth, true);
    table.add("PARTITION", 10);
    if (verbose) table.add("LEADER-EPOCH", kOffset);
    table.add("START-OFFSET", kOffset);
    table.add("LAG", 0);
    for (const auto& [tp, offset] : offsets) {
        std::vector<std::string>& row = table.rows.emplace_back();
        row = {group.id, tp.topic, fmt::to_string(tp.partition)};
        const bool begun = offset.start >= 0;
        if (verbose) row.push_back(or_missing(begun ? offset.leader_epoch : -1));
        row.push_back(or_missing(offset.start));
        row.push_back(or_missing(begun ? offset.lag : -1));
    }
    console.line("");
    table.print(console);
    return {};
}

void show_members(const Console& console, const client::GroupDescription& group, bool verbose) {
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("CONSUMER-ID", kWidth, true);
    table.add("HOST", kWidth, true);
    table.add("CLIENT-ID", kWidth, true);
    table.add("#PARTITIONS", 12);
    if (verbose) table.add("MEMBER-EPOCH", 13);
    table.add("ASSIGNMENT", 0);
    for (const client::MemberDescription& member : group.members) {
        std::vector<std::string>& row = table.rows.emplace_back();
        row = {group.id, member.id, member.host, member.client_id,
               fmt::to_string(member.assigned.size())};
        if (verbose) row.push_back(fmt::to_string(member.epoch));
        row.push_back(assignment_text(member.assigned));
    }
    console.line("");
    table.print(console);
}

void show_state(const Console& console, const client::GroupDescription& group, bool verbose) {
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("COORDINATOR (ID)", 25, true);
    table.add("STATE", kWidth);
    if (verbose) {
        table.add("GROUP-EPOCH", 12);
        table.add("ASSIGNMENT-EPOCH", 17);
    }
    table.add("#MEMBERS", 0);
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {group.id, fmt::format("{}  ({})", group.coordinator_address.text(), group.coordinator),
           group.state};
    if (verbose) {
        row.push_back(fmt::to_string(group.epoch));
        row.push_back(fmt::to_string(group.target_epoch));
    }
    row.push_back(fmt::to_string(group.members.size()));
    console.line("");
    table.print(console);
}

Result<void> describe(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto groups, groups_meant(session, arguments));
    TRY(const auto described, session.wait(session.admin().describe_share_groups(groups)));
    const bool verbose = arguments.has("verbose");
    for (const client::GroupDescription& group : described) {
        if (group.error.code != ErrorCode::none)
            return fail(group.error.code, java_exception(group.error));
        if (!arguments.has("members") && !arguments.has("state")) {
            TRY_OK(show_offsets(console, session, group, verbose));
            continue;
        }
        if (group.state == "Empty") {
            std::fflush(console.out);
            console.error_line(fmt::format("\nShare group '{}' has no active members.", group.id));
        }
        if (arguments.has("state"))
            show_state(console, group, verbose);
        else if (!group.members.empty())
            show_members(console, group, verbose);
    }
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
                "Group '{}' is not a share group.",
                group, group);
    }
    std::vector<std::string> deleted;
    TRY(const auto outcomes, session.wait(session.admin().delete_groups(deletable)));
    for (const client::Outcome& outcome : outcomes) {
        if (outcome.error.code == ErrorCode::none)
            deleted.push_back(fmt::format("'{}'", outcome.name));
        else
            failures += fmt::format(
                "\n* Group '{}' could not be deleted due to: {}", outcome.name,
                outcome.error.code == ErrorCode::non_empty_group
                    ? fmt::format("org.apache.kafka.common.errors.GroupNotEmptyException: Share "
                                  "group '{}' is not EMPTY.",
                                  outcome.name)
                    : java_exception(outcome.error));
    }
    deleted = java_ordered(std::move(deleted));
    if (failures.empty()) {
        console.line(fmt::format("Deletion of requested share groups ({}) was successful.",
                                 fmt::join(deleted, ", ")));
        return {};
    }
    console.line(fmt::format("\nError: Deletion of some share groups failed:{}", failures));
    if (!deleted.empty())
        console.line(fmt::format("\nThese share groups were deleted successfully: {}",
                                 fmt::join(deleted, ", ")));
    return {};
}

Result<void> delete_offsets(const Console& console, Session& session, const Arguments& arguments) {
    const auto& topics = arguments.values("topic");
    const auto done = session.wait(
        session.admin().delete_share_offsets(arguments.values("group").front(), topics));
    if (!done && client::Cluster::network_error(done.code())) return done.error();
    std::vector<client::Outcome> outcomes;
    if (done) {
        outcomes = *done;
    } else {
        console.line(fmt::format("\nError: {}", java_sentence(done.error())));
        for (const std::string& topic : topics) outcomes.push_back({topic, done.error()});
    }
    Columns table;
    table.add("TOPIC", kWidth, true);
    table.add("STATUS", 0);
    for (const client::Outcome& outcome : outcomes)
        table.rows.push_back(
            {outcome.name, outcome.error.code == ErrorCode::none
                               ? "Successful"
                               : fmt::format("Error: {}", java_sentence(outcome.error))});
    console.line("");
    table.print(console);
    return {};
}

Result<ResetTarget> read_target(const Arguments& arguments) {
    if (arguments.has("to-earliest")) return ResetTarget{ResetTarget::To::earliest};
    if (arguments.has("to-latest")) return ResetTarget{ResetTarget::To::latest};
    TRY(const auto date, arguments.value("to-datetime"));
    TRY(const TimestampMs time, parse_date_time(date.value_or("")));
    return ResetTarget{ResetTarget::To::time, time};
}

// Whether it may be reset; a group that does not exist may.
Result<bool> has_members(Session& session, const std::string& group) {
    TRY(const auto found, session.wait(session.admin().describe_share_groups({group})));
    const Error& error = found[0].error;
    if (error.code == ErrorCode::group_id_not_found) return false;
    if (error.code != ErrorCode::none) return error;
    return !found[0].members.empty();
}

// Returns false when the group has members.
Result<bool> reset_offsets(const Console& console, Session& session, const Arguments& arguments) {
    const std::string& group = arguments.values("group").front();
    TRY(const bool busy, has_members(session, group));
    if (busy) {
        console.error_line(fmt::format("Share group '{}' is not empty.", group));
        return false;
    }
    std::vector<TopicPartition> partitions;
    if (arguments.has("topic")) {
        TRY(partitions, partitions_meant(session, arguments.values("topic")));
    } else {
        TRY(const auto offsets, session.wait(session.admin().share_offsets(group)));
        for (const auto& [tp, offset] : offsets) partitions.push_back(tp);
    }
    TRY(const ResetTarget target, read_target(arguments));
    TRY(const Reset reset, plan_reset(session, {}, partitions, target));
    for (const TopicPartition& tp : reset.empty)
        console.line(
            fmt::format("\nWarn: Partition {} from topic {} is empty. Falling back to latest known "
                        "offset.",
                        tp.partition, tp.topic));
    if (arguments.has("execute") && !reset.offsets.empty()) {
        TRY(const auto done,
            session.wait(session.admin().alter_share_offsets(group, reset.offsets)));
        for (const auto& [tp, error] : done)
            if (error.code != ErrorCode::none) return error;
    }
    print_new_offsets(console, {{group, reset.offsets}});
    return true;
}

std::string describe_misuse(const Arguments& arguments) {
    if (!arguments.has("group") && !arguments.has("all-groups"))
        return "Option [describe] takes one of these options: [all-groups], [group]";
    if (arguments.has("members") + arguments.has("offsets") + arguments.has("state") > 1)
        return "Option [describe] takes at most one of these options: [members], [offsets], "
               "[state]";
    if (!arguments.values("state").empty())
        return "Option [describe] does not take a value for [state]";
    return "";
}

std::string reset_misuse(const Arguments& arguments) {
    if (arguments.has("dry-run") && arguments.has("execute"))
        return "Option [reset-offsets] only accepts one of [execute] and [dry-run]";
    if (!arguments.has("dry-run") && !arguments.has("execute"))
        return "Option [reset-offsets] takes the option: [execute] or [dry-run]";
    if (!arguments.has("group")) return "Option [reset-offsets] takes the option: [group]";
    if (!arguments.has("topic") && !arguments.has("all-topics"))
        return "Option [reset-offsets] takes one of these options: [all-topics], [topic]";
    const auto scenarios = {"to-datetime", "to-earliest", "to-latest"};
    if (std::ranges::none_of(scenarios, [&](auto name) { return arguments.has(name); }))
        return "Option [reset-offsets] takes one of these options: [to-datetime], [to-earliest], "
               "[to-latest]";
    for (const std::string_view one : scenarios)
        if (const auto said = clash(arguments, one, {"to-datetime", "to-earliest", "to-latest"}))
            return *said;
    return "";
}

// What is wrong with the command line; "" where it is sound.
std::string misuse_of(const Arguments& arguments) {
    if (arguments.has("describe")) {
        if (std::string why = describe_misuse(arguments); !why.empty()) return why;
    }
    if (arguments.has("delete")) {
        if (!arguments.has("group") && !arguments.has("all-groups"))
            return "Option [delete] takes the options [group] or [all-groups]";
        if (arguments.has("topic")) return "Option [delete] does not take the option: [topic]";
    }
    if (arguments.has("delete-offsets") && (!arguments.has("group") || !arguments.has("topic")))
        return "Option [delete-offsets] takes the following options: [group], [topic]";
    if (arguments.has("reset-offsets")) {
        if (std::string why = reset_misuse(arguments); !why.empty()) return why;
    }
    return clash(arguments, "group", {"all-groups", "list"}).value_or("");
}

// The exit status.
Result<int> act(const Console& console, const Arguments& arguments) {
    TRY_OK(arguments.long_number("timeout"));
    TRY(const auto session, open_session(arguments));
    if (arguments.has("list")) {
        TRY_OK(list(console, *session, arguments));
    } else if (arguments.has("describe")) {
        TRY_OK(describe(console, *session, arguments));
    } else if (arguments.has("delete")) {
        TRY_OK(remove(console, *session, arguments));
    } else if (arguments.has("delete-offsets")) {
        TRY_OK(delete_offsets(console, *session, arguments));
    } else {
        TRY(const bool done, reset_offsets(console, *session, arguments));
        return done ? kDone : kFailed;
    }
    return kDone;
}

}  // namespace

int share_groups(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    const auto wrong = [&](std::string_view why) { return misused(console, why, kOptions); };
    if (!arguments) return wrong(arguments.error().message);
    if (const auto ended = help_or_version(
            console, words, *arguments,
            "Lists, describes, deletes share groups, and sets where they begin.", kOptions))
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
            "--reset-offsets, --delete-offsets.");
    const auto status = act(console, *arguments);
    if (status) return *status;
    const std::string why = java_sentence(status.error());
    if (why.starts_with("Invalid state list")) return wrong(why);
    console.line(fmt::format("\nError: Executing share group command failed due to {}", why));
    std::fflush(console.out);
    console.error_line(why);
    return kDone;
}

}  // namespace millrace::cli::kafka
