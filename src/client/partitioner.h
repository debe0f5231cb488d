// Which partition a record with a key belongs to, as all of Kafka's clients have it.
#pragma once

#include "base/bytes.h"
#include "base/units.h"

namespace millrace::client {

// MurmurHash2 with Kafka's seed.
int32_t murmur2(ByteView bytes);

// The hash made non-negative, modulo the count. `partitions` > 0.
PartitionIndex partition_for_key(ByteView key, int32_t partitions);

}  // namespace millrace::client
