#include "cli/client_settings.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/local_disk.h"

namespace millrace::cli {

Result<client::Settings> ClientSettingsOptions::read() const {
    client::Settings out;
    if (!file.empty()) {
        LocalDisk local;
        TRY(const std::string text, local.read_all(file, 1 << 20));
        TRY(out, client::Settings::parse(text));
    }
    for (const std::string& setting : settings) TRY_OK(out.set_pair(setting));
    if (!servers.empty()) out.set("bootstrap.servers", servers);
    return out;
}

void add_client_settings(CLI::App& command, ClientSettingsOptions& options) {
    command.add_option("-b,--bootstrap-server", options.servers,
                       "Brokers of the cluster: host:port, several with commas");
    command.add_option("--command-config", options.file, "A file with client properties")
        ->check(CLI::ExistingFile);
    command.add_option("-X,--set", options.settings,
                       "A client property, name=value; may be given several times");
}

void warn_of_unknown(const Console& console, const client::Settings& settings) {
    for (const std::string& name : settings.unused())
        console.error_line(fmt::format("millrace: no such client property: {} (ignored)", name));
}

}  // namespace millrace::cli
