// CRC-32C (Castagnoli), as record batches and producer snapshots carry it.
#pragma once

#include "base/bytes.h"

namespace millrace {

// The checksum of `bytes`; pass an earlier result as `seed` to go on from it.
uint32_t crc32c(ByteView bytes, uint32_t seed = 0);

}  // namespace millrace
