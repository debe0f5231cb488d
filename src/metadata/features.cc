#include "metadata/features.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace millrace::metadata {
namespace {

constexpr std::array<FeatureDef, 7> kFeatures{{
    {kElrVersion, 0, 1, 26, 1},
    {kGroupVersion, 0, 1, 22, 1},
    {kKraftVersion, 0, 1, 21, 1},
    {kMetadataVersion, kMetadataVersionMin, kMetadataVersionLatest, 0, 0},
    {kShareVersion, 0, 1, 28, 1},
    {kStreamsVersion, 0, 1, 29, 1},
    {kTransactionVersion, 0, 2, 24, 2},
}};

constexpr std::array<std::string_view, kMetadataVersionLatest - kMetadataVersionMin + 1> kNames{
    "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
    "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0",
    "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0"};

constexpr int16_t kElrNeedsMetadataVersion = 23;

}  // namespace

std::span<const FeatureDef> features() {
    return kFeatures;
}

const FeatureDef* find_feature(std::string_view name) {
    auto found = std::ranges::find(kFeatures, name, &FeatureDef::name);
    return found == kFeatures.end() ? nullptr : &*found;
}

SupportedFeatures supported_features() {
    SupportedFeatures all;
    for (const FeatureDef& f : kFeatures) all[std::string(f.name)] = {f.min, f.max};
    return all;
}

std::map<std::string, int16_t> default_levels(int16_t metadata_version) {
    std::map<std::string, int16_t> levels{{std::string(kMetadataVersion), metadata_version}};
    for (const FeatureDef& f : kFeatures) {
        if (f.default_level == 0 || f.name == kKraftVersion) continue;
        if (metadata_version >= f.default_from) levels[std::string(f.name)] = f.default_level;
    }
    return levels;
}

std::optional<std::string_view> metadata_version_name(int16_t level) {
    if (level < kMetadataVersionMin || level > kMetadataVersionLatest) return std::nullopt;
    return kNames[static_cast<size_t>(level - kMetadataVersionMin)];
}

int16_t needed_metadata_version(std::string_view feature, int16_t level) {
    return feature == kElrVersion && level >= 1 ? kElrNeedsMetadataVersion : int16_t{0};
}

Result<void> check_dependencies(const std::map<std::string, int16_t>& levels) {
    const auto found = levels.find(std::string(kMetadataVersion));
    const int16_t metadata_version = found == levels.end() ? int16_t{0} : found->second;
    for (const auto& [name, level] : levels) {
        const int16_t needed = needed_metadata_version(name, level);
        if (metadata_version < needed)
            return fail(ErrorCode::invalid_config,
                        fmt::format("{}={} needs {} at {} or above", name, level, kMetadataVersion,
                                    needed));
    }
    return {};
}

}  // namespace millrace::metadata
