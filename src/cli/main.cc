#include <CLI/CLI.hpp>

#include "cli/recover_command.h"
#include "cli/serve_command.h"

int main(int argc, char** argv) {
    CLI::App app{"Millrace: an event-streaming platform that is Apache Kafka on the outside.",
                 "millrace"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "millrace 0.1.0");
    app.set_help_all_flag("--help-all", "Help of all commands");
    int status = 0;
    millrace::cli::add_serve_command(app, status);
    millrace::cli::add_recover_command(app, status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    }
    return status;
}
