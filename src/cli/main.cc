#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/kafka/tool.h"
#include "cli/native.h"
#include "cli/recover_command.h"
#include "cli/serve_command.h"

namespace {

// Color is for people: on a terminal that can show it, and not where NO_COLOR says otherwise.
bool wants_color() {
    const char* no_color = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    if (no_color && *no_color) return false;
    return isatty(STDOUT_FILENO) == 1 && terminal && std::string_view{terminal} != "dumb";
}

}  // namespace

int main(int argc, char** argv) {
    const millrace::cli::Console console{
        .out = stdout,
        .err = stderr,
        .color = wants_color(),
        .interactive = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1};
    if (const auto* tool = millrace::cli::kafka::find_tool(argc > 0 ? argv[0] : "")) {
        const int status = tool->run(console, {argv + 1, argv + argc});
        std::fflush(stdout);
        return status;
    }
    CLI::App app{"Millrace: an event-streaming platform that is Apache Kafka on the outside.",
                 "millrace"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "millrace 0.1.0");
    app.set_help_all_flag("--help-all", "Help of all commands");
    int status = 0;
    millrace::cli::add_serve_command(app, status);
    millrace::cli::add_recover_command(app, status);
    const millrace::cli::Native native{console, status};
    millrace::cli::add_topics_command(app, native);
    millrace::cli::add_configs_command(app, native);
    millrace::cli::add_groups_command(app, native);
    millrace::cli::add_records_command(app, native);
    millrace::cli::add_cluster_commands(app, native);
    millrace::cli::add_transactions_command(app, native);
    millrace::cli::add_acls_command(app, native);
    millrace::cli::add_users_command(app, native);
    millrace::cli::add_quotas_command(app, native);
    millrace::cli::add_reassign_command(app, native);
    millrace::cli::add_dump_command(app, native);
    millrace::cli::add_format_command(app, native);
    millrace::cli::add_produce_command(app, native);
    millrace::cli::add_consume_command(app, native);
    millrace::cli::add_bench_command(app, native);
    millrace::cli::add_completion_command(app, native);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : millrace::cli::kMisused;
    }
    return status;
}
