#include "cli/kafka/formatter.h"

#include <doctest/doctest.h>

#include "cli/kafka/deserializers.h"
#include "cli/kafka/line_reader.h"

using namespace millrace;
using namespace millrace::cli::kafka;

namespace {

std::string text_of(std::string_view type, std::vector<uint8_t> bytes) {
    const Deserializer deserializer = find_deserializer(
        fmt::format("org.apache.kafka.common.serialization.{}Deserializer", type));
    REQUIRE((deserializer != nullptr));
    std::string out;
    const auto done = deserializer(bytes, out);
    return done ? out : "! " + done.error().message;
}

// What lines become, as "headers|key|value", "-" for none; or the complaint.
std::string read(const std::vector<std::string>& properties, std::string_view line) {
    Properties given;
    given.add_pairs(properties);
    auto reader = LineReader::make(given);
    if (!reader) return "! " + reader.error().message;
    std::vector<client::RecordHeader> headers;
    const auto record = reader->read(line, headers);
    if (!record) return "! " + record.error().message;
    const auto show = [](std::optional<ByteView> b) { return b ? std::string{as_text(*b)} : "-"; };
    std::string out;
    for (const auto& header : record->headers)
        out += fmt::format("{}={};", header.key, show(header.value));
    return out + "|" + show(record->key) + "|" + show(record->value);
}

}  // namespace

TEST_CASE("Java's numbers") {
    CHECK(java_number(1.0) == "1.0");
    CHECK(java_number(-0.0) == "-0.0");
    CHECK(java_number(100.0) == "100.0");
    CHECK(java_number(1234567.5) == "1234567.5");
    CHECK(java_number(1e7) == "1.0E7");
    CHECK(java_number(12345678.0) == "1.2345678E7");
    CHECK(java_number(0.001) == "0.001");
    CHECK(java_number(0.00012) == "1.2E-4");
    CHECK(java_number(0.1f) == "0.1");
    CHECK(java_number(1e-45f) == "1.4E-45");
    CHECK(java_number(-1.0 / 0.0) == "-Infinity");
}

TEST_CASE("deserializers") {
    CHECK(text_of("String", {'a', 0xff}) == "a\xef\xbf\xbd");
    CHECK(text_of("Bytes", {'a', '\\', 0x7f, 0xc3}) == "a\\x5C\\x7F\\xC3");
    CHECK(text_of("Integer", {0xff, 0xff, 0xff, 0xfe}) == "-2");
    CHECK(text_of("Long", {0, 0, 0, 0, 0, 0, 1, 0}) == "256");
    CHECK(text_of("Short", {1}) ==
          "! org.apache.kafka.common.errors.SerializationException: Size of "
          "data received by ShortDeserializer is not 2");
    CHECK(text_of("Double", {0x3f, 0xf8, 0, 0, 0, 0, 0, 0}) == "1.5");
    CHECK(text_of("Float", {0x3f, 0xc0, 0, 0}) == "1.5");
    CHECK(text_of("Boolean", {1}) == "true");
    CHECK(text_of("UUID", {'1', '-', '2', '-', '3', '-', '4', '-', '5'}) ==
          "00000001-0002-0003-0004-000000000005");
    CHECK(text_of("UUID", {'v', '1'}).starts_with("! "));
    CHECK((find_deserializer("com.example.MineDeserializer") == nullptr));
}

TEST_CASE("lines of the console producer") {
    CHECK(read({}, "a\tb") == "|-|a\tb");
    CHECK(read({"parse.key=true"}, "k\tv\tw") == "|k|v\tw");
    CHECK(read({"parse.key=true"}, "v") ==
          "! org.apache.kafka.common.KafkaException: No key separator found on line number 1: 'v'");
    CHECK(read({"parse.key=true", "ignore.error=true"}, "v") == "|-|v");
    CHECK(read({"parse.key=true", "parse.headers=TRUE"}, "a:1,b:\tk\tv") == "a=1;b=;|k|v");
    CHECK(read({"parse.headers=true", "null.marker=N"}, "a:N\tN") == "a=-;|-|-");
    CHECK(read({"parse.headers=true", "null.marker=N"}, "N\tv") == "|-|v");
    CHECK(read({"parse.headers=true"}, "a:1,,\tv") == "a=1;|-|v");
    CHECK(read({"parse.headers=true", "ignore.error=true"}, "a\tv") == "a=-;|-|v");
    CHECK(read({"parse.headers=true"}, "a\tv").starts_with("! "));
    CHECK(read({"headers.separator=:"}, "v") ==
          "! org.apache.kafka.common.KafkaException: headers.separator and headers.key.separator "
          "may not be equal");
}

TEST_CASE("ends of lines") {
    std::string_view line;
    size_t at = 0;
    std::vector<std::string> lines;
    constexpr std::string_view kText = "a\r\nb\rc\n\nd";
    while (next_line(kText, at, true, line)) lines.emplace_back(line);
    CHECK(lines == std::vector<std::string>{"a", "b", "c", "", "d"});
    at = 0;
    CHECK_FALSE(next_line("a\r", at, false, line));  // "\n" may follow
    CHECK_FALSE(next_line("", at, true, line));
}

TEST_CASE("formatters") {
    const TopicPartition place{"t", 3};
    protocol::RecordView record;
    record.offset = 7;
    record.timestamp = 42;
    record.value = as_bytes("v");
    const auto shown = [&](const std::vector<std::string>& pairs, std::string_view name) {
        Properties properties;
        properties.add_pairs(pairs);
        const auto made =
            make_formatter(fmt::format("org.apache.kafka.tools.consumer.{}", name), properties);
        REQUIRE(made.formatter);
        std::string out;
        REQUIRE(made.formatter->write({.place = place, .record = record}, out));
        return out;
    };
    CHECK(shown({}, "DefaultMessageFormatter") == "v\n");
    CHECK(shown({"print.value=false"}, "DefaultMessageFormatter").empty());
    CHECK(shown({"print.key=true", "print.timestamp=true", "print.partition=true",
                 "print.offset=true", "print.epoch=true", "print.headers=true", "null.literal=NIL",
                 "key.separator=|", "line.separator=;"},
                "DefaultMessageFormatter") ==
          "CreateTime:42|Partition:3|Offset:7|Epoch:NOT_PRESENT|NO_HEADERS|NIL|v;");
    CHECK(shown({}, "NoOpMessageFormatter").empty());
    CHECK(shown({}, "OffsetsMessageFormatter").empty());
    CHECK_FALSE(make_formatter("bogus", {}).formatter);
}
