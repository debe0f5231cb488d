#include "cli/kafka/consumer_groups_describe.h"

#include "cli/cluster/groups.h"
#include "cli/kafka/columns.h"
#include "base/java_order.h"

namespace millrace::cli::kafka {
namespace {

constexpr size_t kWidth = 15;
constexpr std::string_view kMissing = "-";

template <typename N>
std::string or_missing(const std::optional<N>& n) {
    return n ? fmt::to_string(*n) : std::string{kMissing};
}

// Whether the group has something to show; says what it is about otherwise.
Result<bool> tell_state(const Console& console, const client::GroupDescription& group,
                        bool no_members) {
    std::fflush(console.out);
    if (group.state == "Dead") {
        console.error_line(fmt::format("\nError: Consumer group '{}' does not exist.", group.id));
        return false;
    }
    if (group.state == "Empty") {
        if (!no_members)
            console.error_line(
                fmt::format("\nConsumer group '{}' has no active members.", group.id));
    } else if (group.state == "PreparingRebalance" || group.state == "CompletingRebalance" ||
               group.state == "Assigning" || group.state == "Reconciling") {
        console.error_line(fmt::format("\nWarning: Consumer group '{}' is rebalancing.", group.id));
    }
    return true;
}

Result<void> show_offsets(const Console& console, Session& session,
                          const client::GroupDescription& group, bool verbose) {
    TRY(const auto partitions, group_partitions(session, group));
    TRY(const bool shown, tell_state(console, group, false));
    if (!shown || partitions.empty()) return {};
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("TOPIC", kWidth, true);
    table.add("PARTITION", 10);
    if (verbose) table.add("LEADER-EPOCH", kWidth);
    for (const auto name : {"CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"}) table.add(name, kWidth);
    table.add("CONSUMER-ID", kWidth, true);
    table.add("HOST", kWidth, true);
    table.add("CLIENT-ID", 0);
    for (const GroupPartition& one : partitions) {
        std::vector<std::string>& row = table.rows.emplace_back();
        row = {group.id, one.partition.topic, fmt::to_string(one.partition.partition)};
        if (verbose) row.push_back(or_missing(one.leader_epoch));
        row.push_back(or_missing(one.committed));
        row.push_back(or_missing(one.end));
        row.push_back(or_missing(one.lag()));
        row.emplace_back(one.member ? one.member->id : kMissing);
        row.emplace_back(one.member ? one.member->host : kMissing);
        row.emplace_back(one.member ? one.member->client_id : kMissing);
    }
    console.line("");
    table.print(console);
    return {};
}

void show_members(const Console& console, const client::GroupDescription& group, bool verbose) {
    const bool instances = std::ranges::any_of(
        group.members, [](const auto& member) { return member.instance_id.has_value(); });
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("CONSUMER-ID", kWidth, true);
    if (instances) table.add("GROUP-INSTANCE-ID", 17, true);
    table.add("HOST", kWidth, true);
    table.add("CLIENT-ID", kWidth, true);
    table.add("#PARTITIONS", verbose ? kWidth : kWidth + 1);
    if (verbose) {
        table.add("CURRENT-EPOCH", kWidth);
        table.add("CURRENT-ASSIGNMENT", 20, true);
        table.add("TARGET-EPOCH", kWidth);
        table.add("TARGET-ASSIGNMENT", 20, true);
    }
    std::vector<const client::MemberDescription*> members;
    for (const client::MemberDescription& member : group.members) members.push_back(&member);
    std::ranges::sort(members, [](const auto* a, const auto* b) {
        return a->assigned.size() > b->assigned.size();
    });
    for (const client::MemberDescription* member : members) {
        std::vector<std::string>& row = table.rows.emplace_back();
        row = {group.id, member->id};
        if (instances) row.push_back(member->instance_id.value_or(""));
        row.push_back(member->host);
        row.push_back(member->client_id);
        row.push_back(fmt::to_string(member->assigned.size()));
        if (!verbose) continue;
        const auto epoch = [](int32_t n) {
            return n < 0 ? std::string{kMissing} : fmt::to_string(n);
        };
        row.push_back(epoch(member->epoch));
        row.push_back(assignment_text(member->assigned));
        row.push_back(epoch(member->target_epoch));
        row.push_back(assignment_text(member->target));
    }
    console.line("");
    table.print(console);
}

void show_state(const Console& console, const client::GroupDescription& group, bool verbose) {
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("COORDINATOR (ID)", 25, true);
    table.add("ASSIGNMENT-STRATEGY", 20);
    table.add("STATE", 20);
    if (verbose) {
        table.add("GROUP-EPOCH", kWidth);
        table.add("TARGET-ASSIGNMENT-EPOCH", 25);
    }
    table.add("#MEMBERS", 0);
    const auto epoch = [](int32_t n) { return n < 0 ? std::string{kMissing} : fmt::to_string(n); };
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {group.id, fmt::format("{}  ({})", group.coordinator_address.text(), group.coordinator),
           group.assignor.empty() ? std::string{kMissing} : group.assignor, group.state};
    if (verbose) {
        row.push_back(epoch(group.epoch));
        row.push_back(epoch(group.target_epoch));
    }
    row.push_back(fmt::to_string(group.members.size()));
    console.line("");
    table.print(console);
}

}  // namespace

std::string assignment_text(const std::vector<TopicPartition>& partitions) {
    std::map<std::string, std::vector<PartitionIndex>> topics;
    for (const TopicPartition& tp : partitions) topics[tp.topic].push_back(tp.partition);
    std::string out;
    for (const auto& [topic, indexes] : topics)
        out += fmt::format("{}{}:{}", out.empty() ? "" : ";", topic, fmt::join(indexes, ","));
    return out.empty() ? std::string{kMissing} : out;
}

Result<void> describe_groups(const Console& console, Session& session,
                             const std::vector<std::string>& groups, GroupView view, bool verbose) {
    TRY(const auto described, session.wait(session.admin().describe_groups(groups)));
    for (const client::GroupDescription& group : described) {
        if (group.error.code != ErrorCode::none)
            return fail(group.error.code,
                        fmt::format("org.apache.kafka.common.errors.GroupIdNotFoundException: {}",
                                    sentence(group.error)));
        if (view == GroupView::offsets) {
            TRY_OK(show_offsets(console, session, group, verbose));
            continue;
        }
        TRY(const bool shown, tell_state(console, group, false));
        if (!shown) continue;
        if (view == GroupView::members)
            show_members(console, group, verbose);
        else
            show_state(console, group, verbose);
    }
    return {};
}

void print_new_offsets(
    const Console& console,
    const std::vector<std::pair<std::string, std::map<TopicPartition, Offset>>>& plans) {
    Columns table;
    table.add("GROUP", kWidth, true);
    table.add("TOPIC", kWidth, true);
    table.add("PARTITION", 10);
    table.add("NEW-OFFSET", 0);
    for (const auto& [group, plan] : plans) {
        table.make_room(0, group.size());
        std::vector<std::pair<TopicPartition, Offset>> rows{plan.begin(), plan.end()};
        java_order(rows, [](const auto& row) -> const TopicPartition& { return row.first; });
        for (const auto& [tp, offset] : rows)
            table.rows.push_back(
                {group, tp.topic, fmt::to_string(tp.partition), fmt::to_string(offset)});
    }
    console.line("");
    table.print(console);
}

}  // namespace millrace::cli::kafka
