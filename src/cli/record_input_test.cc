#include "cli/record_input.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::cli;

namespace {

// All records of a text, as "key=value" with - for none; cut in two at each place in turn, all cuts
// must give the same.
std::vector<std::string> read(RecordFormat format, std::string_view whole) {
    std::vector<std::string> first;
    for (size_t cut = 0; cut <= whole.size(); ++cut) {
        RecordInput text(format);
        std::vector<std::string> out;
        ParsedRecord record;
        size_t position = 0;
        const auto take = [&](std::string_view part, bool last) {
            for (;;) {
                const auto more = text.next(part, position, last, record);
                REQUIRE_MESSAGE(more.has_value(), more.error().describe());
                if (!*more) return;
                const auto show = [](std::optional<ByteView> b) {
                    return b ? std::string(as_text(*b)) : "-";
                };
                out.push_back(show(record.record().key) + "=" + show(record.record().value));
            }
        };
        take(whole.substr(0, cut), false);
        take(whole, true);
        if (cut == 0) first = out;
        CHECK(out == first);
    }
    return first;
}

using Records = std::vector<std::string>;

}  // namespace

TEST_CASE("lines become records") {
    CHECK(read({}, "") == Records{});
    CHECK(read({}, "a\n\nb") == Records{"-=a", "-=", "-=b"});
    CHECK(read({}, "a\n") == Records{"-=a"});
    CHECK(read({.delimiter = "||"}, "a|b||c") == Records{"-=a|b", "-=c"});
    CHECK(read({.delimiter = ""}, "a\nb\n") == Records{"-=a\nb\n"});
    CHECK(read({.key_delimiter = ":"}, "k:v:w\nx\n:y\nk:\n") ==
          Records{"k=v:w", "-=x", "=y", "k="});
    CHECK(read({.key_delimiter = ":", .empty_is_null = true}, "k:\n:v\n") == Records{"k=-", "-=v"});
}

TEST_CASE("JSON objects become records") {
    CHECK(read({.json = true}, "{\"key\":\"k\",\"value\":{\"a\": [1]}}\n{\"value\":null}\n{}") ==
          Records{"k={\"a\":[1]}", "-=-", "-=-"});
    RecordInput text({.json = true});
    ParsedRecord record;
    size_t position = 0;
    const std::string_view one =
        R"({"value":1,"partition":3,"timestamp":7,"headers":{"h":"x","n":null}})";
    REQUIRE(text.next(one, position, true, record).has_value());
    CHECK(record.record().partition == 3);
    CHECK(record.record().timestamp == 7);
    REQUIRE(record.record().headers.size() == 2);
    CHECK(as_text(*record.record().headers[0].value) == "x");
    CHECK(!record.record().headers[1].value);
}

TEST_CASE("what is no record is refused by its number") {
    for (const char* bad : {"[1]", "{", "{\"partition\":\"x\"}", "{\"partition\":-2}",
                            "{\"partition\":3000000000}", "{\"headers\":[]}"}) {
        RecordInput text({.json = true});
        ParsedRecord record;
        size_t position = 0;
        const std::string input = std::string("{}\n") + bad;
        CHECK(text.next(input, position, true, record).has_value());
        const auto refused = text.next(input, position, true, record);
        CHECK(refused.code() == ErrorCode::malformed);
        if (!refused) CHECK(refused.error().message.starts_with("record 2:"));
    }
}

TEST_CASE("backslashes of a command line") {
    CHECK(*unescape("a\\n\\t\\\\\\x41") == "a\n\t\\A");
    CHECK(*unescape("\\0") == std::string(1, '\0'));
    for (const char* bad : {"\\", "\\q", "\\x4", "\\xg1"})
        CHECK(unescape(bad).code() == ErrorCode::malformed);
}
