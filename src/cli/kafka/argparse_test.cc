#include "cli/kafka/argparse.h"

#include <doctest/doctest.h>

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;
constexpr Flag kFlags[] = {{"config", "c", one, true, 0, ""},
                           {"feature", "f", many, false, 0, ""},
                           {"standalone", "s", nothing, false, 1, ""},
                           {"no-voters", "N", nothing, false, 1, ""},
                           {"release-version", "r", one, false, 0, ""}};

std::string complaint(const std::vector<std::string>& words) {
    const auto out = FlagValues::parse(kFlags, words);
    return out ? "" : out.error().message;
}

}  // namespace

TEST_CASE("values that are numbers") {
    constexpr Flag flags[] = {{"id", "i", Flag::Takes::one, true, 0, "", "Integer"}};
    const auto parsed = [&](std::vector<std::string> words) {
        return FlagValues::parse(flags, words);
    };
    CHECK(parsed({"-i", "-4"})->value("id") == "-4");
    CHECK(parsed({"--id=7"})->value("id") == "7");
    CHECK(parsed({"-i", "x"}).error().message ==
          "argument --id/-i: could not convert 'x' to Integer (For input string: \"x\")");
    CHECK(!parsed({"-i", "99999999999"}));
    CHECK(!parsed({"-i", "-x"}));
}

TEST_CASE("long names may be cut short, short ones may stick to their value") {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--config", "x", "--rel", "4.0"},
          {"-cx", "-r", "4.0"},
          {"--conf=x", "--release-version=4.0"}}) {
        const auto out = FlagValues::parse(kFlags, words);
        REQUIRE(out.has_value());
        CHECK(out->value("config") == "x");
        CHECK(out->value("release-version") == "4.0");
    }
    const auto out = FlagValues::parse(
        kFlags, std::vector<std::string>{"-c", "1", "-c", "2", "-f", "a", "--feature", "b"});
    CHECK(out->value("config") == "2");
    CHECK(out->values("feature") == std::vector<std::string>{"a", "b"});
}

TEST_CASE("mistakes are told in the library's words") {
    CHECK(complaint({}) == "argument --config/-c is required");
    CHECK(complaint({"-c"}) == "argument --config/-c: expected one argument");
    CHECK(complaint({"-c", "x", "y"}) == "unrecognized arguments: 'y'");
    CHECK(complaint({"-c", "x", "--bogus"}) == "unrecognized arguments: '--bogus'");
    CHECK(complaint({"-c", "x", "-s", "-N"}) ==
          "argument --no-voters/-N: not allowed with argument --standalone/-s");
    CHECK(complaint({"-c", "x", "-s", "-s"}).empty());
}

}  // namespace millrace::cli::kafka
