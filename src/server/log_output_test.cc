#include "server/log_output.h"

#include <doctest/doctest.h>

#include <vector>

using namespace millrace;
using namespace millrace::server;

namespace {

std::string text(std::string_view message) {
    return format_log_line(LogFormat::text, 1795384680123, log::Level::info, "storage", message);
}
std::string json(std::string_view message) {
    return format_log_line(LogFormat::json, 1795384680123, log::Level::warn, "net", message);
}
constexpr std::string_view kText = "2026-11-22 21:58:00.123 INFO  storage     ";
constexpr std::string_view kJson =
    R"({"time":"2026-11-22T21:58:00.123Z","level":"WARN","room":"net","message":")";

}  // namespace

TEST_CASE("a line is for people or JSON, and always one line") {
    CHECK(text("rolled t-0") == std::string(kText) + "rolled t-0\n");
    CHECK(json("rolled t-0") == std::string(kJson) + "rolled t-0\"}\n");
    CHECK(text("a\nb\r\x1b[31m\x7f\"\\") ==
          std::string(kText) + "a\\nb\\u000d\\u001b[31m\\u007f\"\\\n");
    CHECK(json("a\nb\t\x01\"\\") == std::string(kJson) + "a\\nb\\t\\u0001\\\"\\\\\"}\n");
}

TEST_CASE("what is not UTF-8 is replaced") {
    const std::string ok = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    CHECK(json(ok) == std::string(kJson) + ok + "\"}\n");
    const std::string bad[] = {"\x80", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                               "\xff"};
    for (const std::string& b : bad) {
        std::string expected(kJson);
        for (size_t i = 0; i < b.size(); ++i) expected += "\xef\xbf\xbd";
        CHECK(json(b) == expected + "\"}\n");
    }
}

TEST_CASE("times before 1970 and level names") {
    CHECK(format_log_line(LogFormat::text, -1, log::Level::error, "x", "")
              .starts_with("1969-12-31 23:59:59.999 ERROR x"));
    CHECK(log_level_named("Warn") == log::Level::warn);
    CHECK(log_level_named("off") == log::Level::off);
    CHECK(log_level_named("loud") == log::Level::info);
}

TEST_CASE("the sink puts it together") {
    std::vector<std::string> lines;
    const log::Sink sink = log_sink(
        LogFormat::text, [] { return TimestampMs{1795384680123}; },
        [&](std::string_view line) { lines.emplace_back(line); });
    sink(log::Level::info, "storage", "hello");
    CHECK(lines == std::vector<std::string>{std::string(kText) + "hello\n"});
}
