// What kafka-storage and kafka-features both tell about features without asking a cluster.
#pragma once

#include "cli/kafka/argparse.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

// The sentence of an error to stderr; kFailed.
int tell(const Console& console, const Error& error);

// --release-version, and the levels that belong to it.
inline constexpr Flag kMappingFlags[] = {
    {"release-version", "r", Flag::Takes::one, false, 0, "The release; without it the latest."}};
int print_version_mapping(const Console& console, const FlagValues& flags);

// --feature name=level, and what each relies on.
inline constexpr Flag kDependencyFlags[] = {
    {"feature", "f", Flag::Takes::many, true, 0, "name=level; may be given several times."}};
int print_feature_dependencies(const Console& console, const FlagValues& flags);

}  // namespace millrace::cli::kafka
