#include "net/frame_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "base/random.h"
#include "runtime/event.h"
#include "runtime/linux_loop.h"
#include "runtime/scope.h"

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
    Task<void> readable() override { co_await runtime::Loop::current().yield(); }
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
    BufferPool pool;
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

namespace {

// Gives nothing while `come` is not set.
class LateStream : public PieceStream {
public:
    explicit LateStream(std::vector<uint8_t> bytes) : PieceStream(std::move(bytes), 1, SIZE_MAX) {}
    Result<size_t> read_now(MutableByteView into) override {
        if (!come.is_set()) return fail(ErrorCode::would_block);
        return PieceStream::read_now(into);
    }
    Task<void> readable() override {
        waiting = true;
        co_await come.wait();
        waiting = false;
    }
    runtime::Event come;
    bool waiting = false;
};

Task<void> read_one(FrameReader& reader, size_t& frame_bytes) {
    for (;;) {
        auto frame = reader.buffered();
        INVARIANT(frame.has_value());
        if (*frame) {
            frame_bytes = (*frame)->size();
            co_return;
        }
        INVARIANT((co_await reader.fill()).has_value());
    }
}

}  // namespace

TEST_CASE("large frames of many connections take turns; small ones need no budget") {
    runtime::LinuxLoop loop;
    BufferPool pool({.request_bytes_max = 300'000});
    const auto run = [](BufferPool& memory) -> Task<void> {
        runtime::Loop& here = runtime::Loop::current();
        const auto large = framed({std::vector<uint8_t>(200'000)});
        PieceStream streams[] = {{large, 1, 5000}, {large, 2, 5000}, {large, 3, 5000}};
        PieceStream small_stream(framed({{1, 2, 3}}), 4, 10);
        auto first = std::make_unique<FrameReader>(streams[0], memory, 1u << 20);
        FrameReader second(streams[1], memory, 1u << 20);
        FrameReader third(streams[2], memory, 1u << 20);
        FrameReader small(small_stream, memory, 1u << 20);
        size_t got[4] = {};
        co_await read_one(*first, got[0]);
        co_await read_one(second, got[1]);  // passes the limit, as the last one may
        CHECK(memory.budget().bytes_held() == 2 * 200'004);
        runtime::Scope scope{here};
        scope.spawn(read_one(third, got[2]));
        scope.spawn(read_one(small, got[3]));
        while (memory.budget().waits() == 0 || got[3] == 0) co_await here.yield();
        CHECK(got[2] == 0);
        first.reset();
        co_await scope.join();
        CHECK(got[2] == 200'000);
        CHECK(memory.budget().bytes_held() == 2 * 200'004);
    };
    loop.run(run(pool));
    CHECK(pool.budget().bytes_held() == 0);
}

TEST_CASE("frames that all wait for their rest get it one after the other") {
    runtime::LinuxLoop loop;
    BufferPool pool({.request_bytes_max = 3u << 20});
    const auto run = [](BufferPool& memory) -> Task<void> {
        runtime::Loop& here = runtime::Loop::current();
        constexpr size_t kFrames = 6;
        std::deque<PieceStream> streams;
        size_t got[kFrames] = {};
        runtime::Scope scope{here};
        const auto read = [](runtime::Stream& stream, BufferPool& of, size_t& bytes) -> Task<void> {
            FrameReader reader(stream, of, 6'000'000);
            co_await read_one(reader, bytes);
        };
        for (size_t i = 0; i < kFrames; ++i) {
            streams.emplace_back(framed({std::vector<uint8_t>(5'000'000 + i)}), i, 50'000);
            scope.spawn(read(streams.back(), memory, got[i]));
        }
        co_await scope.join();
        for (size_t i = 0; i < kFrames; ++i) CHECK(got[i] == 5'000'000 + i);
    };
    loop.run(run(pool));
    CHECK(pool.budget().waits() != 0);
}

TEST_CASE("a reader that waits for its next frame holds no large buffer") {
    runtime::LinuxLoop loop;
    BufferPool pool;
    const auto run = [](BufferPool& memory) -> Task<void> {
        runtime::Loop& here = runtime::Loop::current();
        LateStream stream(framed({std::vector<uint8_t>(200'000), {1, 2}}));
        stream.come.set();
        FrameReader reader(stream, memory, 1u << 20);
        size_t got = 0;
        co_await read_one(reader, got);
        CHECK(memory.budget().bytes_held() != 0);
        stream.come.reset();
        runtime::Scope scope{here};
        scope.spawn(read_one(reader, got));
        while (!stream.waiting) co_await here.yield();
        CHECK(memory.budget().bytes_held() == 0);
        stream.come.set();
        co_await scope.join();
        CHECK(got == 2);
    };
    loop.run(run(pool));
}
