#include "net/frame_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "runtime/linux_loop.h"

using namespace millrace;
using namespace millrace::net;
using runtime::Task;

namespace {

// Gives out `bytes` in pieces of random size, with would_block in between.
class PieceStream : public runtime::Stream {
public:
    PieceStream(std::vector<uint8_t> bytes, uint64_t seed, size_t piece_max)
        : bytes_(std::move(bytes)), rng_(seed), piece_max_(piece_max) {}

    Task<Result<size_t>> read(MutableByteView into) override { co_return take(into); }
    Result<size_t> read_now(MutableByteView into) override {
        if (rng_.chance(0.5)) return fail(ErrorCode::would_block);
        return take(into);
    }
    Task<Result<void>> write(std::span<const ByteView>) override { co_return Result<void>{}; }
    Task<Result<void>> send_file(runtime::File&, uint64_t, uint64_t) override {
        co_return Result<void>{};
    }
    void want(size_t) override {}
    void close() override {}
    const std::string& peer() const override { return peer_; }

private:
    size_t take(MutableByteView into) {
        const size_t piece =
            std::min({into.size(), bytes_.size() - at_, rng_.below(piece_max_) + 1});
        std::memcpy(into.data(), bytes_.data() + at_, piece);
        at_ += piece;
        return piece;
    }

    std::vector<uint8_t> bytes_;
    size_t at_ = 0;
    Rng rng_;
    size_t piece_max_;
    std::string peer_ = "test";
};

struct Read {
    std::vector<std::vector<uint8_t>> frames;
    Result<void> end;
};

Task<Read> read_all(FrameReader& reader, bool keep_frames) {
    Read out;
    std::vector<SharedBytes> kept;
    for (;;) {
        auto frame = reader.buffered();
        if (!frame) {
            out.end = frame.error();
            co_return out;
        }
        if (*frame) {
            out.frames.emplace_back((*frame)->view.begin(), (*frame)->view.end());
            if (keep_frames) kept.push_back(**frame);
            continue;
        }
        const auto more = co_await reader.fill();
        if (!more) out.end = more.error();
        if (!more || !*more) break;
    }
    // What was handed out earlier must not have been written over.
    for (size_t i = 0; i < kept.size(); ++i)
        CHECK(std::equal(kept[i].view.begin(), kept[i].view.end(), out.frames[i].begin()));
    co_return out;
}

std::vector<uint8_t> framed(const std::vector<std::vector<uint8_t>>& frames) {
    std::vector<uint8_t> out;
    for (const auto& frame : frames) {
        uint8_t size[4];
        store_be<int32_t>(size, static_cast<int32_t>(frame.size()));
        out.insert(out.end(), size, size + 4);
        out.insert(out.end(), frame.begin(), frame.end());
    }
    return out;
}

Read read_with(std::vector<uint8_t> bytes, uint64_t seed, size_t piece_max, bool keep,
               size_t frame_max = 1u << 20) {
    PieceStream stream(std::move(bytes), seed, piece_max);
    BufferPool pool(1u << 20);
    FrameReader reader(stream, pool, frame_max);
    runtime::LinuxLoop loop;
    return loop.run_for_result(read_all(reader, keep));
}

}  // namespace

TEST_CASE(
    "frames come out whole however the bytes arrive, and stay untouched while they are held") {
    Rng rng{42};
    for (int round = 0; round < 60; ++round) {
        std::vector<std::vector<uint8_t>> frames(rng.below(20) + 1);
        for (auto& frame : frames) {
            frame.resize(rng.chance(0.2) ? rng.below(300'000) + 1 : rng.below(600) + 1);
            for (uint8_t& byte : frame) byte = static_cast<uint8_t>(rng.next());
        }
        const size_t piece = round % 3 == 0 ? 100'000 : round % 3 == 1 ? 3000 : 50;
        const Read read = read_with(framed(frames), rng.next(), piece, round % 2 == 0);
        REQUIRE(read.end);
        REQUIRE(read.frames.size() == frames.size());
        CHECK(read.frames == frames);
    }
}

TEST_CASE("sizes outside the limits end the stream") {
    for (const int32_t size : {0, -1, INT32_MIN, 1001, INT32_MAX}) {
        std::vector<uint8_t> bytes(2000);
        store_be<int32_t>(bytes.data(), size);
        const Read read = read_with(bytes, 1, 5000, false, 1000);
        CHECK(read.frames.empty());
        CHECK(read.end.code() == ErrorCode::malformed);
    }
    std::vector<uint8_t> largest(1004);
    store_be<int32_t>(largest.data(), 1000);
    CHECK(read_with(largest, 1, 5000, false, 1000).frames.size() == 1);
}

TEST_CASE("a cut frame at the end of the stream is dropped") {
    auto bytes = framed({{1, 2, 3}, {4, 5, 6, 7}});
    bytes.resize(bytes.size() - 1);
    const Read read = read_with(bytes, 3, 4, false);
    CHECK(read.end);
    CHECK(read.frames == std::vector<std::vector<uint8_t>>{{1, 2, 3}});
}
