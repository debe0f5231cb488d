// kafka-client-metrics: which metrics clients are asked to send, and which clients.
#include <charconv>

#include "cli/cluster/configs.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"

namespace millrace::cli::kafka {
namespace {

using client::ConfigChange;
constexpr auto kType = client::ResourceType::client_metrics;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"list", Takes::nothing, "", "The names of what is set up."},
    {"describe", Takes::nothing, "", "What is set up, all of it or what --name says."},
    {"alter", Takes::nothing, "", "Set up, or change."},
    {"delete", Takes::nothing, "", "Give up what --name says."},
    {"name", Takes::value, "name", "Which."},
    {"generate-name", Takes::nothing, "", "A new name."},
    {"metrics", Takes::value, "prefix,...", "Beginnings of names of metrics; \"\" for none."},
    {"interval", Takes::value, "ms", "Between two sendings; \"\" for the default."},
    {"match", Takes::value, "name=pattern,...", "Clients that all of these fit; \"\" for all."},
    kHelp,
    kVersion,
});

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

Result<std::vector<ConfigChange>> read_changes(const Arguments& arguments) {
    constexpr std::pair<std::string_view, std::string_view> kSettings[] = {
        {"interval", "interval.ms"}, {"metrics", "metrics"}, {"match", "match"}};
    std::vector<ConfigChange> out;
    for (const auto& [option, name] : kSettings) {
        if (!arguments.has(option)) continue;
        const std::string value = fmt::format("{}", fmt::join(arguments.values(option), ","));
        int32_t n = 0;
        const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), n);
        if (option == "interval" && !value.empty() &&
            (error != std::errc{} || stop != value.data() + value.size()))
            return refused("Invalid interval value. Enter an integer, or leave empty to reset.");
        out.push_back({std::string{name},
                       value.empty() ? ConfigChange::How::remove : ConfigChange::How::set, value});
    }
    return out;
}

Result<void> change(Session& session, const std::string& name, std::vector<ConfigChange> changes) {
    TRY(const auto outcome,
        session.wait(session.admin().alter_configs({kType, name}, std::move(changes))));
    if (outcome.error.code != ErrorCode::none) return outcome.error;
    return {};
}

Result<void> alter(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto said, arguments.value("name"));
    TRY(auto changes, read_changes(arguments));
    std::string name = said.value_or("");
    if (!said) {
        LocalDisk local;
        name = Uuid::random(local.rng()).to_string();
    }
    TRY_OK(change(session, name, std::move(changes)));
    console.line(fmt::format("Altered client metrics config for {}.", name));
    return {};
}

Result<std::vector<client::ConfigEntry>> entries_of(Session& session, const std::string& name) {
    TRY(auto found, session.wait(session.admin().describe_configs({{kType, name}})));
    if (found[0].error.code != ErrorCode::none) return found[0].error;
    std::ranges::sort(found[0].entries, {}, &client::ConfigEntry::name);
    return std::move(found[0].entries);
}

Result<void> remove(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto name, arguments.value("name"));
    TRY(const auto entries, entries_of(session, *name));
    std::vector<ConfigChange> changes;
    for (const client::ConfigEntry& entry : entries)
        if (entry.source == own_source(kType, false))
            changes.push_back({entry.name, ConfigChange::How::remove, ""});
    TRY_OK(change(session, *name, std::move(changes)));
    console.line(fmt::format("Deleted client metrics config for {}.", *name));
    return {};
}

Result<void> describe(const Console& console, Session& session, const Arguments& arguments) {
    TRY(const auto said, arguments.value("name"));
    TRY(auto names, resource_names(session, kType));
    if (said) {
        if (std::ranges::find(names, *said) == names.end()) {
            console.line(fmt::format(
                "The client metric resource {} doesn't exist and doesn't have dynamic config.",
                *said));
            return {};
        }
        names = {*said};
    }
    for (const std::string& name : names) {
        TRY(const auto entries, entries_of(session, name));
        console.line(fmt::format("Client metrics configs for {} are:", name));
        for (const client::ConfigEntry& entry : entries)
            console.line(fmt::format("  {}={}", entry.name, entry.value.value_or("null")));
    }
    return {};
}

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY(const auto session, open_session(arguments));
    if (arguments.has("alter")) return alter(console, *session, arguments);
    if (arguments.has("delete")) return remove(console, *session, arguments);
    if (arguments.has("describe")) return describe(console, *session, arguments);
    TRY(const auto names, resource_names(*session, kType));
    console.line(fmt::format("{}", fmt::join(names, "\n")));
    return {};
}

// What is wrong with the command line before a cluster is asked, without the table of options.
std::optional<std::string> mistake(const Arguments& arguments) {
    if (!arguments.has("bootstrap-server")) return "--bootstrap-server must be specified.";
    if (arguments.has("alter")) {
        if (arguments.has("name") == arguments.has("generate-name"))
            return "One of --name or --generate-name must be specified with --alter.";
        const auto changes = read_changes(arguments);
        if (!changes) return changes.error().message;
    }
    if (arguments.has("delete") && !arguments.has("name"))
        return "A client metrics resource name must be specified with --delete.";
    return std::nullopt;
}

}  // namespace

int client_metrics(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return misused(console, arguments.error().message, kOptions);
    if (const auto ended = help_or_version(console, words, *arguments,
                                           "Which metrics clients are asked to send.", kOptions))
        return *ended;
    int actions = 0;
    for (const auto name : {"alter", "delete", "describe", "list"}) actions += arguments->has(name);
    if (actions != 1)
        return misused(console,
                       "Command must include exactly one action: --alter, --delete, --describe or "
                       "--list.",
                       kOptions);
    for (const auto& said :
         {clash(*arguments, "list", {"name", "generate-name", "metrics", "interval", "match"}),
          clash(*arguments, "describe", {"generate-name", "metrics", "interval", "match"}),
          clash(*arguments, "delete", {"generate-name", "metrics", "interval", "match"})})
        if (said) return misused(console, *said, kOptions);
    if (const auto why = mistake(*arguments)) {
        console.error_line(*why);
        return kFailed;
    }
    const auto done = act(console, *arguments);
    if (done) return kDone;
    console.line(fmt::format("Error while executing client metrics command : {}",
                             java_sentence(done.error())));
    std::fflush(console.out);
    console.error_line(java_exception(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
