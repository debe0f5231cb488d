#include "cli/format/format_node.h"

#include "cli/format/feature_levels.h"
#include "controller/format.h"
#include "metadata/features.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"

namespace millrace::cli {
namespace {

constexpr size_t kPropertiesBytesMax = 1 << 20;

// Whether the directory is formatted. invalid_config: for another cluster.
Result<bool> is_formatted(LocalDisk& local, const std::string& directory,
                          const std::string& cluster_id) {
    const std::string path = storage::join_path(directory, storage::kMetaPropertiesName);
    const auto text = local.read_all(path, kPropertiesBytesMax);
    if (text.code() == ErrorCode::not_found) return false;
    if (!text) return text.error();
    TRY(const auto meta, storage::MetaProperties::parse(*text));
    if (meta.cluster_id != cluster_id)
        return fail(ErrorCode::invalid_config,
                    fmt::format("Invalid cluster.id in: {}. Expected {}, but read {}", path,
                                cluster_id, meta.cluster_id));
    return true;
}

Result<void> take_levels(FormatPlan& plan) {
    const int16_t version = plan.request.metadata_version;
    plan.levels[std::string{metadata::kMetadataVersion}] = version;
    for (const auto& [name, level] : levels_of_release(version))
        plan.levels[std::string{name}] = level;
    for (const auto& [name, level] : plan.request.feature_levels) {
        const metadata::FeatureDef* def = metadata::find_feature(name);
        if (!def) {
            std::string names;
            for (const metadata::FeatureDef& f : metadata::features())
                if (f.name != metadata::kMetadataVersion)
                    names += fmt::format("{}{}", names.empty() ? "" : ", ", f.name);
            return fail(
                ErrorCode::invalid_request,
                fmt::format("Unsupported feature: {}. Supported features are: {}", name, names));
        }
        if (level < def->min || level > def->max)
            return fail(ErrorCode::invalid_request,
                        fmt::format("No feature:{} with feature level {}", name, level));
        plan.levels[name] = level;
    }
    TRY_OK(metadata::check_dependencies(plan.levels));
    const std::string kraft{metadata::kKraftVersion};
    plan.kraft_version = plan.levels[kraft];
    plan.levels.erase(kraft);
    std::erase_if(plan.levels, [](const auto& level) { return level.second == 0; });
    return {};
}

}  // namespace

Result<FormatPlan> plan_format(LocalDisk& local, const config::BrokerConfig& config,
                               FormatRequest request) {
    FormatPlan plan{.request = std::move(request)};
    const std::vector<std::string> roles = config.list("process.roles");
    if (!plan.request.initial_voters && std::ranges::find(roles, "controller") == roles.end() &&
        !roles.empty())
        plan.request.initial_voters.emplace();
    const bool voters = !plan.request.initial_voters || !plan.request.initial_voters->empty();
    TRY_OK(take_levels(plan));
    const std::string metadata_directory = config.metadata_log_dir();
    std::vector<std::string> directories = config.log_dirs();
    std::ranges::sort(directories);
    std::optional<Error> formatted;
    for (const std::string& path : directories) {
        TRY(const bool done, is_formatted(local, path, plan.request.cluster_id));
        if (done && !plan.request.ignore_formatted && path != metadata_directory)
            formatted = fail(ErrorCode::already_exists, path);
        if (done && !plan.request.ignore_formatted && !formatted)
            formatted = fail(ErrorCode::already_exists, path);
        if (done) continue;
        const DirectoryRole role = path != metadata_directory ? DirectoryRole::data
                                   : plan.kraft_version > 0 && voters
                                       ? DirectoryRole::voting_metadata
                                       : DirectoryRole::metadata;
        plan.directories.push_back({path, role});
    }
    if (formatted)
        return fail(ErrorCode::already_exists,
                    fmt::format("Log directory {} is already formatted. Use --ignore-formatted to "
                                "ignore this directory and format the others.",
                                formatted->message));
    std::ranges::sort(plan.directories, {}, [](const FormatPlan::Directory& d) {
        return std::pair{d.role, std::string_view{d.path}};
    });
    return plan;
}

Result<void> carry_out(LocalDisk& local, const config::BrokerConfig& config,
                       const FormatPlan& plan) {
    controller::FormatOptions options;
    options.log_dirs = config.log_dirs();
    options.metadata_log_dir = config.metadata_log_dir();
    options.node_id = config.node_id();
    options.cluster_id = plan.request.cluster_id;
    options.controller_endpoints = controller::controller_endpoints(config);
    options.feature_levels = plan.request.feature_levels;
    options.feature_levels[std::string{metadata::kMetadataVersion}] = plan.request.metadata_version;
    options.feature_levels[std::string{metadata::kKraftVersion}] = plan.kraft_version;
    options.initial_voters = plan.request.initial_voters;
    options.users = plan.request.users;
    options.now = local.wall_ms();
    options.ignore_formatted = plan.request.ignore_formatted;
    return local.wait(
        controller::format_directories(local.disk(), local.rng(), std::move(options)));
}

Result<config::BrokerConfig> load_config(LocalDisk& local, const std::string& path,
                                         const std::vector<std::string>& sets) {
    TRY(const std::string text, local.read_all(path, kPropertiesBytesMax));
    TRY(auto loaded, config::BrokerConfig::load(text, path, sets));
    return std::move(loaded.config);
}

}  // namespace millrace::cli
