#include "cli/format/feature_levels.h"

#include <charconv>

#include "metadata/features.h"

namespace millrace::cli {
namespace {

constexpr int16_t kComingLevel = 31;
constexpr std::string_view kComingName = "4.4-IV0";

std::vector<ReleaseVersion> releases(bool with_coming) {
    std::vector<ReleaseVersion> all;
    for (int16_t level = metadata::kMetadataVersionMin; level <= metadata::kMetadataVersionLatest;
         ++level)
        all.push_back({level, std::string{*metadata::metadata_version_name(level)}});
    if (with_coming) all.push_back({kComingLevel, std::string{kComingName}});
    return all;
}

}  // namespace

Result<ReleaseVersion> parse_release(std::string_view text, bool with_coming) {
    const std::vector<ReleaseVersion> all = releases(with_coming);
    std::optional<ReleaseVersion> found;
    std::string names;
    for (const ReleaseVersion& one : all) {
        if (one.name == text || one.name.starts_with(fmt::format("{}-IV", text))) found = one;
        names += fmt::format("{}{}", names.empty() ? "" : ", ", one.name);
    }
    if (found) return *found;
    return fail(ErrorCode::invalid_request,
                fmt::format("Unknown metadata.version '{}'. Supported metadata.version are: {}",
                            text, names));
}

ReleaseVersion latest_release() {
    const int16_t level = metadata::kMetadataVersionLatest;
    return {level, std::string{*metadata::metadata_version_name(level)}};
}

std::vector<std::pair<std::string_view, int16_t>> levels_of_release(int16_t metadata_version) {
    constexpr std::string_view kOrder[] = {metadata::kKraftVersion, metadata::kTransactionVersion,
                                           metadata::kGroupVersion, metadata::kElrVersion,
                                           metadata::kShareVersion, metadata::kStreamsVersion};
    std::vector<std::pair<std::string_view, int16_t>> out;
    for (const std::string_view name : kOrder) {
        const metadata::FeatureDef& def = *metadata::find_feature(name);
        out.emplace_back(name, metadata_version >= def.default_from ? def.default_level : 0);
    }
    return out;
}

Result<FeatureLevel> parse_feature_level(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == text.npos)
        return fail(
            ErrorCode::invalid_request,
            fmt::format("Can't parse feature=level string {}: equals sign not found.", text));
    FeatureLevel out{.name = std::string{text.substr(0, equals)}};
    const std::string_view level = text.substr(equals + 1);
    const char* end = level.data() + level.size();
    const auto [stop, error] = std::from_chars(level.data(), end, out.level);
    if (level.empty() || error != std::errc{} || stop != end)
        return fail(ErrorCode::invalid_request,
                    fmt::format("Can't parse feature=level string {}: unable to parse {} as a "
                                "short.",
                                text, level));
    return out;
}

}  // namespace millrace::cli
