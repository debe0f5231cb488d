// Features and releases, as people name them on a command line. Pure.
// Kafka: Feature, MetadataVersion.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::cli {

// A metadata.version: "4.0" is the last of that release.
struct ReleaseVersion {
    int16_t level = 0;
    std::string name;  // "4.0-IV3"
};
// invalid_request: there is none of that name; the sentence lists those that there are.
// `with_coming` takes the one that is not final yet, too.
Result<ReleaseVersion> parse_release(std::string_view text, bool with_coming);
ReleaseVersion latest_release();

// The levels that a new cluster of that release runs at, in the order in which tools list them;
// metadata.version is not among them.
std::vector<std::pair<std::string_view, int16_t>> levels_of_release(int16_t metadata_version);

struct FeatureLevel {
    std::string name;
    int16_t level = 0;
};
// "name=level".
Result<FeatureLevel> parse_feature_level(std::string_view text);

}  // namespace millrace::cli
