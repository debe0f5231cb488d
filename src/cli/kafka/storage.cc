// kafka-storage: formats the directories of a node, and tells about them and about features.
#include "base/uuid.h"
#include "cli/format/feature_levels.h"
#include "cli/format/format_node.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/feature_tables.h"
#include "cli/kafka/storage_arguments.h"
#include "cli/kafka/tool.h"
#include "metadata/features.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;

constexpr Flag kConfig{"config", "c", one, true, 0, "The node's server.properties."};
constexpr auto kInfoFlags = std::to_array<Flag>({kConfig});
constexpr auto kFormatFlags = std::to_array<Flag>({
    {"cluster-id", "t", one, true, 0, "The id of the cluster that the node belongs to."},
    kConfig,
    {"add-scram", "S", many, false, 0, "A SCRAM credential to begin with."},
    {"ignore-formatted", "g", nothing, false, 0, "Leave directories alone that are formatted."},
    {"release-version", "r", one, false, 0, "The release whose features the cluster begins with."},
    {"feature", "f", many, false, 0, "name=level, other than the release's."},
    {"standalone", "s", nothing, false, 1, "This node is the one voter of its quorum."},
    {"no-initial-controllers", "N", nothing, false, 1, "The quorum's voters are elsewhere."},
    {"initial-controllers", "I", one, false, 1, "The quorum's voters: id@host:port:directory,..."},
});
std::string_view describe(DirectoryRole role) {
    switch (role) {
        case DirectoryRole::data:
            return "data directory";
        case DirectoryRole::metadata:
            return "metadata directory";
        case DirectoryRole::voting_metadata:
            return "dynamic metadata voter directory";
    }
    return "";
}

Result<void> check_voters(const config::BrokerConfig& config, const FlagValues& flags) {
    const auto refuse = [](std::string why) {
        return fail(ErrorCode::invalid_request, std::move(why));
    };
    const std::vector<std::string> roles = config.list("process.roles");
    const bool controls = std::ranges::find(roles, "controller") != roles.end();
    const bool fixed_voters = !config.list("controller.quorum.voters").empty();
    if (fixed_voters && (flags.has("standalone") || flags.has("initial-controllers")))
        return refuse(
            "You cannot specify controller.quorum.voters and format the node with "
            "--initial-controllers or --standalone. If you want to use dynamic quorum, please "
            "remove controller.quorum.voters and specify controller.quorum.bootstrap.servers "
            "instead.");
    if (flags.has("standalone") && !controls)
        return refuse("You can only use --standalone on a controller.");
    const bool said = flags.has("standalone") || flags.has("initial-controllers") ||
                      flags.has("no-initial-controllers");
    if (controls && !fixed_voters && !said)
        return refuse(
            "Because controller.quorum.voters is not set on this controller, you must specify one "
            "of the following: --standalone, --initial-controllers, or "
            "--no-initial-controllers.");
    return {};
}

// The first controller listener's name.
std::string controller_listener(const config::BrokerConfig& config) {
    const auto names = config.list("controller.listener.names");
    return names.empty() ? "CONTROLLER" : names.front();
}

Result<FormatRequest> read_request(const config::BrokerConfig& config, const FlagValues& flags) {
    FormatRequest out{.cluster_id = *flags.value("cluster-id")};
    out.ignore_formatted = flags.has("ignore-formatted");
    if (flags.has("no-initial-controllers")) out.initial_voters.emplace();
    if (const auto text = flags.value("initial-controllers")) {
        TRY(out.initial_voters, parse_initial_controllers(*text, controller_listener(config)));
    }
    LocalDisk local;
    for (const std::string& text : flags.values("add-scram")) {
        TRY(auto user, parse_scram_argument(text, local.rng()));
        out.users.push_back(std::move(user));
    }
    out.metadata_version = latest_release().level;
    if (const auto release = flags.value("release-version")) {
        TRY(const ReleaseVersion version, parse_release(*release, false));
        out.metadata_version = version.level;
    }
    for (const std::string& text : flags.values("feature")) {
        TRY(const FeatureLevel level, parse_feature_level(text));
        if (level.name != metadata::kMetadataVersion) {
            out.feature_levels[level.name] = level.level;
            continue;
        }
        if (flags.has("release-version"))
            return fail(ErrorCode::invalid_request,
                        "Use --release-version instead of --feature metadata.version=X to avoid "
                        "ambiguity.");
        out.metadata_version = level.level;
    }
    constexpr int16_t kFirstWithScram = 11;  // 3.5-IV2
    if (!out.users.empty() && out.metadata_version < kFirstWithScram)
        return fail(ErrorCode::invalid_request,
                    "SCRAM is only supported in metadata.version 3.5-IV2 or later.");
    const bool fixed_voters = !config.list("controller.quorum.voters").empty();
    const auto kraft = out.feature_levels.find(std::string{metadata::kKraftVersion});
    if (!fixed_voters && kraft != out.feature_levels.end() && kraft->second == 0 &&
        (flags.has("standalone") || out.initial_voters))
        return fail(ErrorCode::invalid_request,
                    "Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of "
                    "the flags --standalone, --initial-controllers, or --no-initial-controllers is "
                    "used. For dynamic controllers support, try removing the --feature flag for "
                    "kraft.version.");
    // A quorum whose voters stand in the configuration has no voters in its log.
    if (fixed_voters) out.feature_levels.try_emplace(std::string{metadata::kKraftVersion}, 0);
    return out;
}

// "1, -2, 3", as Java prints bytes.
std::string signed_bytes(ByteView bytes) {
    std::string out;
    for (const uint8_t byte : bytes)
        out += fmt::format("{}{}", out.empty() ? "" : ", ", static_cast<int8_t>(byte));
    return out;
}

std::string bootstrap_line(const FormatPlan& plan) {
    std::string records;
    const auto add = [&](std::string_view name, int16_t level) {
        records += fmt::format(
            "{}ApiMessageAndVersion(FeatureLevelRecord(name='{}', featureLevel={}) at version 0)",
            records.empty() ? "" : ", ", name, level);
    };
    add(metadata::kMetadataVersion, plan.request.metadata_version);
    for (const auto& [name, level] : plan.levels)
        if (name != metadata::kMetadataVersion) add(name, level);
    for (const protocol::UserScramCredentialRecord& user : plan.request.users)
        records += fmt::format(
            ", ApiMessageAndVersion(UserScramCredentialRecord(name='{}', mechanism={}, salt=[{}], "
            "storedKey=[{}], serverKey=[{}], iterations={}) at version 0)",
            std::string_view{user.name}, user.mechanism, signed_bytes(user.salt),
            signed_bytes(user.stored_key), signed_bytes(user.server_key), user.iterations);
    return fmt::format(
        "Bootstrap metadata: BootstrapMetadata(records=[{}], metadataVersionLevel={}, "
        "source=format command)",
        records, plan.request.metadata_version);
}

int format(const Console& console, const FlagValues& flags) {
    LocalDisk local;
    const auto config = load_config(local, *flags.value("config"));
    if (!config) return tell(console, config.error());
    if (const auto voters = check_voters(*config, flags); !voters)
        return tell(console, voters.error());
    auto request = read_request(*config, flags);
    if (!request) return tell(console, request.error());
    const auto plan = plan_format(local, *config, *std::move(request));
    if (!plan) return tell(console, plan.error());
    if (plan->directories.empty()) {
        console.line("All of the log directories are already formatted.");
        return kDone;
    }
    console.line(bootstrap_line(*plan));
    const auto version = metadata::metadata_version_name(plan->request.metadata_version);
    for (const FormatPlan::Directory& directory : plan->directories)
        console.line(fmt::format("Formatting {} {} with metadata.version {}.",
                                 describe(directory.role), directory.path, version.value_or("")));
    const auto done = carry_out(local, *config, *plan);
    return done ? kDone : tell(console, done.error());
}

// The properties of formatted directories, those that they share once.
struct Found {
    std::vector<std::string> directories;
    std::vector<std::string> problems;
    std::optional<storage::MetaProperties> meta;
};

Found look_around(LocalDisk& local, const config::BrokerConfig& config) {
    Found found;
    std::vector<std::string> directories = config.log_dirs();
    std::ranges::sort(directories);
    for (const std::string& path : directories) {
        const auto info = local.disk().info(path);
        if (!info) {
            found.problems.push_back(fmt::format("{} does not exist", path));
            continue;
        }
        if (!info->is_directory) {
            found.problems.push_back(fmt::format("{} is not a directory", path));
            continue;
        }
        found.directories.push_back(path);
        const auto text =
            local.read_all(storage::join_path(path, storage::kMetaPropertiesName), 1 << 20);
        if (!text) {
            found.problems.push_back(fmt::format("{} is not formatted.", path));
            continue;
        }
        const auto meta = storage::MetaProperties::parse(*text);
        if (!meta)
            found.problems.push_back(sentence(meta.error()));
        else if (!found.meta || path == config.metadata_log_dir())
            found.meta = *meta;
    }
    return found;
}

int info(const Console& console, const FlagValues& flags) {
    LocalDisk local;
    const auto config = load_config(local, *flags.value("config"));
    if (!config) return tell(console, config.error());
    const Found found = look_around(local, *config);
    if (!found.directories.empty()) {
        console.line(found.directories.size() == 1 ? "Found log directory:"
                                                   : "Found log directories:");
        for (const std::string& path : found.directories) console.line("  " + path);
        console.line("");
    }
    if (found.meta) {
        std::string directory_id;
        if (found.meta->directory_id)
            directory_id = fmt::format("directory.id={}, ", found.meta->directory_id->to_string());
        console.line(fmt::format("Found metadata: {{cluster.id={}, {}node.id={}, version=1}}",
                                 found.meta->cluster_id, directory_id, found.meta->node_id));
        console.line("");
    }
    if (found.problems.empty()) return kDone;
    console.line(found.problems.size() == 1 ? "Found problem:" : "Found problems:");
    for (const std::string& problem : found.problems) console.line("  " + problem);
    console.line("");
    return kFailed;
}

int random_uuid(const Console& console) {
    LocalDisk local;
    console.line(Uuid::random(local.rng()).to_string());
    return kDone;
}

constexpr auto kCommands = std::to_array<Command>({
    {"info", "Tell what the node's directories are.", kInfoFlags},
    {"format", "Make the node's directories ready.", kFormatFlags},
    {"version-mapping", "Feature levels of a release.", kMappingFlags},
    {"feature-dependencies", "What levels rely on.", kDependencyFlags},
    {"random-uuid", "A new id for a cluster.", {}},
});

}  // namespace

int storage(const Console& console, const Words& words) {
    int status = kDone;
    const auto parsed = parse_command(console, "kafka-storage", {}, kCommands, words, status);
    if (!parsed) return status;
    const std::string_view name = parsed->command->name;
    if (name == "info") return info(console, parsed->flags);
    if (name == "format") return format(console, parsed->flags);
    if (name == "version-mapping") return print_version_mapping(console, parsed->flags);
    if (name == "feature-dependencies") return print_feature_dependencies(console, parsed->flags);
    return random_uuid(console);
}

}  // namespace millrace::cli::kafka
