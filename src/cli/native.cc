#include "cli/native.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace millrace::cli {

void add_cluster_options(CLI::App& verb, ClusterOptions& options) {
    verb.add_option("-b,--bootstrap-server", options.session.bootstrap_servers,
                    "Brokers of the cluster: host:port, several with commas");
    verb.add_option("--bootstrap-controller", options.session.bootstrap_controllers,
                    "Controllers of the cluster, to ask them instead of brokers")
        ->excludes("--bootstrap-server");
    verb.add_option("--command-config", options.session.command_config,
                    "A file with client properties")
        ->check(CLI::ExistingFile);
    verb.add_flag("--json", options.json, "For programs: one JSON document instead of tables");
}

void add_dry_run(CLI::App& verb, ClusterOptions& options) {
    verb.add_flag("--dry-run", options.dry_run, "Check and tell, change nothing");
}

std::string advice_for(const Error& error, const Session::Options& options) {
    if (client::Cluster::network_error(error.code))
        return fmt::format(
            "Is a {} listening at {}? --command-config can set "
            "default.api.timeout.ms to wait longer or give up sooner.",
            options.bootstrap_controllers.empty() ? "broker" : "controller",
            options.bootstrap_controllers.empty() ? options.bootstrap_servers
                                                  : options.bootstrap_controllers);
    switch (error.code) {
        case ErrorCode::unknown_topic_or_partition:
            return "`millrace topics list` shows the topics that there are.";
        case ErrorCode::topic_authorization_failed:
        case ErrorCode::group_authorization_failed:
        case ErrorCode::cluster_authorization_failed:
            return "Somebody who may alter ACLs of this cluster can grant it.";
        case ErrorCode::security_disabled:
            return "The brokers keep no ACLs: they run without authorizer.class.name.";
        case ErrorCode::resource_not_found:
            return "`millrace users list` shows the users that there are.";
        case ErrorCode::unsupported_endpoint_type:
            return "Ask a broker: --bootstrap-server instead of --bootstrap-controller.";
        case ErrorCode::mismatched_endpoint_type:
            return "--bootstrap-server is for brokers, --bootstrap-controller for controllers.";
        case ErrorCode::unsupported_version:
            return "The brokers of this cluster do not serve what this needs.";
        default:
            return {};
    }
}

int tell_failures(const Console& console, const std::vector<client::Outcome>& outcomes) {
    int status = kDone;
    std::fflush(console.out);
    for (const client::Outcome& outcome : outcomes) {
        if (outcome.error.code == ErrorCode::none) continue;
        console.error_line(fmt::format("millrace: {}: {}", outcome.name, sentence(outcome.error)));
        status = kFailed;
    }
    return status;
}

}  // namespace millrace::cli
