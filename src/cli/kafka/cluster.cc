// kafka-cluster: the cluster's id and its brokers.
#include "cli/kafka/argparse.h"
#include "cli/kafka/feature_tables.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;

constexpr Flag kServer{"bootstrap-server", "b", one, false, 1, "Brokers of the cluster."};
constexpr Flag kController{"bootstrap-controller", "C", one, false, 1, "Its controllers."};
constexpr Flag kConfig{"config", "c", one, false, 0, "A file with client properties (deprecated)."};
constexpr Flag kFile{"command-config", "", one, false, 0, "A file with client properties."};
constexpr Flag kIdFlags[] = {kServer, kController, kConfig, kFile};
constexpr Flag kUnregisterFlags[] = {
    kServer, kController, kConfig, kFile, {"id", "i", one, true, 0, "The broker's id.", "Integer"}};
constexpr Flag kEndpointFlags[] = {
    kServer,
    kController,
    kConfig,
    kFile,
    {"include-fenced-brokers", "", nothing, false, 0, "Brokers that are fenced, too."}};
constexpr Command kCommands[] = {
    {"cluster-id", "The cluster's id.", kIdFlags},
    {"unregister", "Forget a broker that will not come back.", kUnregisterFlags},
    {"list-endpoints", "Where the brokers listen.", kEndpointFlags},
};

Result<int> show_controllers(const Console& console, Session& session) {
    TRY(const auto cluster, session.wait(session.admin().describe_cluster()));
    size_t widest = 0;
    for (const auto& node : cluster.brokers) widest = std::max(widest, node.address.host.size());
    const auto line = [&](const auto& id, std::string_view host, const auto& port,
                          std::string_view rack, std::string_view type) {
        console.line(
            fmt::format("{:<10} {:<{}} {:<10} {:<10} {:<15}", id, host, widest, port, rack, type));
    };
    line("ID", "HOST", "PORT", "RACK", "ENDPOINT_TYPE");
    for (const auto& node : cluster.brokers)
        line(node.id, node.address.host, node.address.port, node.rack.value_or("null"),
             "controller");
    return kDone;
}

Result<int> show_endpoints(const Console& console, Session& session, bool fenced_too) {
    if (session.cluster().config().controllers) {
        if (!fenced_too) return show_controllers(console, session);
        return fail(ErrorCode::invalid_request,
                    "The option --include-fenced-brokers is only supported with "
                    "--bootstrap-server option");
    }
    TRY(const auto cluster, session.wait(session.admin().describe_cluster(fenced_too)));
    size_t widest = 0;
    for (const auto& broker : cluster.brokers)
        widest = std::max(widest, broker.address.host.size());
    const auto line = [&](const auto& id, std::string_view h, const auto& port, std::string_view r,
                          std::string_view state, std::string_view type) {
        console.line(fmt::format("{:<10} {:<{}} {:<10} {:<10} {:<10} {:<15}", id, h, widest, port,
                                 r, state, type));
    };
    line("ID", "HOST", "PORT", "RACK", "STATE", "ENDPOINT_TYPE");
    for (const auto& broker : cluster.brokers)
        line(broker.id, broker.address.host, broker.address.port, broker.rack.value_or("null"),
             broker.fenced ? "fenced" : "unfenced", "broker");
    return kDone;
}

Result<int> act(const Console& console, const ParsedCommand& parsed) {
    const FlagValues& flags = parsed.flags;
    TRY(const auto session,
        open_session(flags,
                     flags.value("command-config").value_or(flags.value("config").value_or(""))));
    if (parsed.command->name == "cluster-id") {
        TRY(const auto cluster, session->wait(session->admin().describe_cluster()));
        console.line(fmt::format("Cluster ID: {}", cluster.id));
        return kDone;
    }
    if (parsed.command->name == "list-endpoints")
        return show_endpoints(console, *session, flags.has("include-fenced-brokers"));
    const NodeId id = std::atoi(flags.value("id")->c_str());
    TRY_OK(session->wait(session->admin().unregister_broker(id)));
    console.line(fmt::format("Broker {} is no longer registered.", id));
    return kDone;
}

}  // namespace

int cluster(const Console& console, const Words& words) {
    int status = kDone;
    const auto parsed = parse_command(console, "kafka-cluster", {}, kCommands, words, status);
    if (!parsed) return status;
    if (!parsed->flags.has("bootstrap-server") && !parsed->flags.has("bootstrap-controller")) {
        console.error_line(
            "kafka-cluster: error: one of the arguments --bootstrap-server/-b "
            "--bootstrap-controller/-C is required");
        return kFailed;
    }
    const auto done = act(console, *parsed);
    return done ? *done : tell(console, done.error());
}

}  // namespace millrace::cli::kafka
