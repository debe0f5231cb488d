// JSON files that name partitions, as Kafka's tools read them. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace millrace::cli {

struct PartitionLine {
    TopicPartition partition;
    std::optional<Offset> offset;
};
// {"partitions": [{"topic": "t", "partition": 0, "offset": 5}, ...]}. Errors: malformed (no JSON),
// invalid_request (a partition twice, a field missing).
Result<std::vector<PartitionLine>> parse_partition_file(std::string_view text, bool with_offsets);

}  // namespace millrace::cli
