// The features whose levels a cluster finalizes (KIP-584, KIP-1022), and what levels turn on.
//
// Constant data and pure functions. kraft.version is finalized by raft, not by metadata records,
// and listed here only for what a node supports.
// Kafka: Feature, MetadataVersion, TransactionVersion, GroupVersion, ...
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "metadata/image.h"

namespace millrace::metadata {

constexpr std::string_view kMetadataVersion = "metadata.version";
constexpr std::string_view kKraftVersion = "kraft.version";
constexpr std::string_view kTransactionVersion = "transaction.version";
constexpr std::string_view kGroupVersion = "group.version";
constexpr std::string_view kElrVersion = "eligible.leader.replicas.version";
constexpr std::string_view kShareVersion = "share.version";
constexpr std::string_view kStreamsVersion = "streams.version";

constexpr int16_t kMetadataVersionMin = 7;      // 3.3-IV3
constexpr int16_t kMetadataVersionLatest = 30;  // 4.3-IV0

struct FeatureDef {
    std::string_view name;
    int16_t min = 0;
    int16_t max = 0;
    // From this metadata.version on a new cluster gets `default_level`; before it, 0.
    int16_t default_from = 0;
    int16_t default_level = 0;
};

// Sorted by name. metadata.version is in it, with no default.
std::span<const FeatureDef> features();
const FeatureDef* find_feature(std::string_view name);
// What this node supports, as registrations and ApiVersions say it.
SupportedFeatures supported_features();

// The levels of a new cluster at this metadata.version, itself included; features at level 0 are
// left out.
std::map<std::string, int16_t> default_levels(int16_t metadata_version);
// "4.3-IV0" for 30; nothing for a level that does not exist.
std::optional<std::string_view> metadata_version_name(int16_t level);
// The metadata.version that a feature needs from this level on; 0: any.
int16_t needed_metadata_version(std::string_view feature, int16_t level);
// Whether levels of one cluster fit each other; invalid_config names the one that is missing.
Result<void> check_dependencies(const std::map<std::string, int16_t>& levels);

// Record versions to write at a metadata.version.
constexpr int16_t register_broker_record_version(int16_t mv) {
    return mv >= 30 ? 4 : mv >= 17 ? 3 : mv >= 8 ? 2 : 1;
}
constexpr int16_t partition_record_version(int16_t mv) {
    return mv >= 23 ? 2 : mv >= 17 ? 1 : 0;
}
constexpr bool directory_assignment_supported(int16_t mv) {
    return mv >= 17;
}
constexpr bool metadata_transactions_supported(int16_t mv) {
    return mv >= 13;
}
constexpr bool controller_registration_supported(int16_t mv) {
    return mv >= 15;
}
constexpr bool cordoned_log_dirs_supported(int16_t mv) {
    return mv >= 30;
}

}  // namespace millrace::metadata
