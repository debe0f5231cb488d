// Which partition of an internal topic keeps a group or a transactional id: the hash of the id as
// Java takes it, made non-negative, modulo the partition count.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/units.h"

namespace millrace::coordinator {

// `partitions` > 0.
PartitionIndex partition_for_key(std::string_view key, int32_t partitions);

}  // namespace millrace::coordinator
