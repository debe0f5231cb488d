#include "storage/key_hash.h"

#include <bit>
#include <cstring>

namespace millrace::storage {
namespace {

struct Lanes {
    uint64_t a, b, c, d;

    void round() {
        a += b;
        c += d;
        b = std::rotl(b, 13) ^ a;
        d = std::rotl(d, 16) ^ c;
        a = std::rotl(a, 32);
        c += b;
        a += d;
        b = std::rotl(b, 17) ^ c;
        d = std::rotl(d, 21) ^ a;
        c = std::rotl(c, 32);
    }
    void rounds(int count) {
        for (; count > 0; --count) round();
    }
    void absorb(uint64_t word) {
        d ^= word;
        rounds(2);
        a ^= word;
    }
    uint64_t sum() const { return a ^ b ^ c ^ d; }
};

// The first `count` bytes, at most 8, as a little-endian number.
uint64_t load_le(const uint8_t* p, size_t count) {
    uint64_t word = 0;
    std::memcpy(&word, p, count);
    if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    return word;
}

}  // namespace

KeyHash KeyHasher::operator()(ByteView key) const {
    Lanes lanes{k0_ ^ 0x736f6d6570736575, k1_ ^ 0x646f72616e646f6d ^ 0xee, k0_ ^ 0x6c7967656e657261,
                k1_ ^ 0x7465646279746573};
    const uint8_t* p = key.data();
    size_t left = key.size();
    for (; left >= 8; left -= 8, p += 8) lanes.absorb(load_le(p, 8));
    const uint64_t last = left > 0 ? load_le(p, left) : 0;
    lanes.absorb(last | (static_cast<uint64_t>(key.size()) << 56));
    lanes.c ^= 0xee;
    lanes.rounds(4);
    const uint64_t first = lanes.sum();
    lanes.b ^= 0xdd;
    lanes.rounds(4);
    return {first, lanes.sum()};
}

}  // namespace millrace::storage
