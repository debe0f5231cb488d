// What a peer sends before anything is decoded, by the first byte: even, a stream of frames that
// arrives in pieces of the sizes that the second byte says; odd, the head of an HTTP request. No
// crash; and exactly the frames of a plain reading come out.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/random.h"
#include "net/frame_reader.h"
#include "net/http_head.h"
#include "runtime/linux_loop.h"

using namespace millrace;
using namespace millrace::net;
using runtime::Task;

namespace {

constexpr size_t kFrameBytesMax = 100'000;

class PieceStream final : public runtime::Stream {
public:
    PieceStream(ByteView bytes, uint8_t pieces)
        : bytes_(bytes), rng_(pieces), piece_max_(size_t{1} << pieces % 18) {}

    Task<Result<size_t>> read(MutableByteView into) override { co_return take(into); }
    Result<size_t> read_now(MutableByteView into) override {
        if (rng_.chance(0.3)) return fail(ErrorCode::would_block);
        return take(into);
    }
    Task<void> readable() override { co_return; }
    Task<Result<void>> write(std::span<const ByteView>) override { co_return Result<void>{}; }
    Task<Result<void>> send_file(runtime::File&, uint64_t, uint64_t) override {
        co_return Result<void>{};
    }
    void want(size_t) override {}
    void close() override {}
    const std::string& peer() const override { return peer_; }

private:
    size_t take(MutableByteView into) {
        INVARIANT(!into.empty());
        const size_t piece = std::min({into.size(), bytes_.size(), rng_.below(piece_max_) + 1});
        if (piece != 0) std::memcpy(into.data(), bytes_.data(), piece);
        bytes_ = bytes_.subspan(piece);
        return piece;
    }

    ByteView bytes_;
    Rng rng_;
    const size_t piece_max_;
    const std::string peer_ = "fuzz";
};

struct Frames {
    std::vector<SharedBytes> frames;
    bool malformed = false;
};

Task<Frames> read_all(FrameReader& reader) {
    Frames out;
    for (;;) {
        auto frame = reader.buffered();
        if (!frame) {
            INVARIANT(frame.code() == ErrorCode::malformed);
            out.malformed = true;
            co_return out;
        }
        if (*frame) {
            out.frames.push_back(**frame);
            continue;
        }
        const auto more = co_await reader.fill();
        INVARIANT(more.has_value());
        if (!*more) co_return out;
    }
}

void fuzz_frames(ByteView input, uint8_t pieces) {
    static runtime::LinuxLoop loop;
    PieceStream stream(input, pieces);
    BufferPool pool({.kept_bytes_max = 1u << 20});
    FrameReader reader(stream, pool, kFrameBytesMax);
    const Frames got = loop.run_for_result(read_all(reader));

    for (const SharedBytes& frame : got.frames) {
        INVARIANT(input.size() >= 4 + frame.view.size());
        INVARIANT(load_be<uint32_t>(input.data()) == frame.view.size());
        INVARIANT(std::ranges::equal(frame.view, input.subspan(4, frame.view.size())));
        input = input.subspan(4 + frame.view.size());
    }
    const int64_t next = input.size() < 4 ? -1 : load_be<int32_t>(input.data());
    const bool sound = next >= 1 && next <= int64_t{kFrameBytesMax};
    INVARIANT(got.malformed == (input.size() >= 4 && !sound));
    INVARIANT(!sound || static_cast<size_t>(next) + 4 > input.size());
}

void fuzz_head(std::string_view text) {
    const auto head = parse_http_head(text);
    if (!head) {
        INVARIANT(head.code() == ErrorCode::invalid_request ||
                  head.code() == ErrorCode::unsupported_version);
        return;
    }
    INVARIANT(!head->method.empty() && head->path.starts_with('/') && !head->path.contains('?'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const ByteView rest{data + 2, size - 2};
    if (data[0] % 2 == 0)
        fuzz_frames(rest, data[1]);
    else
        fuzz_head(as_text(rest));
    return 0;
}
