// Which partition of __consumer_offsets keeps a group: Java's hash of the id, made non-negative,
// modulo the partition count.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/units.h"

namespace millrace::group {

// java.lang.String.hashCode of the text that these UTF-8 bytes encode: s[0]*31^(n-1) + ... over
// UTF-16 code units.
int32_t java_string_hash(std::string_view utf8);

// `partitions` > 0.
PartitionIndex partition_for_group(std::string_view group_id, int32_t partitions);

}  // namespace millrace::group
