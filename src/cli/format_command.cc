// `millrace format`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/format/feature_levels.h"
#include "cli/format/format_node.h"
#include "cli/native.h"
#include "metadata/features.h"

namespace millrace::cli {
namespace {

struct FormatCommandOptions {
    std::string config;
    std::vector<std::string> sets;
    std::string cluster_id;
    std::string release;
    std::vector<std::string> features;
    bool ignore_formatted = false;
    bool dry_run = false;
    bool json = false;
};

std::string_view role_name(DirectoryRole role) {
    return role == DirectoryRole::data ? "data" : "metadata";
}

Result<int> format(const Console& console, const FormatCommandOptions& options) {
    LocalDisk local;
    TRY(const auto config, load_config(local, options.config, options.sets));
    FormatRequest request{.cluster_id = options.cluster_id,
                          .metadata_version = latest_release().level,
                          .ignore_formatted = options.ignore_formatted};
    if (request.cluster_id.empty()) request.cluster_id = Uuid::random(local.rng()).to_string();
    if (!options.release.empty()) {
        TRY(const ReleaseVersion release, parse_release(options.release, false));
        request.metadata_version = release.level;
    }
    for (const std::string& text : options.features) {
        TRY(const FeatureLevel level, parse_feature_level(text));
        request.feature_levels[level.name] = level.level;
    }
    TRY(const FormatPlan plan, plan_format(local, config, std::move(request)));
    if (!options.dry_run && !plan.directories.empty()) TRY_OK(carry_out(local, config, plan));
    Table table{{"directory", "role", "cluster_id", "metadata_version", "result"}};
    for (const FormatPlan::Directory& directory : plan.directories)
        table.add({directory.path, role_name(directory.role), plan.request.cluster_id,
                   metadata::metadata_version_name(plan.request.metadata_version).value_or(""),
                   options.dry_run ? "would be formatted" : "formatted"});
    if (plan.directories.empty() && !console.json)
        console.line("All directories are formatted already.");
    else
        console.show(table);
    return kDone;
}

}  // namespace

void add_format_command(CLI::App& app, const Native& native) {
    auto o = std::make_shared<FormatCommandOptions>();
    CLI::App& verb = *app.add_subcommand(
        "format", "Make a node's directories ready, with an id and features of your choice");
    verb.add_option("--config", o->config, "The node's server.properties")
        ->required()
        ->check(CLI::ExistingFile);
    verb.add_option("--set", o->sets, "key=value, over the file; may be repeated");
    verb.add_option("--cluster-id", o->cluster_id, "The cluster's id; else a new one");
    verb.add_option("--release-version", o->release, "The release to begin with, such as 4.0");
    verb.add_option("--feature", o->features, "name=level; may be repeated");
    verb.add_flag("--ignore-formatted", o->ignore_formatted, "Leave formatted directories alone");
    verb.add_flag("--dry-run", o->dry_run, "Check and tell, change nothing");
    verb.add_flag("--json", o->json, "For programs: one JSON document");
    verb.footer(
        "\n`millrace serve` formats new directories by itself; this is for choosing more.\n");
    verb.callback([native, o] {
        Console console = native.console;
        console.json = o->json;
        const auto done = format(console, *o);
        native.status = done ? *done : console.fail(done.error());
    });
}

}  // namespace millrace::cli
