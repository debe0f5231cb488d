#include "cli/kafka/feature_tables.h"

#include "cli/format/feature_levels.h"
#include "cli/kafka/exceptions.h"
#include "metadata/features.h"

namespace millrace::cli::kafka {

int tell(const Console& console, const Error& error) {
    std::fflush(console.out);
    console.error_line(java_sentence(error));
    return kFailed;
}

namespace {

Result<void> print_dependencies(const Console& console, const std::string& text) {
    auto asked = parse_feature_level(text);
    if (!asked)
        return fail(ErrorCode::invalid_request,
                    fmt::format("Invalid feature format: {}. Expected format: 'feature=version' "
                                "(e.g. 'group.version=1')",
                                text));
    const auto& [name, level] = *asked;
    if (name == metadata::kMetadataVersion) {
        const auto version = metadata::metadata_version_name(level);
        if (!version)
            return fail(ErrorCode::invalid_request,
                        fmt::format("Unknown metadata.version {}", level));
        console.line(fmt::format("{}={} ({}) has no dependencies.", name, level, *version));
        return {};
    }
    const metadata::FeatureDef* def = metadata::find_feature(name);
    if (!def) return fail(ErrorCode::invalid_request, fmt::format("Unknown feature: {}", name));
    if (level < def->min || level > def->max)
        return fail(ErrorCode::invalid_request,
                    fmt::format("Feature level {} is not supported for feature {}", level, name));
    const int16_t needs = metadata::needed_metadata_version(name, level);
    if (needs == 0) {
        console.line(fmt::format("{}={} has no dependencies.", name, level));
        return {};
    }
    console.line(fmt::format("{}={} requires:", name, level));
    console.line(fmt::format("    {}={} ({})", metadata::kMetadataVersion, needs,
                             *metadata::metadata_version_name(needs)));
    return {};
}

}  // namespace

int print_version_mapping(const Console& console, const FlagValues& flags) {
    ReleaseVersion version = latest_release();
    std::string shown = version.name;
    if (const auto asked = flags.value("release-version")) {
        auto found = parse_release(*asked, true);
        if (!found) return tell(console, found.error());
        version = *std::move(found);
        shown = *asked;
    }
    console.line(fmt::format("metadata.version={} ({})", version.level, shown));
    for (const auto& [name, level] : levels_of_release(version.level))
        console.line(fmt::format("{}={}", name, level));
    return kDone;
}

int print_feature_dependencies(const Console& console, const FlagValues& flags) {
    for (const std::string& text : flags.values("feature"))
        if (const auto printed = print_dependencies(console, text); !printed)
            return tell(console, printed.error());
    return kDone;
}

}  // namespace millrace::cli::kafka
