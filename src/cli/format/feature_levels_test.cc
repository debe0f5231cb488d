#include "cli/format/feature_levels.h"

#include <doctest/doctest.h>

namespace millrace::cli {

TEST_CASE("a release is its last metadata.version") {
    CHECK(parse_release("3.3", false)->level == 7);
    CHECK(parse_release("4.0", false)->name == "4.0-IV3");
    CHECK(parse_release("4.0-IV1", false)->level == 23);
    CHECK(parse_release("4.3", false)->level == 30);
    CHECK_FALSE(parse_release("4.4-IV0", false).has_value());
    CHECK(parse_release("4.4-IV0", true)->level == 31);
    for (const auto wrong : {"", "4", "4.", "21", "9.9", "4.0-IV9"})
        CHECK_MESSAGE(!parse_release(wrong, true).has_value(), wrong);
}

TEST_CASE("levels by name") {
    CHECK(parse_feature_level("group.version=1")->level == 1);
    for (const auto wrong : {"group.version", "a=", "a=x", "a=99999"})
        CHECK_MESSAGE(!parse_feature_level(wrong).has_value(), wrong);
    const auto levels = levels_of_release(21);
    CHECK(levels.front() == std::pair<std::string_view, int16_t>{"kraft.version", 1});
    CHECK(levels.back() == std::pair<std::string_view, int16_t>{"streams.version", 0});
}

}  // namespace millrace::cli
