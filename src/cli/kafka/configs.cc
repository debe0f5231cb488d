// kafka-configs: shows and changes settings of topics, brokers, groups, and quotas.
#include "cli/cluster/configs.h"

#include <arpa/inet.h>

#include <charconv>

#include "cli/kafka/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"
#include "config/properties.h"
#include "protocol/json.h"

namespace millrace::cli::kafka {
namespace {

using client::ResourceType;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    {"bootstrap-controller", Takes::value, "host:port,...", "Controllers instead of brokers."},
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

struct EntityKind {
    std::string_view plural;
    std::string_view flag;      // --topic
    std::string_view defaults;  // --broker-defaults
    std::optional<ResourceType> resource;
    std::string_view quota;  // its type in quotas
};
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

struct Entity {
    const EntityKind* kind = nullptr;
    std::optional<std::string> name;  // "" = the default; nothing: all of them
    std::string_view singular() const { return kind->plural.substr(0, kind->plural.size() - 1); }
};

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

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

std::string java_double(double value) {
    protocol::JsonWriter out(0, protocol::Secrets::shown);
    out.number(value);
    return out.take();
}

std::string_view quota_title(std::string_view type) {
    return type == "user" ? "user-principal" : type;
}

Result<void> describe_quotas(const Console& console, Session& session,
                             const std::vector<Entity>& entities) {
    client::QuotaFilter filter;
    for (const Entity& entity : entities) {
        using enum client::QuotaFilter::Match;
        filter.parts.push_back({std::string{entity.kind->quota},
                                !entity.name           ? any
                                : entity.name->empty() ? unnamed
                                                       : exact,
                                entity.name.value_or("")});
    }
    TRY(const auto found, session.wait(session.admin().describe_quotas(std::move(filter))));
    for (const client::Quotas& quotas : found) {
        std::string title;
        for (const std::string_view type : {"user", "client-id", "ip"})
            for (const auto& [kind, name] : quotas.entity.parts)
                if (kind == type)
                    title += fmt::format("{}{}", title.empty() ? "" : ", ",
                                         name ? fmt::format("{} '{}'", quota_title(type), *name)
                                              : fmt::format("the default {}", quota_title(type)));
        std::string values;
        for (const auto& [key, value] : quotas.values)
            values += fmt::format("{}{}={}", values.empty() ? "" : ", ", key, java_double(value));
        console.line(fmt::format("Quota configs for {} are {}", title, values));
    }
    return {};
}

Result<void> alter_quotas(Session& session, const std::vector<Entity>& entities,
                          const std::vector<client::ConfigChange>& changes) {
    client::QuotaEntity entity;
    for (const Entity& one : entities)
        entity.parts.emplace_back(std::string{one.kind->quota},
                                  one.name->empty() ? std::nullopt : one.name);
    constexpr std::string_view kKeys[] = {"producer_byte_rate", "consumer_byte_rate",
                                          "request_percentage", "controller_mutation_rate",
                                          "connection_creation_rate"};
    std::vector<client::QuotaChange> wanted;
    for (const client::ConfigChange& change : changes) {
        const bool removes = change.how == client::ConfigChange::How::remove;
        if (std::ranges::find(kKeys, std::string_view{change.name}) == std::end(kKeys)) {
            if (change.name.starts_with("SCRAM-SHA-"))
                return refused("SCRAM credentials cannot be changed with this tool yet.");
            return refused(
                fmt::format("Only quota configs can be {} for '{}' using "
                            "--bootstrap-server. Unexpected config names: {}({})",
                            removes ? "deleted" : "added", entities[0].kind->plural,
                            removes ? "ArrayBuffer" : "Set", change.name));
        }
        double value = 0;
        const char* end = change.value.data() + change.value.size();
        const auto [stop, error] = std::from_chars(change.value.data(), end, value);
        if (!removes && (error != std::errc{} || stop != end))
            return refused(fmt::format("Cannot parse quota configuration value for {}: {}",
                                       change.name, change.value));
        wanted.push_back({change.name, removes ? std::nullopt : std::optional{value}});
    }
    return session.wait(session.admin().alter_quotas(std::move(entity), std::move(wanted)));
}

Result<void> act(const Console& console, const Arguments& arguments,
                 const std::vector<Entity>& entities) {
    TRY(const auto session, open_session(arguments));
    const Entity& head = entities[0];
    if (arguments.has("describe"))
        return head.kind->resource
                   ? describe_resource(console, *session, head, arguments.has("all"))
                   : describe_quotas(console, *session, entities);
    TRY(auto changes, read_changes(arguments));
    if (head.kind->resource) {
        TRY(const auto outcome, session->wait(session->admin().alter_configs(
                                    {*head.kind->resource, *head.name}, std::move(changes))));
        if (outcome.error.code != ErrorCode::none) return outcome.error;
    } else {
        TRY_OK(alter_quotas(*session, entities, changes));
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
    if (arguments->has("bootstrap-controller"))
        return failed("--bootstrap-controller is not served yet: use --bootstrap-server.");
    if (!arguments->has("bootstrap-server"))
        return failed("Either --bootstrap-server or --bootstrap-controller must be specified.");
    const auto entities = read_entities(*arguments);
    if (!entities) return failed(entities.error().message);
    if (const auto sound = check(*arguments, *entities); !sound)
        return failed(sound.error().message);
    const auto done = act(console, *arguments, *entities);
    if (done) return kDone;
    if (done.code() != ErrorCode::invalid_request || !done.error().message.contains("onfig"))
        (void)failed(fmt::format("Error while executing config command with args '{}'",
                                 fmt::join(words, " ")));
    return failed(sentence(done.error()));
}

}  // namespace millrace::cli::kafka
