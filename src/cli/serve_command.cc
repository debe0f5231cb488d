#include "cli/serve_command.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "server/serve.h"

namespace millrace::cli {

void add_serve_command(CLI::App& app, int& status) {
    auto options = std::make_shared<server::ServeOptions>();
    CLI::App* serve = app.add_subcommand(
        "serve", "Run a node in the foreground: one broker with its own controller");
    serve
        ->add_option("--port", options->port,
                     "Port for clients on 127.0.0.1; wins over the file's listeners")
        ->check(CLI::Range(0, 65535));
    serve->add_option("--dir", options->directory,
                      "Data directory (log.dirs); formatted when it is new");
    serve
        ->add_option("--config", options->config_file,
                     "server.properties, with Kafka's property names")
        ->check(CLI::ExistingFile);
    serve->add_option("--set", options->settings,
                      "key=value, over the file; may be given several times");
    serve->footer(
        "\nA directory that Apache Kafka 4.3 has written is taken as it is.\n"
        "SIGTERM and SIGINT stop the node cleanly.\n\n"
        "Examples:\n"
        "  millrace serve --port 9092 --dir /var/lib/millrace\n"
        "  millrace serve --config server.properties --set log.retention.hours=24\n");
    serve->callback([options, &status] { status = server::serve(*options); });
}

}  // namespace millrace::cli
