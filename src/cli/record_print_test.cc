#include "cli/record_print.h"

#include <doctest/doctest.h>

#include "protocol/record_batch_builder.h"

using namespace millrace;
using namespace millrace::cli;

namespace {

std::string printed(const RecordPrint& print, std::optional<ByteView> key,
                    std::optional<ByteView> value,
                    std::span<const protocol::RecordHeader> headers = {}) {
    protocol::BatchBuilder builder({.base_offset = 42});
    builder.append(1000, key, value, headers);
    const auto bytes = *builder.finish();
    std::vector<uint8_t> scratch;
    std::string out;
    const auto done = protocol::for_each_record(
        *protocol::BatchView::parse(bytes), scratch,
        [&](const protocol::RecordView& record) { print.print({"t", 3}, record, out); });
    CHECK(done.has_value());
    return out;
}

}  // namespace

TEST_CASE("a format of one's own") {
    const protocol::RecordHeader headers[] = {{"a", as_bytes("1")}, {"b", std::nullopt}};
    const auto print =
        RecordPrint::format("%t/%p/%o %k(%K)=%s(%S) %T %h 100%%\\n", RecordPrint::Bytes::text);
    REQUIRE(print.has_value());
    CHECK(printed(*print, as_bytes("k"), as_bytes("value"), headers) ==
          "t/3/42 k(1)=value(5) 1000 a=1,b= 100%\n");
    CHECK(printed(*print, std::nullopt, std::nullopt) == "t/3/42 (-1)=(-1) 1000  100%\n");
    for (const char* bad : {"%", "%x", "%s%", "\\q"})
        CHECK(RecordPrint::format(bad, RecordPrint::Bytes::text).code() == ErrorCode::malformed);
}

TEST_CASE("bytes as hexadecimal digits") {
    const uint8_t bytes[] = {0x00, 0xff, 0x10, 0x01};
    const auto hex = RecordPrint::format("%s", RecordPrint::Bytes::hex);
    CHECK(printed(*hex, std::nullopt, bytes) == "00ff1001");
}

TEST_CASE("a record as JSON, also where it is no text") {
    const auto print = RecordPrint::json();
    CHECK(printed(print, std::nullopt, as_bytes("a\"b\n")) ==
          "{\"topic\":\"t\",\"partition\":3,\"offset\":42,\"timestamp\":1000,\"key\":null,"
          "\"value\":\"a\\\"b\\n\"}\n");
    // Of one, two and three bytes, as each ends in another way.
    for (const auto& [size, base64] : {std::pair{1, "/w=="}, {2, "//8="}, {3, "////"}}) {
        const std::vector<uint8_t> value(static_cast<size_t>(size), 0xff);
        CHECK(printed(print, std::nullopt, ByteView{value})
                  .contains(std::string("\"value_base64\":\"") + base64 + "\""));
    }
    const uint8_t bytes[] = {0xff};
    const protocol::RecordHeader headers[] = {{"h", bytes}};
    CHECK(printed(print, bytes, std::nullopt, headers) ==
          "{\"topic\":\"t\",\"partition\":3,\"offset\":42,\"timestamp\":1000,"
          "\"key_base64\":\"/w==\",\"value\":null,\"headers\":{\"h_base64\":\"/w==\"}}\n");
}
