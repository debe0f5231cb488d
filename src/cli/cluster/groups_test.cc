#include "cli/cluster/groups.h"

#include <doctest/doctest.h>

#include "cli/cluster/choose.h"
#include "cli/cluster/configs.h"
#include "cli/cluster/partition_file.h"
#include "cli/cluster/topics.h"

namespace millrace::cli {

TEST_CASE("dates and times with and without a zone") {
    CHECK(*parse_date_time("1970-01-01T00:00:00.000") == 0);
    CHECK(*parse_date_time("2020-02-29T12:30") == 1582979400000);
    CHECK(*parse_date_time("2020-02-29T12:30:15.250Z") == 1582979415250);
    CHECK(*parse_date_time("2020-02-29T12:30:00+02:00") == 1582972200000);
    CHECK(*parse_date_time("2020-02-29T12:30:00-0130") == 1582984800000);
    for (const auto wrong : {"", "2020", "2020-02-30T00:00", "2020-13-01T00:00", "2020-01-01 00:00",
                             "2020-01-01T25:00", "2020-01-01T00:61", "2020-01-01T00:00:00.1234",
                             "2020-01-01T00:00x", "x"})
        CHECK_MESSAGE(!parse_date_time(wrong).has_value(), wrong);
}

TEST_CASE("durations") {
    CHECK(*parse_duration("P1D") == 86'400'000);
    CHECK(*parse_duration("PT1H30M") == 5'400'000);
    CHECK(*parse_duration("P2DT3S") == 172'803'000);
    CHECK(*parse_duration("PT0.25S") == 250);
    CHECK(*parse_duration("-PT1S") == -1000);
    for (const auto wrong : {"", "P", "1D", "PT", "P1H", "PT1D", "P1", "PTS"})
        CHECK_MESSAGE(!parse_duration(wrong).has_value(), wrong);
}

TEST_CASE("filters of names fit whole names, one of several") {
    const auto filter = NameFilter::parse("t1, orders.*");
    CHECK(filter->fits("t1"));
    CHECK(filter->fits("orders-eu"));
    CHECK_FALSE(filter->fits("t12"));
    CHECK_FALSE(filter->fits("xorders"));
    CHECK_FALSE(NameFilter::parse("a[").has_value());
}

TEST_CASE("settings with values in brackets") {
    const auto changes = parse_settings("a=1,b=[x,y], c=");
    REQUIRE(changes.has_value());
    REQUIRE(changes->size() == 3);
    CHECK((*changes)[1].value == "x,y");
    CHECK((*changes)[2].name == "c");
    CHECK((*changes)[2].value.empty());
    CHECK_FALSE(parse_settings("a").has_value());
}

TEST_CASE("assignments of replicas") {
    const auto assignment = parse_assignment("1:2, 2:3");
    REQUIRE(assignment.has_value());
    CHECK(*assignment == std::vector<std::vector<NodeId>>{{1, 2}, {2, 3}});
    for (const auto wrong : {"", "1:", "a", "1:1", "1,2:3"})
        CHECK_MESSAGE(!parse_assignment(wrong).has_value(), wrong);
}

TEST_CASE("files of partitions") {
    const auto lines =
        parse_partition_file(R"({"partitions":[{"topic":"t","partition":3,"offset":-1}]})", true);
    REQUIRE(lines.has_value());
    CHECK((*lines)[0].partition == TopicPartition{"t", 3});
    CHECK((*lines)[0].offset == -1);
    for (const auto wrong : {"", "{", "[]", "{}", R"({"partitions":[{"topic":"t"}]})",
                             R"({"partitions":[{"topic":"t","partition":0}]})",
                             R"({"partitions":[{"topic":"t","partition":-1,"offset":0}]})",
                             R"({"partitions":[{"topic":"t","partition":0,"offset":0},)"
                             R"({"topic":"t","partition":0,"offset":1}]})"})
        CHECK_MESSAGE(!parse_partition_file(wrong, true).has_value(), wrong);
}

}  // namespace millrace::cli
