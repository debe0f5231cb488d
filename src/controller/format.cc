#include "controller/format.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "metadata/builder.h"
#include "metadata/features.h"
#include "metadata/snapshot.h"
#include "raft/snapshot_file.h"
#include "storage/checkpoint_files.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"

namespace millrace::controller {
namespace {

using Levels = std::map<std::string, int16_t>;

// What the options ask for: kraft.version among them.
Result<Levels> wanted_levels(const FormatOptions& options) {
    int16_t metadata_version = metadata::kMetadataVersionLatest;
    if (auto said = options.feature_levels.find(std::string(metadata::kMetadataVersion));
        said != options.feature_levels.end())
        metadata_version = said->second;
    Levels levels = metadata::default_levels(metadata_version);
    const metadata::FeatureDef& kraft = *metadata::find_feature(metadata::kKraftVersion);
    levels[std::string(kraft.name)] =
        metadata_version >= kraft.default_from ? kraft.default_level : int16_t{0};
    for (const auto& [name, level] : options.feature_levels) {
        const metadata::FeatureDef* def = metadata::find_feature(name);
        if (def == nullptr)
            return fail(ErrorCode::invalid_config, fmt::format("there is no feature {}", name));
        if (level < def->min || level > def->max) {
            return fail(ErrorCode::invalid_config, fmt::format("{} can be from {} to {}, not {}",
                                                               name, def->min, def->max, level));
        }
        levels[name] = level;
    }
    TRY_OK(metadata::check_dependencies(levels));
    std::erase_if(levels, [](const auto& l) { return l.second == 0; });
    return levels;
}

Result<std::string> bootstrap_file(const Levels& levels, const FormatOptions& options) {
    metadata::Builder builder;
    for (const auto& [name, level] : levels) {
        if (name == metadata::kKraftVersion) continue;
        TRY_OK(builder.apply(
            protocol::FeatureLevelRecord{.name = protocol::Str(name), .feature_level = level}));
    }
    for (const protocol::UserScramCredentialRecord& user : options.users)
        TRY_OK(builder.apply(user));
    raft::SnapshotWriter writer({.now = options.now});
    TRY_OK(metadata::write_records(
        builder.publish({}).first, [&](const protocol::MetadataRecord& record) -> Result<void> {
            TRY(const auto bytes, protocol::encode_metadata_record(record, 0));
            writer.append(bytes);
            return {};
        }));
    return writer.finish();
}

// Where the voters of a kraft.version 1 quorum are first said.
runtime::Task<Result<void>> write_voters(runtime::Disk& disk, const FormatOptions& options,
                                         int16_t kraft_version, Uuid directory_id) {
    const std::string directory = storage::join_path(
        options.metadata_log_dir,
        storage::partition_directory_name({std::string(storage::kMetadataTopic), 0}));
    CO_TRY_OK(disk.make_directories(directory));
    const std::vector<raft::Voter> alone{{.id = options.node_id,
                                          .directory_id = directory_id,
                                          .endpoints = options.controller_endpoints}};
    raft::SnapshotWriter writer({.now = options.now,
                                 .last_contained_timestamp = options.now,
                                 .kraft_version = kraft_version,
                                 .voters = options.initial_voters.value_or(alone)});
    CO_TRY(std::string file, writer.finish());
    co_return co_await disk.replace_file(
        storage::join_path(directory, raft::snapshot_file_name({})), std::move(file));
}

runtime::Task<Result<void>> write_meta_properties(runtime::Disk& disk, const std::string& directory,
                                                  std::string cluster_id, NodeId node_id,
                                                  Uuid directory_id) {
    storage::MetaProperties meta;
    meta.cluster_id = std::move(cluster_id);
    meta.node_id = node_id;
    meta.directory_id = directory_id;
    co_return co_await disk.replace_file(
        storage::join_path(directory, storage::kMetaPropertiesName), meta.format());
}

bool is_formatted(runtime::Disk& disk, const std::string& directory) {
    return disk.info(storage::join_path(directory, storage::kMetaPropertiesName)).has_value();
}

}  // namespace

std::vector<raft::VoterEndpoint> controller_endpoints(const config::BrokerConfig& config) {
    std::vector<raft::VoterEndpoint> endpoints;
    for (const config::Endpoint& listener : config.listeners())
        if (config.is_controller_listener(listener.listener))
            endpoints.push_back({.listener = listener.listener,
                                 .host = listener.host.empty() ? "localhost" : listener.host,
                                 .port = static_cast<uint16_t>(listener.port)});
    return endpoints;
}

runtime::Task<Result<void>> format_directories(runtime::Disk& disk, Rng& rng,
                                               FormatOptions options) {
    CO_TRY(const Levels levels, wanted_levels(options));
    CO_TRY(const std::string bootstrap, bootstrap_file(levels, options));
    if (std::ranges::find(options.log_dirs, options.metadata_log_dir) == options.log_dirs.end())
        co_return fail(ErrorCode::invalid_config,
                       "the metadata log directory is not a log directory");
    for (const std::string& directory : options.log_dirs) {
        if (is_formatted(disk, directory) && !options.ignore_formatted) {
            co_return fail(ErrorCode::already_exists,
                           fmt::format("{} is already formatted", directory));
        }
    }
    auto kraft = levels.find(std::string(metadata::kKraftVersion));
    const bool no_voters = options.initial_voters && options.initial_voters->empty();
    for (const std::string& directory : options.log_dirs) {
        if (is_formatted(disk, directory)) continue;
        CO_TRY_OK(disk.make_directories(directory));
        Uuid directory_id = Uuid::random(rng);
        if (directory == options.metadata_log_dir && options.initial_voters)
            for (const raft::Voter& voter : *options.initial_voters)
                if (voter.id == options.node_id) directory_id = voter.directory_id;
        if (directory == options.metadata_log_dir && kraft != levels.end() && !no_voters)
            CO_TRY_OK(co_await write_voters(disk, options, kraft->second, directory_id));
        CO_TRY_OK(co_await disk.replace_file(storage::join_path(directory, raft::kBootstrapName),
                                             bootstrap));
        // Last: it says that the directory is whole.
        CO_TRY_OK(co_await write_meta_properties(disk, directory, options.cluster_id,
                                                 options.node_id, directory_id));
    }
    co_return {};
}

namespace {

// Takes one directory's file into `node`. Errors name the file.
Result<void> take_meta(const std::string& path, const storage::MetaProperties& meta, NodeId node_id,
                       FormattedNode& node) {
    auto refuse = [&](std::string why) {
        return fail(ErrorCode::invalid_config, fmt::format("{}: {}", path, why));
    };
    if (meta.cluster_id.empty()) return refuse("cluster.id is missing");
    if (meta.node_id != node_id)
        return refuse(
            fmt::format("node.id is {}, this node is configured as {}", meta.node_id, node_id));
    if (!node.cluster_id.empty() && node.cluster_id != meta.cluster_id) {
        return refuse(fmt::format("cluster.id is {}, in another directory it is {}",
                                  meta.cluster_id, node.cluster_id));
    }
    node.cluster_id = meta.cluster_id;
    return {};
}

}  // namespace

runtime::Task<Result<std::optional<FormattedNode>>> load_formatted(
    runtime::Disk& disk, Rng& rng, std::vector<std::string> log_dirs, NodeId node_id) {
    FormattedNode node;
    node.node_id = node_id;
    std::set<Uuid> seen;
    bool any = false;
    std::optional<Error> unreadable;
    for (const std::string& directory : log_dirs) {
        const std::string path = storage::join_path(directory, storage::kMetaPropertiesName);
        FormattedDirectory& found = node.directories.emplace_back();
        found.path = directory;
        auto text = disk.read_file(path);
        if (text.code() == ErrorCode::not_found) continue;
        if (!text) {
            // It is out of use, and no more; the log manager says so.
            found.unreadable = text.error().message;
            unreadable = std::move(text).error();
            continue;
        }
        auto meta = storage::MetaProperties::parse(*text);
        if (!meta)
            co_return fail(ErrorCode::invalid_config,
                           fmt::format("{}: {}", path, meta.error().message));
        CO_TRY_OK(take_meta(path, *meta, node_id, node));
        if (meta->directory_id) found.directory_id = *meta->directory_id;
        if (meta->directory_id && !seen.insert(*meta->directory_id).second) {
            co_return fail(ErrorCode::invalid_config,
                           fmt::format("{}: another directory has the same directory.id", path));
        }
        any = true;
    }
    if (!any && unreadable) co_return *std::move(unreadable);
    if (!any) co_return std::optional<FormattedNode>{};
    for (FormattedDirectory& found : node.directories) {
        if (!found.directory_id.is_zero() || !found.unreadable.empty()) continue;
        auto made = disk.make_directories(found.path);
        found.directory_id = Uuid::random(rng);
        if (made)
            made = co_await write_meta_properties(disk, found.path, node.cluster_id, node_id,
                                                  found.directory_id);
        if (!made) found.unreadable = made.error().message;
    }
    co_return std::optional<FormattedNode>{std::move(node)};
}

}  // namespace millrace::controller
