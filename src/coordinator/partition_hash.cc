#include "coordinator/partition_hash.h"

#include "base/java_text.h"

namespace millrace::coordinator {

PartitionIndex partition_for_key(std::string_view key, int32_t partitions) {
    int32_t hash = java_string_hash(key);
    int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
    return positive % partitions;
}

}  // namespace millrace::coordinator
