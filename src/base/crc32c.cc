#include "base/crc32c.h"

#include <isa-l/crc.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace {
namespace {

// ISA-L leaves the upper halves of the vector registers in use, and from then on every SSE
// instruction waits for the one before it that wrote the same register.
#if defined(__x86_64__)
__attribute__((target("avx"))) void zero_upper_halves() {
    _mm256_zeroupper();
}
void release_vectors() {
    static const bool avx = __builtin_cpu_supports("avx");
    if (avx) zero_upper_halves();
}
#else
void release_vectors() {}
#endif

}  // namespace

uint32_t crc32c(ByteView bytes, uint32_t seed) {
    // ISA-L works on the inverted register and takes an int length, so very large inputs go in
    // pieces.
    constexpr size_t kPiece = size_t{1} << 30;
    uint32_t state = ~seed;
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), kPiece));
        state =
            crc32_iscsi(const_cast<uint8_t*>(piece.data()), static_cast<int>(piece.size()), state);
        bytes = bytes.subspan(piece.size());
    }
    release_vectors();
    return ~state;
}

}  // namespace millrace
