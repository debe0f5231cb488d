#include <algorithm>
#include <memory>

#include <lz4frame.h>

#include "base/check.h"
#include "protocol/compression_codecs.h"

namespace millrace::protocol {
namespace {

constexpr uint32_t kFrameMagic = 0x184d2204;  // little-endian
constexpr size_t kFrameStartBytes = 7;        // magic, flags, block descriptor, header checksum
constexpr uint8_t kFlagVersion = 0x40;
constexpr uint8_t kFlagIndependent = 0x20;
constexpr uint8_t kFlagReserved = 0x03;
// Kafka's default level, which stands for the fast compressor; the others select the high
// compressor.
constexpr int kFastLevel = 9;

struct CompressFree {
    void operator()(LZ4F_cctx* c) const { LZ4F_freeCompressionContext(c); }
};
struct DecompressFree {
    void operator()(LZ4F_dctx* c) const { LZ4F_freeDecompressionContext(c); }
};

LZ4F_cctx* compress_context() {
    static thread_local std::unique_ptr<LZ4F_cctx, CompressFree> context;
    if (!context) {
        LZ4F_cctx* fresh = nullptr;
        INVARIANT(!LZ4F_isError(LZ4F_createCompressionContext(&fresh, LZ4F_VERSION)));
        context.reset(fresh);
    }
    return context.get();
}

using Decompressor = std::unique_ptr<LZ4F_dctx, DecompressFree>;

Decompressor make_decompressor() {
    LZ4F_dctx* fresh = nullptr;
    INVARIANT(!LZ4F_isError(LZ4F_createDecompressionContext(&fresh, LZ4F_VERSION)));
    return Decompressor(fresh);
}

// What Java's reader insists on; the library itself would take more.
bool is_acceptable_start(ByteView input) {
    if (input.size() < kFrameStartBytes) return false;
    const uint32_t magic = static_cast<uint32_t>(input[0]) | static_cast<uint32_t>(input[1]) << 8 |
                           static_cast<uint32_t>(input[2]) << 16 |
                           static_cast<uint32_t>(input[3]) << 24;
    const uint8_t flags = input[4];
    return magic == kFrameMagic && (flags & 0xc0) == kFlagVersion &&
           (flags & kFlagIndependent) != 0 && (flags & kFlagReserved) == 0;
}

}  // namespace

void lz4_compress(int level, ByteView input, std::vector<uint8_t>& out) {
    LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
    preferences.frameInfo.blockSizeID = LZ4F_max64KB;
    preferences.frameInfo.blockMode = LZ4F_blockIndependent;
    preferences.compressionLevel = level == kFastLevel ? 0 : std::clamp(level, 1, 12);
    preferences.autoFlush = 1;
    const size_t before = out.size();
    out.resize(before + LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(input.size(), &preferences) + 16);
    LZ4F_cctx* const context = compress_context();
    size_t at = before;
    const auto add = [&](size_t written) {
        INVARIANT(!LZ4F_isError(written));
        at += written;
    };
    add(LZ4F_compressBegin(context, out.data() + at, out.size() - at, &preferences));
    add(LZ4F_compressUpdate(context, out.data() + at, out.size() - at, input.data(), input.size(),
                            nullptr));
    add(LZ4F_compressEnd(context, out.data() + at, out.size() - at, nullptr));
    out.resize(at);
}

Result<void> lz4_decompress(ByteView input, BoundedOutput& out) {
    static thread_local Decompressor kept;
    if (!is_acceptable_start(input)) return BoundedOutput::corrupt(Codec::lz4);
    // A context that has met a damaged frame keeps that frame's content size through a reset, and
    // then refuses every later one: so it comes back only after success.
    Decompressor context = kept ? std::move(kept) : make_decompressor();
    while (true) {
        if (out.room() == 0) TRY_OK(out.grow());
        size_t produced = out.room();
        size_t consumed = input.size();
        const size_t hint =
            LZ4F_decompress(context.get(), out.tail(), &produced, input.data(), &consumed, nullptr);
        if (LZ4F_isError(hint)) return BoundedOutput::corrupt(Codec::lz4);
        out.advance(produced);
        input = input.subspan(consumed);
        // What follows the first frame is left unread, as Java's reader does.
        if (hint == 0) break;
        if (out.room() != 0 && produced == 0 && consumed == 0) {
            return BoundedOutput::corrupt(Codec::lz4);
        }
    }
    LZ4F_resetDecompressionContext(context.get());
    kept = std::move(context);
    return {};
}

}  // namespace millrace::protocol
