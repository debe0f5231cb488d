#include "client/partitioner.h"

namespace millrace::client {

int32_t murmur2(ByteView bytes) {
    constexpr uint32_t kMultiplier = 0x5bd1e995;
    constexpr uint32_t kSeed = 0x9747b28c;
    const uint8_t* p = bytes.data();
    size_t left = bytes.size();
    uint32_t hash = kSeed ^ static_cast<uint32_t>(left);
    for (; left >= 4; left -= 4, p += 4) {
        // Little-endian words.
        uint32_t word = std::byteswap(load_be<uint32_t>(p)) * kMultiplier;
        word = (word ^ (word >> 24)) * kMultiplier;
        hash = (hash * kMultiplier) ^ word;
    }
    if (left > 0) {
        for (size_t i = 0; i < left; i++) hash ^= static_cast<uint32_t>(p[i]) << (8 * i);
        hash *= kMultiplier;
    }
    hash = (hash ^ (hash >> 13)) * kMultiplier;
    return static_cast<int32_t>(hash ^ (hash >> 15));
}

PartitionIndex partition_for_key(ByteView key, int32_t partitions) {
    return (murmur2(key) & 0x7fffffff) % partitions;
}

}  // namespace millrace::client
