// Names of a log directory's files and directories, as Kafka spells them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "base/uuid.h"

namespace millrace::storage {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kTxnIndexSuffix = ".txnindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";

inline constexpr std::string_view kEpochCheckpointName = "leader-epoch-checkpoint";
inline constexpr std::string_view kPartitionMetadataName = "partition.metadata";
inline constexpr std::string_view kKeyIndexName = "millrace-key-index";  // Kafka looks past it
inline constexpr std::string_view kMetaPropertiesName = "meta.properties";
inline constexpr std::string_view kCleanShutdownName = ".kafka_cleanshutdown";
inline constexpr std::string_view kLockName = ".lock";
inline constexpr std::string_view kRecoveryPointName = "recovery-point-offset-checkpoint";
inline constexpr std::string_view kLogStartName = "log-start-offset-checkpoint";
inline constexpr std::string_view kHighWatermarkName = "replication-offset-checkpoint";
inline constexpr std::string_view kCleanerName = "cleaner-offset-checkpoint";
inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

std::string join_path(std::string_view directory, std::string_view name);

// <20 digits of `offset`><suffix>, in `directory`.
std::string offset_file_path(std::string_view directory, Offset offset, std::string_view suffix);

struct OffsetFileName {
    Offset offset;
    std::string_view kind;  // kLogSuffix ... kSnapshotSuffix
    std::string_view mark;  // "", kDeletedSuffix, kCleanedSuffix or kSwapSuffix
};
// Nothing for any other name. The views are of constants, not of `name`.
std::optional<OffsetFileName> parse_offset_file(std::string_view name);

// <topic>-<partition>
std::string partition_directory_name(const TopicPartition& partition);
// <topic>-<partition>.<32 hex><mark> with `mark` "-delete" or "-stray"; the topic is cut so that
// the name has at most 255 bytes.
std::string marked_directory_name(const TopicPartition& partition, Uuid unique,
                                  std::string_view mark);
// Whether `name` ends in .<32 hex><mark>.
bool is_marked_directory(std::string_view name, std::string_view mark);

}  // namespace millrace::storage
