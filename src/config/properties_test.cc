#include "config/properties.h"

#include <doctest/doctest.h>

#include "base/random.h"

using namespace millrace;
using namespace millrace::config;

namespace {

// "name=value@line;..." with the value as it is.
std::string shown(std::string_view text) {
    const auto parsed = parse_properties(text);
    if (!parsed) return parsed.error().message;
    std::string out;
    for (const Property& p : *parsed)
        out += p.name + "=" + p.value + "@" + std::to_string(p.line) + ";";
    return out;
}

}  // namespace

TEST_CASE("properties are read as Java reads them") {
    struct Case {
        std::string_view text, expected;
    };
    const Case cases[] = {
        {"", ""},
        {"a=b", "a=b@1;"},
        {"a=b\n", "a=b@1;"},
        {"a = b \nc:d\ne f", "a=b @1;c=d@2;e=f@3;"},
        {"a == b", "a== b@1;"},
        {"a : = b", "a== b@1;"},
        {"a\n=b\n:\n", "a=@1;=b@2;=@3;"},
        {"  # no\n!no\n\n \t\f\nx=1", "x=1@5;"},
        {"x=1#no comment", "x=1#no comment@1;"},
        {"a=1\r\nb=2\rc=3", "a=1@1;b=2@2;c=3@3;"},
        {"a=1,\\\n   2,\\\r\n\t3\nb=4", "a=1,2,3@1;b=4@4;"},
        {"a=1\\\\\nb=2", "a=1\\@1;b=2@2;"},
        {"a=1\\\\\\\n2", "a=1\\2@1;"},
        {"a=1\\\n# not a comment\nb=2", "a=1# not a comment@1;b=2@3;"},
        {"a=1\\\n\nb=2", "a=1@1;b=2@3;"},
        {"# no \\\nb=2", "b=2@2;"},
        {"a=1\\", "a=1@1;"},
        {"a=1\n\\", "a=1@1;=@2;"},
        {"\\\n", ""},
        {"\\\n\nb=2", "b=2@3;"},
        {"a\\ b\\=c\\:=d", "a b=c:=d@1;"},
        {"a=\\t\\n\\r\\f\\q\\\\", "a=\t\n\r\fq\\@1;"},
        {"a=\\u0041\\u00e9\\u20AC", "a=A\xc3\xa9\xe2\x82\xac@1;"},
        {"a=\\ud83d\\ude00!", "a=\xf0\x9f\x98\x80!@1;"},
        {"a=\\ud83dx\\ude00", "a=\xef\xbf\xbdx\xef\xbf\xbd@1;"},
        {"a=\xc3\xa9", "a=\xc3\xa9@1;"},
        {"a=\\ b ", "a= b @1;"},
        {"a=1\na=2", "a=1@1;a=2@2;"},
        {"b=1\na=\\u12g4", "line 2: \\u must be followed by four hexadecimal digits"},
        {"a=\\u12", "line 1: \\u must be followed by four hexadecimal digits"},
    };
    for (const Case& c : cases) CHECK_MESSAGE(shown(c.text) == c.expected, c.text);
}

TEST_CASE("what format_property writes is read back as it was") {
    Rng rng{11};
    constexpr std::string_view kAlphabet = " \t\n\r\f\\=:#!ab\x01\x7f\xc3\xa9u0";
    const auto random_text = [&] {
        std::string text;
        for (uint64_t n = rng.next() % 8; n > 0; --n)
            text += kAlphabet[rng.next() % kAlphabet.size()];
        return text;
    };
    std::string file;
    std::vector<std::pair<std::string, std::string>> said;
    for (int i = 0; i < 5000; ++i) {
        said.emplace_back(random_text(), random_text());
        file += format_property(said.back().first, said.back().second);
    }
    const auto parsed = parse_properties(file);
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->size() == said.size());
    for (size_t i = 0; i < said.size(); ++i) {
        REQUIRE((*parsed)[i].name == said[i].first);
        REQUIRE((*parsed)[i].value == said[i].second);
        REQUIRE((*parsed)[i].line == static_cast<int>(i) + 1);
    }
}
