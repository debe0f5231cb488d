// UTF-8: what is valid, and how Java shows what is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

// The length of the valid UTF-8 sequence at the start of `s`, which is not empty; 0 when there is
// none.
inline size_t utf8_length(std::string_view s) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    const size_t n = lead >= 0xf5 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (n == 0 || s.size() < n) return 0;
    for (size_t i = 1; i < n; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
    if (lead == 0xed && byte(1) > 0x9f) return 0;  // half of a surrogate pair
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return n;
}

constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// `s` with every byte that belongs to no valid sequence replaced by U+FFFD.
inline std::string valid_utf8(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    while (!s.empty()) {
        const size_t n = utf8_length(s);
        out += n == 0 ? kReplacementCharacter : s.substr(0, n);
        s.remove_prefix(n == 0 ? 1 : n);
    }
    return out;
}

}  // namespace millrace
