#include "client/client_config.h"

#include <fmt/format.h>

namespace millrace::client {
namespace {

// Who asks for a safe connection must not get another one (docs/decisions/0004-client-security.md).
Result<void> check_security(const Settings& settings) {
    std::string protocol = "PLAINTEXT";
    TRY_OK(settings.read("security.protocol", protocol));
    if (protocol == "PLAINTEXT") return {};
    return fail(
        ErrorCode::invalid_config,
        fmt::format("security.protocol={}: this client connects with PLAINTEXT only, as yet",
                    protocol));
}

}  // namespace

Result<ClientConfig> ClientConfig::from(const Settings& settings) {
    TRY_OK(check_security(settings));
    ClientConfig out;
    std::string servers;
    std::string controllers;
    TRY_OK(settings.read("bootstrap.servers", servers));
    TRY_OK(settings.read("bootstrap.controllers", controllers));
    if (!servers.empty() && !controllers.empty())
        return fail(ErrorCode::invalid_config,
                    "bootstrap.servers and bootstrap.controllers cannot both be set");
    out.controllers = !controllers.empty();
    if (out.controllers) servers = std::move(controllers);
    TRY(out.bootstrap_servers, parse_bootstrap_servers(servers));
    TRY_OK(settings.read("client.id", out.client_id));
    TRY_OK(settings.read("request.timeout.ms", out.request_timeout, 0));
    TRY_OK(settings.read("default.api.timeout.ms", out.default_api_timeout, 0));
    TRY_OK(settings.read("reconnect.backoff.ms", out.reconnect_backoff, 0));
    TRY_OK(settings.read("reconnect.backoff.max.ms", out.reconnect_backoff_max, 0));
    TRY_OK(settings.read("retry.backoff.ms", out.retry_backoff, 0));
    TRY_OK(settings.read("retry.backoff.max.ms", out.retry_backoff_max, 0));
    TRY_OK(settings.read("socket.connection.setup.timeout.ms", out.connection_setup_timeout, 0));
    TRY_OK(settings.read("connections.max.idle.ms", out.connections_max_idle, -1));
    TRY_OK(settings.read("metadata.max.age.ms", out.metadata_max_age, 0));
    TRY_OK(settings.read("metadata.max.idle.ms", out.metadata_max_idle, 5'000));
    TRY(const auto recovery,
        settings.read_choice("metadata.recovery.strategy", {"none", "rebootstrap"}));
    if (recovery) out.rebootstrap = *recovery == 1;
    TRY_OK(settings.read("metadata.recovery.rebootstrap.trigger.ms", out.rebootstrap_trigger, 0));
    TRY_OK(settings.read("allow.auto.create.topics", out.auto_create_topics));
    TRY_OK(settings.read("enable.metrics.push", out.metrics_push));
    return out;
}

Result<ClientConfig> ClientConfig::for_admin(const Settings& settings) {
    TRY(ClientConfig out, from(settings));
    if (!settings.find("enable.metrics.push")) out.metrics_push = false;
    return out;
}

}  // namespace millrace::client
