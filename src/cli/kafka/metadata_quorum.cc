// kafka-metadata-quorum: who keeps the cluster's metadata, and how far each is.
#include "cli/cluster/quorum.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/feature_tables.h"
#include "cli/kafka/refused.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"
#include "client/address.h"
#include "config/properties.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"

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
    {"controller-id", "i", one, true, 0, "The controller's node id.", "Integer"},
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

std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> out;
    while (!list.empty()) {
        const size_t comma = std::min(list.find(','), list.size());
        std::string_view one = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (!one.empty()) out.emplace_back(one);
    }
    return out;
}

// The controller whose configuration is in a file.
Result<client::NewVoter> read_controller(const std::string& path) {
    LocalDisk local;
    TRY(const std::string text, local.read_all(path, 1 << 20));
    TRY(const auto properties, config::parse_properties(text));
    std::map<std::string, std::string, std::less<>> values;
    for (const auto& property : properties) values[property.name] = property.value;
    client::NewVoter out;
    if (!values.contains("node.id"))
        return refused(
            "node.id not found in configuration file. Is this a valid controller configuration "
            "file?");
    out.id = std::atoi(values["node.id"].c_str());
    const auto roles = words_of(values["process.roles"]);
    if (std::ranges::find(roles, "controller") == roles.end())
        return refused(
            "process.roles did not contain 'controller' in configuration file. Is this a valid "
            "controller configuration file?");
    std::string directory = values["metadata.log.dir"];
    for (const std::string_view name : {"log.dirs", "log.dir"})
        if (const auto all = words_of(values[std::string{name}]); directory.empty() && !all.empty())
            directory = all.front();
    const auto meta_text =
        local.read_all(storage::join_path(directory, storage::kMetaPropertiesName), 1 << 20);
    const auto meta = meta_text ? storage::MetaProperties::parse(*meta_text)
                                : Result<storage::MetaProperties>{meta_text.error()};
    if (!meta) return refused(fmt::format("Unable to read meta.properties from {}", directory));
    if (!meta->directory_id) return refused(fmt::format("No directory id found in {}", directory));
    out.directory = *meta->directory_id;
    const auto names = words_of(values["controller.listener.names"]);
    const std::string& listeners =
        values[values.contains("advertised.listeners") ? "advertised.listeners" : "listeners"];
    for (const std::string& listener : words_of(listeners)) {
        const size_t colon = listener.find("://");
        if (colon == listener.npos ||
            std::ranges::find(names, listener.substr(0, colon)) == names.end())
            continue;
        TRY(const auto address, client::parse_address(listener.substr(colon + 3)));
        out.listeners.push_back({listener.substr(0, colon), address.host, address.port});
    }
    if (out.listeners.empty())
        return refused(
            "controller.listener.names names no listener of advertised.listeners or listeners");
    return out;
}

Result<int> add_controller(const Console& console, const ParsedCommand& parsed) {
    const auto file = parsed.before.value("command-config");
    if (!file)
        return refused(
            "You must supply the configuration file of the controller you are adding when using "
            "add-controller.");
    TRY(const client::NewVoter voter, read_controller(*file));
    std::vector<std::string> endpoints;
    for (const client::QuorumListener& listener : voter.listeners)
        endpoints.push_back(listener.text());
    const bool dry = parsed.flags.has("dry-run");
    if (!dry) {
        TRY(const auto session, open_session(parsed.before, *file));
        TRY_OK(session->wait(session->admin().add_voter(voter)));
    }
    console.line(fmt::format("{} controller {} with directory id {} and endpoints: {}",
                             dry ? "DRY RUN of adding" : "Added", voter.id,
                             voter.directory.to_string(), fmt::join(endpoints, ", ")));
    return kDone;
}

Result<int> remove_controller(const Console& console, const ParsedCommand& parsed) {
    const NodeId id = std::atoi(parsed.flags.value("controller-id")->c_str());
    if (id < 0) return refused(fmt::format("Invalid negative --controller-id: {}", id));
    const std::string text = *parsed.flags.value("controller-directory-id");
    const auto directory = Uuid::parse(text);
    if (!directory)
        return refused(fmt::format("Failed to parse --controller-directory-id: {}", text));
    const bool dry = parsed.flags.has("dry-run");
    if (!dry) {
        TRY(const auto session,
            open_session(parsed.before, parsed.before.value("command-config").value_or("")));
        TRY_OK(session->wait(session->admin().remove_voter(id, *directory)));
    }
    console.line(fmt::format("{}  KRaft controller {} with directory id {}",
                             dry ? "DRY RUN of removing" : "Removed", id, text));
    return kDone;
}

Result<int> act(const Console& console, const ParsedCommand& parsed) {
    const FlagValues& flags = parsed.flags;
    if (parsed.command->name == "add-controller") return add_controller(console, parsed);
    if (parsed.command->name == "remove-controller") return remove_controller(console, parsed);
    if (flags.has("status") && flags.has("replication"))
        return refused(
            "Only one of --status or --replication should be specified with describe sub-command");
    if (!flags.has("status") && !flags.has("replication"))
        return refused(
            "One of --status or --replication must be specified with describe sub-command");
    if (flags.has("status") && flags.has("human-readable"))
        return refused("The option --human-readable is only supported along with --replication");
    TRY(const auto session,
        open_session(parsed.before, parsed.before.value("command-config").value_or("")));
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
    if (!parsed->before.has("bootstrap-server") && !parsed->before.has("bootstrap-controller")) {
        console.error_line(
            "kafka-metadata-quorum: error: one of the arguments "
            "--bootstrap-server/-b --bootstrap-controller/-C is required");
        return kFailed;
    }
    const auto done = act(console, *parsed);
    return done ? *done : tell(console, done.error());
}

}  // namespace millrace::cli::kafka
