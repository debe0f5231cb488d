#include "cli/kafka/tool_session.h"

#include "cli/output/console.h"

namespace millrace::cli::kafka {

Result<std::unique_ptr<Session>> open_session(const Arguments& arguments,
                                              std::string_view bootstrap, std::string_view config) {
    TRY(const auto servers, arguments.value(bootstrap));
    TRY(const auto controllers, arguments.value("bootstrap-controller"));
    TRY(const auto file, arguments.value(config));
    return Session::open({.bootstrap_servers = servers.value_or(""),
                          .bootstrap_controllers = controllers.value_or(""),
                          .command_config = file.value_or("")});
}

Result<std::unique_ptr<Session>> open_session(const FlagValues& flags, std::string config_file) {
    return Session::open({.bootstrap_servers = flags.value("bootstrap-server").value_or(""),
                          .bootstrap_controllers = flags.value("bootstrap-controller").value_or(""),
                          .command_config = std::move(config_file)});
}

std::string failure_text(const Error& error, std::string_view call) {
    if (client::Cluster::network_error(error.code))
        return fmt::format("Timed out waiting for a node assignment. Call: {}", call);
    return sentence(error);
}

}  // namespace millrace::cli::kafka
