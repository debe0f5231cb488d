// Text as Java sees it: UTF-16 code units, and the hash of them that Kafka and its clients rely on.
#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

// The code point at s[i] (i moves past it); bytes that are not UTF-8 count as U+FFFD, as Java
// decodes them.
uint32_t next_code_point(std::string_view utf8, size_t& i);

// Calls fn(uint16_t) for each code unit.
template <typename Fn>
void each_utf16(std::string_view utf8, Fn&& fn) {
    for (size_t i = 0; i < utf8.size();) {
        uint32_t point = next_code_point(utf8, i);
        if (point >= 0x10000) {
            fn(static_cast<uint16_t>(0xd800 + ((point - 0x10000) >> 10)));
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        fn(static_cast<uint16_t>(point));
    }
}

// java.lang.String.hashCode of the text that these UTF-8 bytes encode: s[0]*31^(n-1) + ... over
// UTF-16 code units.
int32_t java_string_hash(std::string_view utf8);

}  // namespace millrace
