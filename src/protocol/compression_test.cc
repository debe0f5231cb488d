#include <doctest/doctest.h>

#include "base/random.h"
#include "protocol/compression.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

constexpr Codec kCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};
constexpr size_t kPlenty = size_t{64} << 20;

// Between noise and one repeated byte, by `alphabet`.
std::vector<uint8_t> make_input(Rng& rng, size_t size, uint64_t alphabet) {
    std::vector<uint8_t> out(size);
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(rng.below(alphabet));
    return out;
}

std::vector<uint8_t> pack(Codec codec, int level, ByteView input) {
    std::vector<uint8_t> out;
    REQUIRE(compress(codec, level, input, out));
    return out;
}

std::vector<uint8_t> unpack(Codec codec, ByteView input) {
    std::vector<uint8_t> scratch;
    const auto out = decompress(codec, input, scratch, kPlenty);
    REQUIRE(out.has_value());
    return {out->begin(), out->end()};
}

}  // namespace

TEST_CASE("what goes in comes out, whatever the codec, level, size and content") {
    Rng rng(1);
    for (const size_t size : {0, 1, 2, 15, 100, 4095, 4096, 32767, 32768, 32769, 65536, 300000}) {
        for (const uint64_t alphabet : {1, 2, 20, 256}) {
            const auto input = make_input(rng, size, alphabet);
            for (const Codec codec : kCodecs) {
                for (const int level : {-200000, -5, -1, 0, 1, 3, 4, 6, 9, 12, 1000}) {
                    // The highest zstd levels take seconds for nothing that the others do not show.
                    if (codec == Codec::zstd && (level > 9 || (level > 3 && size > 70000)))
                        continue;
                    if (size > 40000 && level != -1 && level != 9) continue;
                    CAPTURE(codec_name(codec));
                    CAPTURE(level);
                    CAPTURE(size);
                    CHECK(unpack(codec, pack(codec, level, input)) == input);
                }
            }
        }
    }
}

TEST_CASE("compression appends") {
    for (const Codec codec : kCodecs) {
        std::vector<uint8_t> out = {7, 8, 9};
        const std::vector<uint8_t> input(1000, 'x');
        REQUIRE(compress(codec, 3, input, out));
        CHECK(std::vector<uint8_t>(out.begin(), out.begin() + 3) == std::vector<uint8_t>{7, 8, 9});
        CHECK(unpack(codec, ByteView{out}.subspan(3)) == input);
    }
}

TEST_CASE("output is bounded, and exactly the bound is allowed") {
    const std::vector<uint8_t> input(1000000, 'a');
    for (const Codec codec : kCodecs) {
        CAPTURE(codec_name(codec));
        const auto packed = pack(codec, 3, input);
        std::vector<uint8_t> scratch;
        CHECK(decompress(codec, packed, scratch, input.size())->size() == input.size());
        for (const size_t limit : {size_t{0}, size_t{1}, size_t{5000}, input.size() - 1}) {
            std::vector<uint8_t> fresh;
            CHECK(decompress(codec, packed, fresh, limit).code() ==
                  ErrorCode::record_list_too_large);
            CHECK(fresh.size() <= limit);
        }
    }
}

TEST_CASE("scratch is reused and only grows") {
    std::vector<uint8_t> scratch;
    const auto large = pack(Codec::lz4, 9, std::vector<uint8_t>(200000, 'l'));
    const auto small = pack(Codec::lz4, 9, std::vector<uint8_t>(10, 's'));
    REQUIRE(decompress(Codec::lz4, large, scratch, kPlenty));
    const size_t size = scratch.size();
    const auto out = decompress(Codec::lz4, small, scratch, kPlenty);
    REQUIRE(out.has_value());
    CHECK(out->size() == 10);
    CHECK(out->data() == scratch.data());
    CHECK(scratch.size() == size);
}

TEST_CASE("cut blocks are refused") {
    Rng rng(2);
    const auto input = make_input(rng, 3000, 20);
    for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        CAPTURE(codec_name(codec));
        const auto packed = pack(codec, 1, input);
        std::vector<uint8_t> scratch;
        for (size_t size = 0; size < packed.size(); ++size) {
            const auto out = decompress(codec, ByteView{packed}.first(size), scratch, kPlenty);
            CAPTURE(size);
            // A frame's start without blocks, and no frame at all, decompress to nothing.
            CHECK((!out.has_value() || out->empty()));
        }
    }
}

TEST_CASE("damage never yields more than the bound, nor a crash") {
    Rng rng(3);
    std::vector<uint8_t> scratch;
    for (int round = 0; round < 4000; ++round) {
        const Codec codec = kCodecs[1 + rng.below(4)];
        auto packed = pack(codec, 1, make_input(rng, rng.below(2000), 1 + rng.below(30)));
        for (uint64_t i = 0; i <= rng.below(4); ++i) {
            packed[rng.below(packed.size())] = static_cast<uint8_t>(rng.next());
        }
        const auto out = decompress(codec, packed, scratch, 5000);
        if (out) CHECK(out->size() <= 5000);
    }
}

TEST_CASE("damage does not spoil what comes after it") {
    Rng rng(4);
    const auto input = make_input(rng, 500, 5);
    // An lz4 frame that claims 64 bytes of content and ends after none.
    const std::vector<uint8_t> lying = {0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, 0x40, 0x00, 0x00, 0x00,
                                        0x00, 0x00, 0x00, 0x00, 0x5c, 0,    0,    0,    0};
    std::vector<uint8_t> scratch;
    CHECK(!decompress(Codec::lz4, lying, scratch, kPlenty));
    for (int round = 0; round < 3000; ++round) {
        const Codec codec = kCodecs[1 + rng.below(4)];
        auto damaged = pack(codec, 1, input);
        for (int i = 0; i < 3; ++i) {
            damaged[rng.below(std::min<size_t>(damaged.size(), 40))] =
                static_cast<uint8_t>(rng.next());
        }
        (void)decompress(codec, damaged, scratch, 5000);
        CHECK(unpack(codec, pack(codec, 1, input)) == input);
    }
}

TEST_CASE("framings that only reading knows") {
    const std::vector<uint8_t> input(100000, 'q');
    SUBCASE("snappy frames one after the other") {
        auto packed = pack(Codec::snappy, 0, input);
        const auto more = pack(Codec::snappy, 0, std::vector<uint8_t>{'z'});
        packed.insert(packed.end(), more.begin(), more.end());
        auto expected = input;
        expected.push_back('z');
        CHECK(unpack(Codec::snappy, packed) == expected);
    }
    SUBCASE("gzip members and zstd frames one after the other, then nothing else for zstd") {
        for (const Codec codec : {Codec::gzip, Codec::zstd}) {
            auto packed = pack(codec, 3, input);
            const auto more = pack(codec, 3, std::vector<uint8_t>{'z'});
            packed.insert(packed.end(), more.begin(), more.end());
            auto expected = input;
            expected.push_back('z');
            CHECK(unpack(codec, packed) == expected);
        }
    }
    SUBCASE("junk at the end: gzip and lz4 leave it, zstd and snappy refuse it") {
        for (const Codec codec : {Codec::gzip, Codec::lz4, Codec::zstd, Codec::snappy}) {
            CAPTURE(codec_name(codec));
            auto packed = pack(codec, 3, input);
            for (const char c : {'j', 'u', 'n', 'k'}) packed.push_back(static_cast<uint8_t>(c));
            std::vector<uint8_t> scratch;
            const auto out = decompress(codec, packed, scratch, kPlenty);
            CHECK(out.has_value() == (codec == Codec::gzip || codec == Codec::lz4));
            if (out) CHECK(out->size() == input.size());
        }
    }
    SUBCASE("a bare snappy block that claims 4 GB is refused without memory") {
        const std::vector<uint8_t> claim = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x41};
        std::vector<uint8_t> scratch;
        CHECK(decompress(Codec::snappy, claim, scratch, kPlenty).code() ==
              ErrorCode::corrupt_message);
        CHECK(scratch.size() <= 4096);
    }
}

TEST_CASE("names of codecs") {
    for (const Codec codec : kCodecs) CHECK(codec_from_name(codec_name(codec)) == codec);
    CHECK(codec_from_name("uncompressed") == Codec::none);
    CHECK(!codec_from_name("producer"));
    CHECK(!codec_from_name("GZIP"));
}
