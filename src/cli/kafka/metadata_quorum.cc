// kafka-metadata-quorum: who keeps the cluster's metadata, and how far each is.
#include "cli/cluster/quorum.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/feature_tables.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;

constexpr Flag kBefore[] = {
    {"bootstrap-server", "b", one, false, 1, "Brokers of the cluster."},
    {"bootstrap-controller", "C", one, false, 1, "Its controllers."},
    {"command-config", "c", one, false, 0, "A file with client properties."},
};
constexpr Flag kDescribeFlags[] = {
    {"status", "s", nothing, false, 0, "The quorum in short."},
    {"replication", "r", nothing, false, 0, "How far each node is."},
    {"human-readable", "hr", nothing, false, 0, "Times as ages."},
};
constexpr Flag kDryRun{"dry-run", "", nothing, false, 0, "Only check."};
constexpr Flag kAddFlags[] = {kDryRun};
constexpr Flag kRemoveFlags[] = {
    {"controller-id", "i", one, true, 0, "The controller's node id."},
    {"controller-directory-id", "d", one, true, 0, "Its directory id."},
    kDryRun};
constexpr Command kCommands[] = {
    {"describe", "The quorum.", kDescribeFlags},
    {"add-controller", "Let a controller vote.", kAddFlags},
    {"remove-controller", "Let a controller vote no more.", kRemoveFlags},
};

std::string members_json(const std::vector<QuorumMember>& members) {
    std::string out;
    for (const QuorumMember& member : members) {
        out += fmt::format(
            "{}{{\"id\": {}, \"directoryId\": {}", out.empty() ? "" : ", ", member.id,
            member.directory.is_zero() ? std::string{"null"}
                                       : fmt::format("\"{}\"", member.directory.to_string()));
        if (!member.endpoints.empty())
            out += fmt::format(", \"endpoints\": [\"{}\"]", fmt::join(member.endpoints, "\", \""));
        out += "}";
    }
    return fmt::format("[{}]", out);
}

void show_status(const Console& console, const Quorum& quorum) {
    Offset lag = 0;
    TimestampMs lag_ms = 0;
    for (const QuorumMember& voter : quorum.voters) {
        if (voter.id == quorum.leader) continue;
        lag = std::max(lag, quorum.leader_end() - voter.end);
        for (const QuorumMember& leader : quorum.voters)
            if (leader.id == quorum.leader && voter.last_caught_up >= 0)
                lag_ms = std::max(lag_ms, leader.last_caught_up - voter.last_caught_up);
    }
    const auto row = [&](std::string_view name, const auto& value) {
        console.line(fmt::format("{:<24}{}", fmt::format("{}:", name), value));
    };
    row("ClusterId", quorum.cluster_id);
    row("LeaderId", quorum.leader);
    row("LeaderEpoch", quorum.epoch);
    row("HighWatermark", quorum.high_watermark);
    row("MaxFollowerLag", lag);
    row("MaxFollowerLagTimeMs", lag_ms);
    row("CurrentVoters", members_json(quorum.voters));
    row("CurrentObservers", members_json(quorum.observers));
}

void show_replication(const Console& console, const Quorum& quorum, bool ages, TimestampMs now) {
    const auto time = [&](TimestampMs at) {
        if (at < 0) return std::string{"-1"};
        return ages ? fmt::format("{} ms ago", now - at) : fmt::to_string(at);
    };
    std::vector<std::vector<std::string>> rows{{"NodeId", "DirectoryId", "LogEndOffset", "Lag",
                                                "LastFetchTimestamp", "LastCaughtUpTimestamp",
                                                "Status"}};
    for (const auto* members : {&quorum.voters, &quorum.observers})
        for (const QuorumMember& m : *members)
            rows.push_back({fmt::to_string(m.id), m.directory.to_string(), fmt::to_string(m.end),
                            fmt::to_string(quorum.leader_end() - m.end), time(m.last_fetch),
                            time(m.last_caught_up), m.status});
    const auto leads = [](const auto& row) { return row.back() == "Leader"; };
    std::partition(rows.begin() + 1, rows.end(), leads);
    std::vector<size_t> widths(rows[0].size());
    for (const auto& row : rows)
        for (size_t i = 0; i != row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i != row.size(); ++i) line += fmt::format("{:<{}}\t", row[i], widths[i]);
        console.line(line);
    }
}

Result<int> act(const Console& console, const ParsedCommand& parsed) {
    const FlagValues& flags = parsed.flags;
    const auto refuse = [](std::string why) {
        return fail(ErrorCode::invalid_request, std::move(why));
    };
    if (parsed.command->name != "describe")
        return refuse("Changing the voters of a quorum is not served yet.");
    if (flags.has("status") && flags.has("replication"))
        return refuse(
            "Only one of --status or --replication should be specified with describe sub-command");
    if (!flags.has("status") && !flags.has("replication"))
        return refuse(
            "One of --status or --replication must be specified with describe sub-command");
    if (flags.has("status") && flags.has("human-readable"))
        return refuse("The option --human-readable is only supported along with --replication");
    TRY(const auto session,
        Session::open({.bootstrap_servers = *parsed.before.value("bootstrap-server"),
                       .command_config = parsed.before.value("command-config").value_or("")}));
    TRY(const Quorum quorum, view_quorum(*session));
    if (flags.has("status"))
        show_status(console, quorum);
    else
        show_replication(console, quorum, flags.has("human-readable"), session->wall_ms());
    return kDone;
}

}  // namespace

int metadata_quorum(const Console& console, const Words& words) {
    int status = kDone;
    const auto parsed =
        parse_command(console, "kafka-metadata-quorum", kBefore, kCommands, words, status);
    if (!parsed) return status;
    if (!parsed->before.has("bootstrap-server")) {
        console.error_line(
            "kafka-metadata-quorum: error: one of the arguments "
            "--bootstrap-server/-b --bootstrap-controller/-C is required");
        return kFailed;
    }
    const auto done = act(console, *parsed);
    return done ? *done : tell(console, done.error());
}

}  // namespace millrace::cli::kafka
