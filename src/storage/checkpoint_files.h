// The small text files of a log directory: parsed from and formatted to their content. Pure.
// Errors: malformed.
// Kafka: OffsetCheckpointFile, LeaderEpochCheckpointFile, PartitionMetadataFile,
// CleanShutdownFileHandler.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"

namespace millrace::storage {

// *-offset-checkpoint: "0", the count, then "<topic> <partition> <offset>" lines. An empty file is
// an empty map.
using OffsetMap = std::unordered_map<TopicPartition, Offset>;
Result<OffsetMap> parse_offset_checkpoint(std::string_view text);
class OffsetCheckpointText {
public:
    void add(const TopicPartition& partition, Offset offset);
    std::string finish() const;

private:
    size_t count_ = 0;
    std::string lines_;
};

struct EpochStart {
    LeaderEpoch epoch;
    Offset start;
    friend bool operator==(const EpochStart&, const EpochStart&) = default;
};
// leader-epoch-checkpoint: "0", the count, then "<epoch> <start offset>" lines, both ascending.
Result<std::vector<EpochStart>> parse_epoch_checkpoint(std::string_view text);
std::string format_epoch_checkpoint(const std::vector<EpochStart>& entries);

// partition.metadata: "version: 0\ntopic_id: <uuid>".
Result<Uuid> parse_partition_metadata(std::string_view text);
std::string format_partition_metadata(Uuid topic_id);

// .kafka_cleanshutdown: {"version":0,"brokerEpoch":N}; the broker epoch, -1 when it is not there
// (older versions wrote an empty file).
Result<int64_t> parse_clean_shutdown(std::string_view text);
std::string format_clean_shutdown(int64_t broker_epoch);

}  // namespace millrace::storage
