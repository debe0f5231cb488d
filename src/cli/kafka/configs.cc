// kafka-configs: shows and changes settings of topics, brokers, groups, and quotas.
#include "cli/cluster/configs.h"

#include <arpa/inet.h>

#include <charconv>

#include "cli/kafka/config_entities.h"
#include "cli/kafka/exceptions.h"
#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"
#include "config/properties.h"

namespace millrace::cli::kafka {
namespace {

using client::ResourceType;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kBootstrapController,
    kCommandConfig,
    {"describe", Takes::nothing, "", "Show settings."},
    {"alter", Takes::nothing, "", "Change settings."},
    {"all", Takes::nothing, "", "Show all settings, not only those that differ."},
    {"entity-type", Takes::value, "type", "topics, brokers, groups, users, clients, ips ..."},
    {"entity-name", Takes::value, "name", "Which of them."},
    {"entity-default", Takes::nothing, "", "The default of that type."},
    {"add-config", Takes::value, "name=value,...", "Settings to make; [a,b] is one value."},
    {"add-config-file", Takes::value, "file", "Settings to make, from a properties file."},
    {"delete-config", Takes::value, "name,...", "Settings to remove."},
    {"force", Takes::nothing, "", "Of no effect."},
    {"topic", Takes::value, "name", "The topic."},
    {"client", Takes::value, "id", "The client id."},
    {"client-defaults", Takes::nothing, "", "The default of client ids."},
    {"user", Takes::value, "name", "The user."},
    {"user-defaults", Takes::nothing, "", "The default of users."},
    {"broker", Takes::value, "id", "The broker."},
    {"broker-defaults", Takes::nothing, "", "The default of brokers."},
    {"broker-logger", Takes::value, "id", "The broker whose log levels are meant."},
    {"ip", Takes::value, "address", "The address."},
    {"ip-defaults", Takes::nothing, "", "The default of addresses."},
    {"client-metrics", Takes::value, "name", "The subscription of client metrics."},
    {"group", Takes::value, "id", "The group."},
    kHelp,
    kVersion,
});

constexpr auto kKinds = std::to_array<EntityKind>({
    {"topics", "topic", "", ResourceType::topic, ""},
    {"clients", "client", "client-defaults", {}, "client-id"},
    {"users", "user", "user-defaults", {}, "user"},
    {"brokers", "broker", "broker-defaults", ResourceType::broker, ""},
    {"ips", "ip", "ip-defaults", {}, "ip"},
    {"client-metrics", "client-metrics", "", ResourceType::client_metrics, ""},
    {"groups", "group", "", ResourceType::group, ""},
    {"broker-loggers", "broker-logger", "", ResourceType::broker_logger, ""},
});

// The entities in the order of the words: a type with the name or default that follows.
Result<std::vector<Entity>> read_entities(const Arguments& arguments) {
    std::vector<Entity> out;
    const bool general = arguments.has("entity-default") || arguments.has("entity-type") ||
                         arguments.has("entity-name");
    for (const EntityKind& kind : kKinds)
        if (general &&
            (arguments.has(kind.flag) || (!kind.defaults.empty() && arguments.has(kind.defaults))))
            return refused(
                "--entity-{type,name,default} should not be used in conjunction with "
                "specific entity flags");
    for (const std::string& type : arguments.values("entity-type")) {
        const auto kind = std::ranges::find(kKinds, std::string_view{type}, &EntityKind::plural);
        if (kind == kKinds.end()) {
            std::string all;
            for (const EntityKind& k : kKinds)
                all += fmt::format("{}{}", all.empty() ? "" : ", ", k.plural);
            return refused(
                fmt::format("Invalid entity type {}, the entity type must be one of {} "
                            "with a --bootstrap-server or --bootstrap-controller "
                            "argument",
                            type, all));
        }
        out.push_back({&*kind, {}});
    }
    // Names and defaults belong to the types in the order in which they were said.
    size_t next = 0;
    for (const auto& [option, value] : arguments.said()) {
        if (option != "entity-name" && option != "entity-default") continue;
        if (next < out.size()) out[next++].name = option == "entity-name" ? value : "";
    }
    for (const EntityKind& kind : kKinds) {
        for (const std::string& name : arguments.values(kind.flag)) out.push_back({&kind, name});
        if (!kind.defaults.empty() && arguments.has(kind.defaults)) out.push_back({&kind, ""});
    }
    return out;
}

Result<void> check_names(const std::vector<Entity>& entities) {
    for (const Entity& entity : entities) {
        if (!entity.name || entity.name->empty()) continue;
        const std::string_view type = entity.kind->plural;
        if (type == "brokers" || type == "broker-loggers") {
            int32_t id = 0;
            const char* end = entity.name->data() + entity.name->size();
            const auto [stop, error] = std::from_chars(entity.name->data(), end, id);
            if (error != std::errc{} || stop != end)
                return refused(fmt::format(
                    "The entity name for {} must be a valid integer broker id, but it is: {}", type,
                    *entity.name));
        }
        uint8_t address[16];
        if (type == "ips" && inet_pton(AF_INET, entity.name->c_str(), address) != 1 &&
            inet_pton(AF_INET6, entity.name->c_str(), address) != 1)
            return refused(fmt::format(
                "The entity name for {} must be a valid IP or resolvable host, but it is: {}", type,
                *entity.name));
    }
    return {};
}

Result<void> check(const Arguments& arguments, const std::vector<Entity>& entities) {
    if (entities.empty()) return refused("At least one entity type must be specified");
    if (entities.size() > 1)
        for (const Entity& entity : entities)
            if (entity.kind->plural != "users" && entity.kind->plural != "clients")
                return refused("Only 'users' and 'clients' entity types may be specified together");
    TRY_OK(check_names(entities));
    if (!arguments.has("alter")) return {};
    for (const Entity& entity : entities)
        if (!entity.name)
            return refused(fmt::format("An entity name must be specified with --alter of {}",
                                       fmt::join(std::vector{entities[0].kind->plural}, ",")));
    if (!arguments.has("add-config") && !arguments.has("add-config-file") &&
        !arguments.has("delete-config"))
        return refused(
            "At least one of --add-config, --add-config-file, or --delete-config must be specified "
            "with --alter");
    return {};
}

Result<std::vector<client::ConfigChange>> read_changes(const Arguments& arguments) {
    std::vector<client::ConfigChange> out;
    TRY(const auto file, arguments.value("add-config-file"));
    if (file) {
        LocalDisk local;
        TRY(const std::string text, local.read_all(*file, 1 << 20));
        TRY(const auto properties, config::parse_properties(text));
        for (const auto& property : properties)
            out.push_back({.name = property.name, .value = property.value});
    }
    for (const std::string& text : arguments.values("add-config")) {
        TRY(const auto more, parse_settings(text));
        out.insert(out.end(), more.begin(), more.end());
    }
    for (const std::string& text : arguments.values("delete-config"))
        for (std::string_view rest = text; !rest.empty();) {
            const size_t comma = rest.find(',');
            std::string_view name = rest.substr(0, comma);
            rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
            while (name.starts_with(' ')) name.remove_prefix(1);
            out.push_back({.name = std::string{name}, .how = client::ConfigChange::How::remove});
        }
    return out;
}

std::string entry_line(const client::ConfigEntry& entry) {
    std::string synonyms;
    for (const client::ConfigSynonym& synonym : entry.synonyms)
        synonyms += fmt::format("{}{}:{}={}", synonyms.empty() ? "" : ", ",
                                config_source_name(synonym.source), synonym.name,
                                synonym.value.value_or("null"));
    return fmt::format("  {}={} sensitive={} synonyms={{{}}}", entry.name,
                       entry.value.value_or("null"), entry.sensitive, synonyms);
}

Result<void> describe_resource(const Console& console, Session& session, const Entity& entity,
                               bool all) {
    const ResourceType type = *entity.kind->resource;
    std::vector<std::string> names;
    if (entity.name) {
        names.push_back(*entity.name);
    } else {
        TRY(names, resource_names(session, type));
        if (type == ResourceType::topic || type == ResourceType::group)
            names = java_ordered(std::move(names));
        if (type == ResourceType::broker) names.emplace_back();
    }
    for (const std::string& name : names) {
        const bool is_default = name.empty();
        if (!is_default && entity.name) {
            TRY(const auto known, resource_names(session, type));
            if (std::ranges::find(known, name) == known.end()) {
                console.line(
                    fmt::format("The {} '{}' doesn't exist and doesn't have dynamic config.",
                                entity.singular(), name));
                continue;
            }
        }
        if (is_default)
            console.line(
                fmt::format("Default configs for {} in the cluster are:", entity.kind->plural));
        else
            console.line(fmt::format("{} configs for {} {} are:", all ? "All" : "Dynamic",
                                     entity.singular(), name));
        TRY(auto configs, session.wait(session.admin().describe_configs({{type, name}}, true)));
        if (configs[0].error.code != ErrorCode::none) return configs[0].error;
        std::ranges::sort(configs[0].entries, {}, &client::ConfigEntry::name);
        const bool logger = type == ResourceType::broker_logger;
        for (const client::ConfigEntry& entry : configs[0].entries)
            if (all || logger || entry.source == own_source(type, is_default))
                console.line(entry_line(entry));
    }
    return {};
}

Result<void> act(const Console& console, const Arguments& arguments,
                 const std::vector<Entity>& entities) {
    TRY(const auto session, open_session(arguments));
    const Entity& head = entities[0];
    if (arguments.has("describe")) {
        if (head.kind->resource)
            return describe_resource(console, *session, head, arguments.has("all"));
        return describe_accounts(console, *session, entities);
    }
    TRY(auto changes, read_changes(arguments));
    if (head.kind->resource) {
        TRY(const auto outcome, session->wait(session->admin().alter_configs(
                                    {*head.kind->resource, *head.name}, std::move(changes))));
        if (outcome.error.code != ErrorCode::none) return outcome.error;
    } else {
        TRY_OK(alter_accounts(*session, entities, changes));
    }
    console.line(
        head.name->empty()
            ? fmt::format("Completed updating default config for {} in the cluster.",
                          head.kind->plural)
            : fmt::format("Completed updating config for {} {}.", head.singular(), *head.name));
    return {};
}

}  // namespace

int configs(const Console& console, const Words& words) {
    const auto failed = [&](const std::string& text) {
        std::fflush(console.out);
        console.error_line(text);
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error().message);
    if (const auto ended = help_or_version(
            console, words, *arguments,
            "Shows and changes settings of topics, brokers, groups, and quotas.", kOptions))
        return *ended;
    if (arguments->has("describe") == arguments->has("alter"))
        return misused(console, "Command must include exactly one action: --describe, --alter",
                       kOptions);
    for (const auto name : {"add-config", "add-config-file", "delete-config"})
        if (const auto said = clash(*arguments, "describe", {name}))
            return misused(console, *said, kOptions);
    if (arguments->has("bootstrap-controller") && arguments->has("bootstrap-server"))
        return failed("Only one of --bootstrap-server or --bootstrap-controller can be specified.");
    if (!arguments->has("bootstrap-server") && !arguments->has("bootstrap-controller"))
        return failed("Either --bootstrap-server or --bootstrap-controller must be specified.");
    const auto entities = read_entities(*arguments);
    if (!entities) return failed(entities.error().message);
    if (const auto sound = check(*arguments, *entities); !sound)
        return failed(sound.error().message);
    const auto done = act(console, *arguments, *entities);
    if (done) return kDone;
    const std::string& why = done.error().message;
    const bool of_words = why.contains("onfig") || why.contains("redential") ||
                          why.starts_with("Iterations ") || why.starts_with("For input string");
    if (done.code() != ErrorCode::invalid_request || !of_words)
        (void)failed(fmt::format("Error while executing config command with args '{}'",
                                 fmt::join(words, " ")));
    return failed(java_sentence(done.error()));
}

}  // namespace millrace::cli::kafka
