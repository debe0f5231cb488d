#include <doctest/doctest.h>

#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "base/result.h"
#include "base/uuid.h"
#include "base/varint.h"

using namespace millrace;

TEST_CASE("crc32c has the published check value and goes on from a seed") {
    const auto digits = as_bytes("123456789");
    CHECK(crc32c(digits) == 0xe3069283u);
    CHECK(crc32c(digits.subspan(4), crc32c(digits.first(4))) == 0xe3069283u);
    CHECK(crc32c({}) == 0u);
}

TEST_CASE("uvarints round-trip at every length, and a cut or too long one is refused") {
    Rng rng{1};
    for (int bits = 0; bits <= 64; ++bits) {
        const uint64_t n = bits == 0 ? 0 : rng.next() >> (64 - bits);
        uint8_t buffer[kUvarint64BytesMax];
        const uint8_t* end = write_uvarint(buffer, n);
        CHECK(end - buffer == uvarint_size(n));
        uint64_t back = 0;
        CHECK(read_uvarint64(buffer, end, back) == end);
        CHECK(back == n);
        CHECK(read_uvarint64(buffer, end - 1, back) == nullptr);
    }
    const uint8_t over32[] = {0xff, 0xff, 0xff, 0xff, 0x1f};
    uint32_t out = 0;
    CHECK(read_uvarint32(over32, over32 + 5, out) == nullptr);
    for (int32_t n : {0, -1, 1, INT32_MIN, INT32_MAX}) CHECK(unzigzag32(zigzag32(n)) == n);
    for (int64_t n : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX})
        CHECK(unzigzag64(zigzag64(n)) == n);
}

TEST_CASE("a uuid's text is Kafka's") {
    CHECK(kMetadataTopicId.to_string() == "AAAAAAAAAAAAAAAAAAAAAQ");
    CHECK(*Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ") == kMetadataTopicId);
    Rng rng{7};
    for (int i = 0; i < 1000; ++i) {
        const Uuid u = Uuid::random(rng);
        CHECK(*Uuid::parse(u.to_string()) == u);
    }
    CHECK(Uuid::parse("short").code() == ErrorCode::invalid_request);
    CHECK(Uuid::parse("AAAAAAAAAAAAAAAAAAAA?A").code() == ErrorCode::invalid_request);
}

TEST_CASE("TRY hands on the error or gives the value") {
    auto half = [](int n) -> Result<int> {
        if (n % 2) return fail(ErrorCode::invalid_request, "odd");
        return n / 2;
    };
    auto quarter = [&](int n) -> Result<int> {
        TRY(int h, half(n));
        return half(h);
    };
    CHECK(*quarter(8) == 2);
    CHECK(quarter(6).error().describe() == "INVALID_REQUEST: odd");
    CHECK(quarter(3).code() == ErrorCode::invalid_request);
}

TEST_CASE("big-endian access") {
    uint8_t bytes[8];
    store_be<int32_t>(bytes, -2);
    CHECK(bytes[0] == 0xff);
    CHECK(bytes[3] == 0xfe);
    CHECK(load_be<int32_t>(bytes) == -2);
    store_be<uint16_t>(bytes, 0x0102);
    CHECK(bytes[0] == 1);
}
