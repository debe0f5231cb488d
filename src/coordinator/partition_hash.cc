#include "coordinator/partition_hash.h"

#include "coordinator/java_text.h"

namespace millrace::coordinator {

int32_t java_string_hash(std::string_view utf8) {
    uint32_t hash = 0;
    each_utf16(utf8, [&](uint16_t unit) { hash = hash * 31 + unit; });
    return static_cast<int32_t>(hash);
}

PartitionIndex partition_for_key(std::string_view key, int32_t partitions) {
    int32_t hash = java_string_hash(key);
    int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
    return positive % partitions;
}

}  // namespace millrace::coordinator
