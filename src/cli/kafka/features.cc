// kafka-features: the feature levels of a cluster.
#include "metadata/features.h"
#include "cli/format/feature_levels.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/feature_tables.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/tool_session.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;

constexpr Flag kBefore[] = {
    {"bootstrap-server", "", one, false, 1, "Brokers of the cluster."},
    {"bootstrap-controller", "", one, false, 1, "Its controllers."},
    {"command-config", "", one, false, 0, "A file with client properties."},
};
constexpr Flag kDryRun{"dry-run", "", nothing, false, 0, "Only check."};
constexpr Flag kFeature{"feature", "", many, false, 0, "name=level; may be repeated."};
constexpr Flag kRelease{"release-version", "", one, false, 0, "All levels of that release."};
constexpr Flag kMetadata{"metadata", "", one, false, 0, "metadata.version (deprecated)."};
constexpr Flag kUnsafe{"unsafe", "", nothing, false, 0, "Even where metadata is lost."};
constexpr Flag kUpgradeFlags[] = {kMetadata, kFeature, kDryRun, kRelease};
constexpr Flag kDowngradeFlags[] = {kMetadata, kFeature, kUnsafe, kDryRun, kRelease};
constexpr Flag kDisableFlags[] = {kFeature, kUnsafe, kDryRun};
constexpr Command kCommands[] = {
    {"describe", "The levels that are supported and in use.", {}},
    {"upgrade", "Raise levels.", kUpgradeFlags},
    {"downgrade", "Lower levels.", kDowngradeFlags},
    {"disable", "Set levels to 0.", kDisableFlags},
    {"version-mapping", "Feature levels of a release.", kMappingFlags},
    {"feature-dependencies", "What levels rely on.", kDependencyFlags},
};

std::string level_text(std::string_view feature, int16_t level) {
    if (feature == metadata::kMetadataVersion)
        if (const auto name = metadata::metadata_version_name(level)) return std::string{*name};
    return fmt::to_string(level);
}

Result<int> describe(const Console& console, Session& session) {
    TRY(const auto said, session.wait(session.admin().describe_features()));
    const std::string epoch = said.epoch < 0 ? std::string{"-"} : fmt::to_string(said.epoch);
    for (const auto& [name, feature] : said.features)
        console.line(
            fmt::format("Feature: {:<42}SupportedMinVersion: {:<17}SupportedMaxVersion: {:<17}"
                        "FinalizedVersionLevel: {:<17}Epoch: {}",
                        name, level_text(name, feature.min), level_text(name, feature.max),
                        level_text(name, feature.level), epoch));
    return kDone;
}

struct Wanted {
    std::map<std::string, int16_t> levels;
};

Result<Wanted> read_wanted(const Console& console, const ParsedCommand& parsed) {
    const FlagValues& flags = parsed.flags;
    const bool disables = parsed.command->name == "disable";
    Wanted out;
    if (const auto text = flags.value("release-version")) {
        if (flags.has("metadata") || flags.has("feature"))
            return fail(ErrorCode::invalid_request,
                        "Can not specify `release-version` with other feature flags.");
        TRY(const ReleaseVersion release, parse_release(*text, false));
        out.levels[std::string{metadata::kMetadataVersion}] = release.level;
        for (const auto& [name, level] : levels_of_release(release.level))
            out.levels[std::string{name}] = level;
        return out;
    }
    if (const auto text = flags.value("metadata")) {
        console.line(" `metadata` flag is deprecated and may be removed in a future release.");
        TRY(const ReleaseVersion release, parse_release(*text, false));
        out.levels[std::string{metadata::kMetadataVersion}] = release.level;
    }
    for (const std::string& text : flags.values("feature")) {
        if (disables) {
            out.levels[text] = 0;
            continue;
        }
        TRY(const FeatureLevel level, parse_feature_level(text));
        out.levels[level.name] = level.level;
    }
    if (out.levels.empty())
        return fail(
            ErrorCode::invalid_request,
            fmt::format("You must specify at least one feature to {}", parsed.command->name));
    return out;
}

Result<int> update(const Console& console, Session& session, const ParsedCommand& parsed) {
    TRY(const Wanted wanted, read_wanted(console, parsed));
    const std::string_view action = parsed.command->name;
    const bool dry = parsed.flags.has("dry-run");
    using enum client::FeatureChangeType;
    const auto type = action == "upgrade"          ? upgrade
                      : parsed.flags.has("unsafe") ? unsafe_downgrade
                                                   : safe_downgrade;
    std::vector<client::FeatureChange> changes;
    for (const auto& [name, level] : wanted.levels) changes.push_back({name, level, type});
    TRY(const auto outcomes,
        session.wait(session.admin().update_features(std::move(changes), dry)));
    std::map<std::string, Error> errors;
    for (const client::Outcome& outcome : outcomes) errors[outcome.name] = outcome.error;
    size_t failures = 0;
    for (const auto& [name, level] : wanted.levels) {
        const Error& error = errors[name];
        const bool failed = error.code != ErrorCode::none;
        failures += failed;
        const std::string_view done = action == "upgrade"     ? "upgraded"
                                      : action == "downgrade" ? "downgraded"
                                                              : "disabled";
        const std::string target = action == "disable" ? "" : fmt::format(" to {}", level);
        if (failed)
            console.line(fmt::format("{} {} {}{}. {}", dry ? "Can not" : "Could not", action, name,
                                     target, sentence(error)));
        else
            console.line(fmt::format("{} {} {}{}.", name, dry ? "can be" : "was", done, target));
    }
    if (failures == 0) return kDone;
    std::fflush(console.out);
    console.error_line(
        fmt::format("{} out of {} operation(s) failed.", failures, wanted.levels.size()));
    return kFailed;
}

Result<int> act(const Console& console, const ParsedCommand& parsed) {
    TRY(const auto session,
        open_session(parsed.before, parsed.before.value("command-config").value_or("")));
    return parsed.command->name == "describe" ? describe(console, *session)
                                              : update(console, *session, parsed);
}

}  // namespace

int features(const Console& console, const Words& words) {
    int status = kDone;
    const auto parsed = parse_command(console, "kafka-features", kBefore, kCommands, words, status);
    if (!parsed) return status;
    if (parsed->command->name == "version-mapping")
        return print_version_mapping(console, parsed->flags);
    if (parsed->command->name == "feature-dependencies")
        return print_feature_dependencies(console, parsed->flags);
    if (!parsed->before.has("bootstrap-server") && !parsed->before.has("bootstrap-controller")) {
        console.error_line(
            "kafka-features: error: one of the arguments --bootstrap-server "
            "--bootstrap-controller is required");
        return kFailed;
    }
    const auto done = act(console, *parsed);
    return done ? *done : tell(console, done.error());
}

}  // namespace millrace::cli::kafka
