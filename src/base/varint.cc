#include "base/varint.h"

namespace millrace {
namespace {

template <typename T>
const uint8_t* read_uvarint(const uint8_t* p, const uint8_t* end, T& out) {
    constexpr int kBits = sizeof(T) * 8;
    T value = 0;
    for (int shift = 0; shift < kBits && p != end; shift += 7) {
        const uint8_t byte = *p++;
        const int room = kBits - shift;
        if (room < 7 && ((byte & 0x7f) >> room) != 0) return nullptr;
        value |= static_cast<T>(static_cast<T>(byte & 0x7f) << shift);
        if ((byte & 0x80) == 0) {
            out = value;
            return p;
        }
    }
    return nullptr;
}

}  // namespace

const uint8_t* read_uvarint32(const uint8_t* p, const uint8_t* end, uint32_t& out) {
    return read_uvarint(p, end, out);
}
const uint8_t* read_uvarint64(const uint8_t* p, const uint8_t* end, uint64_t& out) {
    return read_uvarint(p, end, out);
}

}  // namespace millrace
