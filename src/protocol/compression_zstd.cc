#include <algorithm>
#include <memory>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/check.h"
#include "protocol/compression_codecs.h"

namespace millrace::protocol {
namespace {

struct CompressFree {
    void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
};
struct DecompressFree {
    void operator()(ZSTD_DCtx* c) const { ZSTD_freeDCtx(c); }
};

}  // namespace

void zstd_compress(int level, ByteView input, std::vector<uint8_t>& out) {
    static thread_local std::unique_ptr<ZSTD_CCtx, CompressFree> context;
    if (!context) context.reset(ZSTD_createCCtx());
    INVARIANT(context != nullptr);
    const size_t before = out.size();
    out.resize(before + ZSTD_compressBound(input.size()));
    const size_t size =
        ZSTD_compressCCtx(context.get(), out.data() + before, out.size() - before, input.data(),
                          input.size(), std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel()));
    INVARIANT(!ZSTD_isError(size));
    out.resize(before + size);
}

Result<void> zstd_decompress(ByteView input, BoundedOutput& out) {
    static thread_local std::unique_ptr<ZSTD_DCtx, DecompressFree> context;
    if (!context) context.reset(ZSTD_createDCtx());
    INVARIANT(context != nullptr);
    // Straight into the output, all frames at once: it is its own window, so the context needs
    // none, and starting over with twice the room is rarer and cheaper than copying out of a window
    // each time.
    while (true) {
        const size_t size =
            ZSTD_decompressDCtx(context.get(), out.tail(), out.room(), input.data(), input.size());
        if (!ZSTD_isError(size)) {
            out.advance(size);
            return {};
        }
        if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall) {
            return BoundedOutput::corrupt(Codec::zstd);
        }
        TRY_OK(out.grow());
    }
}

}  // namespace millrace::protocol
