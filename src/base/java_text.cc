#include "base/java_text.h"

namespace millrace {

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

int32_t java_string_hash(std::string_view utf8) {
    uint32_t hash = 0;
    each_utf16(utf8, [&](uint16_t unit) { hash = hash * 31 + unit; });
    return static_cast<int32_t>(hash);
}

}  // namespace millrace
