#include <algorithm>
#include <array>
#include <memory>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>

#include "base/check.h"
#include "protocol/compression_codecs.h"

namespace millrace::protocol {
namespace {

// ISA-L's own levels 1 and 3: three to ten times as fast as zlib at nearly its ratio. Levels 7..9
// ask for size, and get libdeflate.
constexpr int kFastLevelMax = 3;
constexpr int kIsalLevelMax = 6;

struct Deflater {
    isal_zstream stream;
    std::array<uint8_t, std::max<size_t>(ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL3_DEFAULT)>
        level_buffer;
};

struct DeflateFree {
    void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};

size_t compress_small(int level, ByteView input, MutableByteView out) {
    static thread_local std::array<std::unique_ptr<libdeflate_compressor, DeflateFree>, 10>
        contexts;
    auto& context = contexts[static_cast<size_t>(level)];
    if (!context) context.reset(libdeflate_alloc_compressor(level));
    INVARIANT(context != nullptr);
    return libdeflate_gzip_compress(context.get(), input.data(), input.size(), out.data(),
                                    out.size());
}

size_t compress_fast(int level, ByteView input, MutableByteView out) {
    static thread_local std::unique_ptr<Deflater> context;
    if (!context) context = std::make_unique<Deflater>();
    isal_zstream& stream = context->stream;
    isal_deflate_stateless_init(&stream);
    stream.level = level <= kFastLevelMax ? 1 : 3;
    stream.level_buf = context->level_buffer.data();
    stream.level_buf_size = level <= kFastLevelMax ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL3_DEFAULT;
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.next_in = const_cast<uint8_t*>(input.data());
    stream.avail_in = static_cast<uint32_t>(input.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<uint32_t>(out.size());
    INVARIANT(isal_deflate_stateless(&stream) == COMP_OK);
    return stream.total_out;
}

bool starts_member(const uint8_t* p, size_t size) {
    return size >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

}  // namespace

void gzip_compress(int level, ByteView input, std::vector<uint8_t>& out) {
    const size_t before = out.size();
    // Stored blocks are the worst case: five bytes for each of at most 64 KiB, and the member's own
    // header and trailer.
    out.resize(before + input.size() + (input.size() / 32768 + 2) * 8 + 64);
    const MutableByteView room{out.data() + before, out.size() - before};
    level = std::clamp(level, -1, 9);
    const size_t size = level > kIsalLevelMax ? compress_small(level, input, room)
                                              : compress_fast(level, input, room);
    INVARIANT(size > 0);
    out.resize(before + size);
}

Result<void> gzip_decompress(ByteView input, BoundedOutput& out) {
    static thread_local std::unique_ptr<inflate_state> context;
    if (!context) context = std::make_unique<inflate_state>();
    inflate_state& state = *context;
    if (!starts_member(input.data(), input.size())) return BoundedOutput::corrupt(Codec::gzip);
    state.next_in = const_cast<uint8_t*>(input.data());
    state.avail_in = static_cast<uint32_t>(input.size());
    // What follows a member and is not another one is left unread, as Java's reader does.
    while (starts_member(state.next_in, state.avail_in)) {
        uint8_t* const next_in = state.next_in;
        const uint32_t avail_in = state.avail_in;
        isal_inflate_init(&state);
        state.crc_flag = ISAL_GZIP;
        state.next_in = next_in;
        state.avail_in = avail_in;
        do {
            if (out.room() == 0) TRY_OK(out.grow());
            const uint32_t left = state.avail_in;
            state.next_out = out.tail();
            state.avail_out = static_cast<uint32_t>(out.room());
            const size_t room = state.avail_out;
            if (isal_inflate(&state) != ISAL_DECOMP_OK) return BoundedOutput::corrupt(Codec::gzip);
            out.advance(room - state.avail_out);
            const bool stuck = state.avail_out == room && state.avail_in == left;
            const bool starved = state.avail_in == 0 && state.avail_out != 0;
            if (state.block_state != ISAL_BLOCK_FINISH && (stuck || starved)) {
                return BoundedOutput::corrupt(Codec::gzip);
            }
        } while (state.block_state != ISAL_BLOCK_FINISH);
    }
    return {};
}

}  // namespace millrace::protocol
