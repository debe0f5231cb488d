#include "cli/cluster/session.h"

#include "cli/local_disk.h"

namespace millrace::cli {

Result<std::unique_ptr<Session>> Session::open(const Options& options) {
    client::Settings settings;
    if (!options.command_config.empty()) {
        LocalDisk local;
        const auto text = local.read_all(options.command_config, 1 << 20);
        if (text.code() == ErrorCode::not_found)
            return fail(ErrorCode::not_found, options.command_config);
        if (!text) return text.error();
        TRY(settings, client::Settings::parse(*text));
    }
    if (options.bootstrap_controllers.empty())
        settings.set("bootstrap.servers", options.bootstrap_servers);
    else
        settings.set("bootstrap.controllers", options.bootstrap_controllers);
    if (!settings.find("client.id")) settings.set("client.id", options.client_id);
    TRY(client::ClientConfig config, client::ClientConfig::from(settings));
    return std::unique_ptr<Session>{new Session(std::move(config))};
}

}  // namespace millrace::cli
