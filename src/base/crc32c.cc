#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace millrace {

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
    return ~state;
}

}  // namespace millrace
