// Variable-length integers: groups of seven bits, least significant first, the high bit says that
// more follow. The signed forms are zigzag-coded first (0, -1, 1, -2 ... become 0, 1, 2, 3 ...).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace millrace {

constexpr int kUvarint32BytesMax = 5;
constexpr int kUvarint64BytesMax = 10;

constexpr uint32_t zigzag32(int32_t n) {
    return (static_cast<uint32_t>(n) << 1) ^ static_cast<uint32_t>(n >> 31);
}
constexpr uint64_t zigzag64(int64_t n) {
    return (static_cast<uint64_t>(n) << 1) ^ static_cast<uint64_t>(n >> 63);
}
constexpr int32_t unzigzag32(uint32_t n) {
    return static_cast<int32_t>((n >> 1) ^ (~(n & 1) + 1));
}
constexpr int64_t unzigzag64(uint64_t n) {
    return static_cast<int64_t>((n >> 1) ^ (~(n & 1) + 1));
}

constexpr int uvarint_size(uint64_t n) {
    int size = 1;
    while (n >= 0x80) n >>= 7, ++size;
    return size;
}

// Writes at `p` and returns the byte after it; the caller has made sure of the room (the maxima
// above).
inline uint8_t* write_uvarint(uint8_t* p, uint64_t n) {
    while (n >= 0x80) {
        *p++ = static_cast<uint8_t>(n | 0x80);
        n >>= 7;
    }
    *p++ = static_cast<uint8_t>(n);
    return p;
}

// Reads from [p, end) and returns the byte after it; nullptr when the input is cut, or does not fit
// the type.
const uint8_t* read_uvarint32(const uint8_t* p, const uint8_t* end, uint32_t& out);
const uint8_t* read_uvarint64(const uint8_t* p, const uint8_t* end, uint64_t& out);

}  // namespace millrace
