#include "cli/cluster/reset_file.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::cli;

namespace {

std::string plans(std::string_view text, std::string_view only_group) {
    const auto parsed = parse_reset_file(text, only_group);
    if (!parsed) return "! " + parsed.error().message;
    std::string out;
    for (const auto& [group, plan] : *parsed)
        for (const auto& [tp, offset] : plan)
            out += fmt::format("{}/{}-{}={} ", group, tp.topic, tp.partition, offset);
    return out;
}

}  // namespace

TEST_CASE("files of resets") {
    CHECK(plans("t,0,5\n t , 1 , 6\r\n\n", "g") == "g/t-0=5 g/t-1=6 ");
    CHECK(plans("g1,t,0,5\n\"g2\",\"t\",0,6", "g") == "g1/t-0=5 g2/t-0=6 ");
    CHECK(plans("t,0,5\ng1,t,0,5\n", "") == "g1/t-0=5 ");
    CHECK(plans("t,x,5\nt,0,\n", "g").empty());
    CHECK(plans("t,0\n", "g") == "! a line is [group,]topic,partition,offset: t,0");
}
