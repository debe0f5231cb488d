#include "streams/app/client_configs.h"

#include "streams/errors.h"

namespace millrace::streams {
namespace {

constexpr std::string_view kPrefixes[] = {"consumer.",        "main.consumer.", "restore.consumer.",
                                          "global.consumer.", "producer.",      "admin.",
                                          "topic.",           "client.tag."};

bool has_prefix(std::string_view name) {
    for (const std::string_view prefix : kPrefixes)
        if (name.starts_with(prefix)) return true;
    return false;
}

// What has no prefix, then each prefix's over it.
client::Settings settings_for(const StreamsConfig& config, const std::string& name,
                              std::initializer_list<std::string_view> prefixes) {
    client::Settings settings{{"bootstrap.servers", config.bootstrap_servers}, {"client.id", name}};
    for (const auto& [key, value] : config.client_properties)
        if (!has_prefix(key)) settings.set(key, value);
    for (const std::string_view prefix : prefixes)
        for (const auto& [key, value] : config.client_properties)
            if (key.starts_with(prefix)) settings.set(key.substr(prefix.size()), value);
    return settings;
}

template <typename T>
T checked(Result<T> config) {
    if (!config) throw ConfigException(config.error().message);
    return *std::move(config);
}

}  // namespace

client::ConsumerConfig main_consumer_config(const StreamsConfig& config, const std::string& name) {
    client::Settings settings = settings_for(config, name, {"consumer.", "main.consumer."});
    settings.set("group.id", config.application_id);
    settings.set_default("auto.offset.reset", "earliest");
    settings.set_default("max.poll.records", "1000");
    settings.set("enable.auto.commit", "false");
    settings.set("allow.auto.create.topics", "false");
    if (config.exactly_once) settings.set("isolation.level", "read_committed");
    return checked(client::ConsumerConfig::from(settings));
}

client::ConsumerConfig restore_consumer_config(const StreamsConfig& config,
                                               const std::string& name) {
    client::Settings settings = settings_for(config, name, {"consumer.", "restore.consumer."});
    settings.set("auto.offset.reset", "none");
    settings.set_default("max.poll.records", "10000");
    settings.set("enable.auto.commit", "false");
    settings.set("allow.auto.create.topics", "false");
    if (config.exactly_once) settings.set("isolation.level", "read_committed");
    return checked(client::ConsumerConfig::from(settings));
}

client::ConsumerConfig global_consumer_config(const StreamsConfig& config,
                                              const std::string& name) {
    client::Settings settings = settings_for(config, name, {"consumer.", "global.consumer."});
    settings.set("auto.offset.reset", "none");
    settings.set("enable.auto.commit", "false");
    settings.set("allow.auto.create.topics", "false");
    if (config.exactly_once) settings.set("isolation.level", "read_committed");
    return checked(client::ConsumerConfig::from(settings));
}

client::ProducerConfig producer_config(const StreamsConfig& config, const std::string& name,
                                       const std::string& transactional_id) {
    client::Settings settings = settings_for(config, name, {"producer."});
    settings.set_default("linger.ms", "100");
    if (!transactional_id.empty()) {
        settings.set("transactional.id", transactional_id);
        settings.set("enable.idempotence", "true");
        settings.set_default("transaction.timeout.ms", "10000");
        settings.set("delivery.timeout.ms", "2147483647");
    }
    return checked(client::ProducerConfig::from(settings));
}

client::ClientConfig admin_config(const StreamsConfig& config, const std::string& name) {
    return checked(client::ClientConfig::from(settings_for(config, name, {"admin."})));
}

}  // namespace millrace::streams
