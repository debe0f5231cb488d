// What the native commands (`millrace <noun> <verb>`) have in common.
//
// A command is added to the command line by its add_..._command function and run by its callback,
// which leaves its exit status where main() finds it.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "cli/cluster/session.h"
#include "cli/output/console.h"

namespace millrace::cli {

struct Native {
    Console console;
    int& status;
};

// Which cluster, and how to print.
struct ClusterOptions {
    Session::Options session;
    bool json = false;
    bool dry_run = false;
};
// --bootstrap-server or --bootstrap-controller, --command-config and --json for one verb.
void add_cluster_options(CLI::App& verb, ClusterOptions& options);

// What to do about an error of a cluster; "" when nothing helps for sure.
std::string advice_for(const Error& error, const Session::Options& options);

// Runs `work(console, session)`, which returns Result<int> (the exit status), and tells what went
// wrong.
template <typename Work>
int with_cluster(Console console, const ClusterOptions& options, Work&& work) {
    console.json = options.json;
    if (options.session.bootstrap_servers.empty() &&
        options.session.bootstrap_controllers.empty()) {
        console.error_line("--bootstrap-server is required\nRun with --help for more information.");
        return kMisused;
    }
    auto session = Session::open(options.session);
    if (!session) return console.fail(session.error());
    const Result<int> done = work(console, **session);
    if (done) return *done;
    return console.fail(done.error(), advice_for(done.error(), options.session));
}

// Adds `millrace <noun> <name>`, which does `work` with a cluster. Options is a ClusterOptions; the
// command keeps it.
template <typename Options>
CLI::App& add_verb(CLI::App& noun, const Native& native, const char* name, const char* help,
                   const std::shared_ptr<Options>& options,
                   Result<int> (*work)(const Console&, Session&, const Options&)) {
    CLI::App& verb = *noun.add_subcommand(name, help);
    add_cluster_options(verb, *options);
    verb.callback([native, options, work] {
        native.status =
            with_cluster(native.console, *options, [&](const Console& console, Session& session) {
                return work(console, session, *options);
            });
    });
    return verb;
}
void add_dry_run(CLI::App& verb, ClusterOptions& options);

// A line to stderr for each failed outcome; kFailed when there is one.
int tell_failures(const Console& console, const std::vector<client::Outcome>& outcomes);

void add_topics_command(CLI::App& app, const Native& native);
void add_configs_command(CLI::App& app, const Native& native);
void add_groups_command(CLI::App& app, const Native& native);
void add_records_command(CLI::App& app, const Native& native);
void add_cluster_commands(CLI::App& app,
                          const Native& native);  // cluster, features, quorum, log-dirs
void add_acls_command(CLI::App& app, const Native& native);
void add_users_command(CLI::App& app, const Native& native);
void add_quotas_command(CLI::App& app, const Native& native);
void add_reassign_command(CLI::App& app, const Native& native);
void add_transactions_command(CLI::App& app, const Native& native);
void add_consume_command(CLI::App& app, const Native& native);
void add_produce_command(CLI::App& app, const Native& native);
void add_bench_command(CLI::App& app, const Native& native);
void add_dump_command(CLI::App& app, const Native& native);
void add_format_command(CLI::App& app, const Native& native);
// To be added last: it tells of the others.
void add_completion_command(CLI::App& app, const Native& native);

}  // namespace millrace::cli
