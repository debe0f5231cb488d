#include <algorithm>
#include <array>
#include <cstring>

#include <snappy.h>

#include "protocol/compression_codecs.h"

namespace millrace::protocol {
namespace {

constexpr std::array<uint8_t, 16> kFrameStart = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                 0,    0,   0,   1,   0,   0,   0,   1};
constexpr size_t kFrameMagicBytes = 8;
constexpr size_t kBlockBytes = 32768;
// A copy of 64 bytes takes 3, the densest that snappy has: a block that claims more is lying.
constexpr size_t kExpansionMax = 22;

bool starts_frame(ByteView input) {
    return input.size() >= kFrameStart.size() &&
           std::memcmp(input.data(), kFrameStart.data(), kFrameMagicBytes) == 0;
}

Result<void> append_block(ByteView block, BoundedOutput& out) {
    const auto* const data = reinterpret_cast<const char*>(block.data());
    size_t size = 0;
    if (!snappy::GetUncompressedLength(data, block.size(), &size) ||
        size > block.size() * kExpansionMax) {
        return BoundedOutput::corrupt(Codec::snappy);
    }
    TRY_OK(out.reserve(size));
    if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(out.tail()))) {
        return BoundedOutput::corrupt(Codec::snappy);
    }
    out.advance(size);
    return {};
}

}  // namespace

void snappy_compress(ByteView input, std::vector<uint8_t>& out) {
    out.insert(out.end(), kFrameStart.begin(), kFrameStart.end());
    while (!input.empty()) {
        const ByteView piece = input.first(std::min(input.size(), kBlockBytes));
        const size_t before = out.size();
        out.resize(before + 4 + snappy::MaxCompressedLength(piece.size()));
        size_t size = 0;
        snappy::RawCompress(reinterpret_cast<const char*>(piece.data()), piece.size(),
                            reinterpret_cast<char*>(out.data() + before + 4), &size);
        store_be(out.data() + before, static_cast<uint32_t>(size));
        out.resize(before + 4 + size);
        input = input.subspan(piece.size());
    }
}

Result<void> snappy_decompress(ByteView input, BoundedOutput& out) {
    if (!starts_frame(input)) return append_block(input, out);
    while (!input.empty()) {
        // Frames may follow each other: Java's reader takes a new start wherever a block may begin.
        if (starts_frame(input)) {
            if (load_be<int32_t>(input.data() + 12) < 1) break;
            input = input.subspan(kFrameStart.size());
            continue;
        }
        if (input.size() < 4) return BoundedOutput::corrupt(Codec::snappy);
        const auto size = load_be<uint32_t>(input.data());
        input = input.subspan(4);
        if (size > input.size()) return BoundedOutput::corrupt(Codec::snappy);
        TRY_OK(append_block(input.first(size), out));
        input = input.subspan(size);
    }
    if (!input.empty()) return BoundedOutput::corrupt(Codec::snappy);
    return {};
}

}  // namespace millrace::protocol
