#include "cli/kafka/streams_groups_describe.h"

#include <set>

#include "cli/kafka/columns.h"
#include "cli/kafka/exceptions.h"

namespace millrace::cli::kafka {
namespace {

constexpr size_t kWidth = 15;

// The partitions of the topics that it reads.
Result<std::vector<TopicPartition>> inputs_of(Session& session,
                                              const client::StreamsGroupDescription& group) {
    std::set<std::string> topics;
    for (const client::Subtopology& one : group.topology) {
        topics.insert(one.source_topics.begin(), one.source_topics.end());
        topics.insert(one.repartition_topics.begin(), one.repartition_topics.end());
    }
    TRY(const auto described,
        session.wait(session.admin().describe_topics({topics.begin(), topics.end()})));
    std::vector<TopicPartition> out;
    for (const client::TopicDescription& topic : described)
        for (const auto& p : topic.partitions) out.push_back({topic.name, p.index});
    return out;
}

Result<void> show_offsets(const Console& console, Session& session,
                          const client::StreamsGroupDescription& group, bool verbose) {
    if (group.state == "Empty") return {};
    TRY(const auto partitions, inputs_of(session, group));
    TRY(const auto committed, session.wait(session.admin().committed_offsets(group.id)));
    std::map<TopicPartition, TimestampMs> wanted;
    for (const TopicPartition& tp : partitions) wanted[tp] = client::kLatest;
    TRY(const auto ends, session.wait(session.admin().list_offsets(std::move(wanted))));
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("TOPIC", kWidth, true);
    table.add("PARTITION", 10);
    if (verbose)
        for (const auto name : {"CURRENT-OFFSET", "LEADER-EPOCH", "LOG-END-OFFSET"})
            table.add(name, kWidth);
    table.add("OFFSET-LAG", verbose ? kWidth : 0);
    for (const TopicPartition& tp : partitions) {
        const auto found = committed.find(tp);
        const Offset offset = found == committed.end() ? -1 : found->second.offset;
        const LeaderEpoch epoch = found == committed.end() ? -1 : found->second.leader_epoch;
        const Offset end = ends.at(tp).offset;
        const auto shown = [](int64_t n) { return n < 0 ? "-" : fmt::to_string(n); };
        std::vector<std::string>& row = table.rows.emplace_back();
        row = {group.id, tp.topic, fmt::to_string(tp.partition)};
        if (verbose) row.insert(row.end(), {shown(offset), shown(epoch), shown(end)});
        row.push_back(offset < 0 ? "-" : fmt::to_string(end - offset));
    }
    table.print(console);
    return {};
}

void show_members(const Console& console, const client::StreamsGroupDescription& group,
                  bool verbose) {
    if (group.members.empty()) return;
    Columns table;
    table.add("GROUP", kWidth, true);
    if (verbose) {
        table.add("TARGET-ASSIGNMENT-EPOCH", 25);
        table.add("TOPOLOGY-EPOCH", 14);
    }
    table.add("MEMBER", kWidth, true);
    if (verbose) {
        table.add("MEMBER-PROTOCOL", kWidth);
        table.add("MEMBER-EPOCH", kWidth);
    }
    table.add("PROCESS", kWidth, true);
    table.add("CLIENT-ID", kWidth, true);
    table.add("ASSIGNMENTS", 0);
    for (const client::StreamsMember& member : group.members) {
        std::vector<std::string>& row = table.rows.emplace_back();
        row.push_back(group.id);
        if (verbose)
            row.insert(row.end(),
                       {fmt::to_string(group.target_epoch), fmt::to_string(member.topology_epoch)});
        row.push_back(member.id);
        if (verbose)
            row.insert(row.end(),
                       {member.classic ? "classic" : "streams", fmt::to_string(member.epoch)});
        row.insert(row.end(), {member.process, member.client_id,
                               tasks_text(member.assigned, "") +
                                   (verbose ? tasks_text(member.target, "TARGET-") : "")});
    }
    table.print(console);
}

void show_state(const Console& console, const client::StreamsGroupDescription& group,
                bool verbose) {
    if (group.state == "Empty")
        console.line(fmt::format("\nError: Streams group '{}' has no active members.", group.id));
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("COORDINATOR (ID)", 25, true);
    table.add("STATE", 25);
    if (verbose) {
        table.add("GROUP-EPOCH", kWidth);
        table.add("TARGET-ASSIGNMENT-EPOCH", 25);
    }
    table.add("#MEMBERS", 0);
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {group.id, fmt::format("{} ({})", group.coordinator_address.text(), group.coordinator),
           group.state};
    if (verbose)
        row.insert(row.end(), {fmt::to_string(group.epoch), fmt::to_string(group.target_epoch)});
    row.push_back(fmt::to_string(group.members.size()));
    table.print(console);
}

}  // namespace

std::string tasks_text(const client::StreamsAssignment& assignment, std::string_view begin) {
    std::string out;
    const auto add = [&](std::string_view kind, const std::vector<client::StreamsTasks>& tasks) {
        if (tasks.empty()) return;
        std::vector<std::string> each;
        for (const client::StreamsTasks& one : tasks)
            each.push_back(fmt::format("{}:[{}]", one.subtopology, fmt::join(one.partitions, ",")));
        out += fmt::format("{}{}: {}; ", begin, kind, fmt::join(each, ","));
    };
    add("ACTIVE", assignment.active);
    add("STANDBY", assignment.standby);
    add("WARMUP", assignment.warmup);
    return out;
}

Result<void> describe_streams_groups(const Console& console, Session& session,
                                     const std::vector<std::string>& groups, GroupView view,
                                     bool verbose) {
    TRY(const auto described, session.wait(session.admin().describe_streams_groups(groups)));
    for (const client::StreamsGroupDescription& group : described) {
        if (group.error.code != ErrorCode::none)
            return fail(group.error.code, java_exception(group.error));
        if (view == GroupView::offsets)
            TRY_OK(show_offsets(console, session, group, verbose));
        else if (view == GroupView::members)
            show_members(console, group, verbose);
        else
            show_state(console, group, verbose);
    }
    return {};
}

void print_new_streams_offsets(
    const Console& console,
    const std::vector<std::pair<std::string, std::map<TopicPartition, Offset>>>& plans) {
    console.line(
        fmt::format("\n{:<30} {:<30} {:<10} {:<15}", "GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"));
    for (const auto& [group, plan] : plans)
        for (const auto& [tp, offset] : plan)
            console.line(
                fmt::format("{:<30} {:<30} {:<10} {:<15}", group, tp.topic, tp.partition, offset));
}

}  // namespace millrace::cli::kafka
