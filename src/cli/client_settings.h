// The options by which a command is told the settings of its client: --bootstrap-server, a file of
// properties, and single ones.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "cli/output/console.h"
#include "client/settings.h"

namespace millrace::cli {

struct ClientSettingsOptions {
    std::string servers;
    std::string file;                   // "" = none
    std::vector<std::string> settings;  // name=value, over those of the file

    // Errors: not_found (the file), invalid_config.
    Result<client::Settings> read() const;
};

// -b, --command-config and -X.
void add_client_settings(CLI::App& command, ClientSettingsOptions& options);
// A line to stderr for each setting that nobody has read.
void warn_of_unknown(const Console& console, const client::Settings& settings);

}  // namespace millrace::cli
