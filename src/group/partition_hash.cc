#include "group/partition_hash.h"

namespace millrace::group {
namespace {

// The code point at s[i] (i moves past it); bytes that are not UTF-8 count as U+FFFD one by one, as
// Java decodes them.
uint32_t next_code_point(std::string_view s, size_t& i) {
    auto byte = [&](size_t at) { return static_cast<uint8_t>(s[at]); };
    uint8_t lead = byte(i++);
    if (lead < 0x80) return lead;
    size_t extra = lead >= 0xf0 && lead < 0xf8 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    if (extra == 0 || lead >= 0xf8 || i + extra > s.size()) return 0xfffd;
    uint32_t point = lead & (0x3fu >> extra);
    for (size_t k = 0; k < extra; k++) {
        if ((byte(i + k) & 0xc0) != 0x80) return 0xfffd;
        point = point << 6 | (byte(i + k) & 0x3fu);
    }
    i += extra;
    return point;
}

}  // namespace

int32_t java_string_hash(std::string_view utf8) {
    uint32_t hash = 0;
    for (size_t i = 0; i < utf8.size();) {
        uint32_t point = next_code_point(utf8, i);
        if (point >= 0x10000) {
            hash = hash * 31 + (0xd800 + ((point - 0x10000) >> 10));
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        hash = hash * 31 + point;
    }
    return static_cast<int32_t>(hash);
}

PartitionIndex partition_for_group(std::string_view group_id, int32_t partitions) {
    int32_t hash = java_string_hash(group_id);
    int32_t positive = hash == INT32_MIN ? 0 : hash < 0 ? -hash : hash;
    return positive % partitions;
}

}  // namespace millrace::group
