// What producer, consumer and admin have in common: which cluster, and how patient to be with it.
// Kafka: CommonClientConfigs.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "client/address.h"
#include "client/settings.h"

namespace millrace::client {

struct ClientConfig {
    using ms = std::chrono::milliseconds;

    std::vector<Address> bootstrap_servers;
    // bootstrap.controllers instead (KIP-919): the addresses are of controllers, and so are the
    // nodes that this client knows. For administration only, of what controllers serve.
    bool controllers = false;
    std::string client_id = "millrace";
    // One request; afterwards its connection is given up.
    ms request_timeout{30'000};
    // One operation with all its attempts (admin, and consumer calls that wait).
    ms default_api_timeout{60'000};
    // Between connections to the same broker; doubles up to the maximum with each failure.
    ms reconnect_backoff{50};
    ms reconnect_backoff_max{1'000};
    // Between attempts of the same request; doubles likewise.
    ms retry_backoff{100};
    ms retry_backoff_max{1'000};
    ms connection_setup_timeout{10'000};
    ms connections_max_idle{540'000};
    ms metadata_max_age{300'000};
    // After so long without use a topic is left out of the metadata.
    ms metadata_max_idle{300'000};
    // metadata.recovery.strategy=rebootstrap (KIP-899, KIP-1102): when none of the brokers could be
    // asked for this long, the bootstrap addresses are tried again.
    bool rebootstrap = true;
    ms rebootstrap_trigger{300'000};
    // Whether asking for a topic that does not exist may create it, if the broker does so at all.
    bool auto_create_topics = true;
    // enable.metrics.push: whether the cluster is sent the metrics that its operator asks for
    // (telemetry/telemetry.h).
    bool metrics_push = true;

    // With the defaults above for what is not set. invalid_config; bootstrap.servers or
    // bootstrap.controllers must be set.
    static Result<ClientConfig> from(const Settings& settings);
    // For an administrator, who is asked for no metrics unless enable.metrics.push=true.
    static Result<ClientConfig> for_admin(const Settings& settings);
};

}  // namespace millrace::client
