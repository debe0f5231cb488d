// `millrace configs`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/cluster/configs.h"
#include "cli/native.h"

namespace millrace::cli {
namespace {

using client::ResourceType;

const std::map<std::string, ResourceType> kTypes = {
    {"topic", ResourceType::topic},
    {"broker", ResourceType::broker},
    {"group", ResourceType::group},
    {"client-metrics", ResourceType::client_metrics},
    {"broker-logger", ResourceType::broker_logger}};

struct ConfigsOptions : ClusterOptions {
    ResourceType type = ResourceType::topic;
    std::vector<std::string> names;
    bool all = false;
    std::vector<std::string> set;
    std::vector<std::string> append;
    std::vector<std::string> remove;
};

std::string_view type_name(ResourceType type) {
    for (const auto& [name, one] : kTypes)
        if (one == type) return name;
    return "";
}

Result<int> describe(const Console& console, Session& session, const ConfigsOptions& options) {
    std::vector<std::string> names = options.names;
    if (names.empty()) {
        TRY(names, resource_names(session, options.type));
    }
    std::vector<client::Resource> resources;
    for (const std::string& name : names) resources.push_back({options.type, name});
    TRY(const auto found, session.wait(session.admin().describe_configs(std::move(resources))));
    Table table{{std::string{type_name(options.type)}, "name", "value", "source"}};
    std::vector<client::Outcome> outcomes;
    for (const client::ResourceConfigs& one : found) {
        outcomes.push_back({one.resource.name, one.error});
        for (const client::ConfigEntry& entry : one.entries) {
            constexpr int8_t kDefault = 5;
            if (!options.all && entry.source == kDefault) continue;
            table.add({one.resource.name, entry.name,
                       entry.sensitive ? Value{"(hidden)"}
                       : entry.value   ? Value{*entry.value}
                                       : Value{},
                       config_source_name(entry.source)});
        }
    }
    console.show(table);
    return tell_failures(console, outcomes);
}

Result<int> alter(const Console& console, Session& session, const ConfigsOptions& options) {
    using How = client::ConfigChange::How;
    std::vector<client::ConfigChange> changes;
    for (const auto& [texts, how] :
         {std::pair{&options.set, How::set}, {&options.append, How::append}})
        for (const std::string& text : *texts) {
            const size_t equals = text.find('=');
            if (equals == text.npos)
                return fail(ErrorCode::invalid_request,
                            fmt::format("{}: a setting is name=value", text));
            changes.push_back({text.substr(0, equals), how, text.substr(equals + 1)});
        }
    for (const std::string& name : options.remove) changes.push_back({name, How::remove, {}});
    if (changes.empty())
        return fail(ErrorCode::invalid_request,
                    "nothing to change: give --set, --append or --delete");
    Table table{{std::string{type_name(options.type)}, "result"}};
    std::vector<client::Outcome> outcomes;
    for (const std::string& name : options.names) {
        TRY(auto outcome, session.wait(session.admin().alter_configs({options.type, name}, changes,
                                                                     options.dry_run)));
        if (outcome.error.code == ErrorCode::none)
            table.add({name, options.dry_run ? "would be changed" : "changed"});
        outcomes.push_back(std::move(outcome));
    }
    if (table.size() != 0 || console.json) console.show(table);
    return tell_failures(console, outcomes);
}

}  // namespace

void add_configs_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("configs", "Settings of topics, brokers, groups");
    noun.require_subcommand(1);
    const auto about = [](CLI::App& verb, ConfigsOptions& o) {
        verb.add_option("TYPE", o.type, "topic, broker, group, client-metrics or broker-logger")
            ->required()
            ->transform(CLI::CheckedTransformer(kTypes));
        return verb.add_option("NAME", o.names, "Which of them");
    };
    auto o = std::make_shared<ConfigsOptions>();
    CLI::App& shown = add_verb(noun, native, "describe", "Show what is set", o, describe);
    about(shown, *o);
    shown.add_flag("--all", o->all, "Defaults, too");
    o = std::make_shared<ConfigsOptions>();
    CLI::App& changed = add_verb(noun, native, "alter", "Change settings", o, alter);
    about(changed, *o)->required();
    changed.add_option("--set", o->set, "name=value; may be given several times");
    changed.add_option("--append", o->append, "name=value, added to a list");
    changed.add_option("--delete", o->remove, "A name: back to the default");
    add_dry_run(changed, *o);
    changed.footer(
        "\nExample:\n  millrace configs alter topic orders -b localhost:9092 "
        "--set retention.ms=86400000\n");
}

}  // namespace millrace::cli
