#include "cli/kafka/joptsimple.h"

#include <doctest/doctest.h>

#include <array>

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({{"topic", Takes::value, "name", ""},
                                                 {"state", Takes::maybe_value, "s", ""},
                                                 {"list", Takes::nothing, "", ""},
                                                 {"count", Takes::value, "n", ""}});

Arguments parsed(const std::vector<std::string>& words) {
    const auto out = Arguments::parse(kOptions, words);
    REQUIRE(out.has_value());
    return *out;
}
std::string complaint(const std::vector<std::string>& words) {
    const auto out = Arguments::parse(kOptions, words);
    return out ? "" : out.error().message;
}

}  // namespace

TEST_CASE("a value may follow its option in three ways") {
    using Words = std::vector<std::string>;
    for (const Words& words : {Words{"--topic", "a"}, {"--topic=a"}, {"-topic", "a"}})
        CHECK(parsed(words).values("topic") == Words{"a"});
    // What an option must have, it takes, whatever it looks like.
    CHECK(parsed({"--topic", "--list"}).values("topic") == Words{"--list"});
    CHECK(parsed({"--topic", "a", "--topic=b"}).values("topic") == Words{"a", "b"});
    CHECK(parsed({"--topic="}).values("topic") == Words{""});
}

TEST_CASE("an optional value is not the next option") {
    CHECK(parsed({"--state", "--list"}).values("state").empty());
    CHECK(parsed({"--state", "--list"}).has("list"));
    CHECK(parsed({"--state", "Empty"}).values("state") == std::vector<std::string>{"Empty"});
    CHECK(parsed({"--list", "x", "--", "--topic"}).rest() ==
          std::vector<std::string>{"x", "--topic"});
}

TEST_CASE("mistakes are told in the words of Kafka's tools") {
    CHECK(complaint({"--bogus"}) == "bogus is not a recognized option");
    CHECK(complaint({"--top", "a"}) == "top is not a recognized option");
    CHECK(complaint({"--list", "--topic"}) == "Option topic requires an argument");
    CHECK(parsed({"--topic", "a", "--topic", "b"}).value("topic").error().message ==
          "Found multiple arguments for option topic, but you asked for only one");
    CHECK(parsed({"--count", "x1"}).number("count").error().message ==
          "Cannot parse argument 'x1' of option count");
    CHECK(parsed({"--count", "99999999999"}).number("count").has_value() == false);
    CHECK(*parsed({"--count", "-7"}).number("count") == -7);
    CHECK(*parsed({"--count", "99999999999"}).long_number("count") == 99999999999);
    CHECK(*parsed({}).number("count") == std::nullopt);
}

}  // namespace millrace::cli::kafka
