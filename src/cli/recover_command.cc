#include "cli/recover_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "server/recover.h"

namespace millrace::cli {

void add_recover_command(CLI::App& app, int& status) {
    auto options = std::make_shared<server::RecoverOptions>();
    CLI::App* recover = app.add_subcommand(
        "recover", "Make log directories ready after a crash, without starting a node");
    recover
        ->add_option("DIR", options->directories, "Log directories; no process may have them open")
        ->required();
    recover->add_flag("--json", options->json, "The summary as one line of JSON");
    recover->footer(
        "\nDrains the journal into the segments, recovers every log, and marks the directories as\n"
        "cleanly stopped. Needed before Apache Kafka takes over after a crash; `millrace serve`\n"
        "does it by itself. Exit status: 0 all is well, 2 something was damaged (the summary says\n"
        "what), 1 not done.\n\n"
        "Example:\n"
        "  millrace recover /var/lib/millrace\n");
    recover->callback([options, &status] { status = server::recover(*options); });
}

}  // namespace millrace::cli
