#include <doctest/doctest.h>

#include "streams/dsl/testing.h"

using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

enum class Kind : uint8_t { inner, left, outer };

void build(StreamsBuilder& builder, Kind kind, const JoinWindows& windows) {
    const auto left = builder.stream<Text, Text>("l");
    const auto right = builder.stream<Text, Text>("r");
    const auto joined = kind == Kind::inner  ? left.join(right, plus, windows)
                        : kind == Kind::left ? left.left_join(right, plus, windows)
                                             : left.outer_join(right, plus, windows);
    joined.to("out");
}

const auto kTenWithGrace = JoinWindows::of_time_difference_and_grace(10ms, 5ms);

}  // namespace

TEST_CASE("records of two streams meet within the window, both ends of it included") {
    StreamsBuilder builder;
    build(builder, Kind::inner,
          JoinWindows::of_time_difference_and_grace(10ms, 1000ms).before(3ms).after(10ms));
    Run run(builder);
    CHECK(run("l", "k", "L", 100) == "");
    CHECK(run("r", "k", "R1", 96) == "");
    CHECK(run("r", "k", "R2", 97) == "k=L+R2@100");
    CHECK(run("r", "k", "R3", 110) == "k=L+R3@110");
    CHECK(run("r", "k", "R4", 111) == "");
    CHECK(run("r", "other", "R5", 100) == "");
    // In the order of their times; records of one time in that of their coming.
    CHECK(run("r", "k", "R6", 97) == "k=L+R6@100");
    CHECK(run("l", "k", "M", 99) == "k=M+R1@99 k=M+R2@99 k=M+R6@99");
    run("r", std::nullopt, "R7", 100);
    run("l", "k", std::nullopt, 100);
    CHECK(run.driver.dropped_records() == 2);
}

TEST_CASE("a record without a partner is told when its window and the grace are over") {
    StreamsBuilder builder;
    build(builder, Kind::outer, kTenWithGrace);
    Run run(builder);
    CHECK(run("l", "a", "1", 0) == "");
    CHECK(run("l", "a", "2", 0) == "");
    CHECK(run("r", "b", "3", 1) == "");
    CHECK(run("r", "c", "4", 15) == "");
    CHECK(run("l", "c", "5", 10) == "c=5+4@15");  // out of order: nothing is released
    CHECK(run("l", "d", "6", 16) == "a=1+null@0 a=2+null@0");
    CHECK(run("l", "e", "7", 6) == "");            // a partner may still come
    CHECK(run("r", "f", "8", 5) == "f=null+8@5");  // too late to find one
    CHECK(run("l", std::nullopt, "9", 5) == "null=9+null@5");
    CHECK(run("r", "a", "x", 100) == "b=null+3@1 e=7+null@6 d=6+null@16");
}

TEST_CASE("only the left side's records are told by a left join") {
    StreamsBuilder builder;
    build(builder, Kind::left, JoinWindows::of_time_difference_with_no_grace(10ms));
    Run run(builder);
    run("r", "a", "1", 0);
    run("l", "b", "2", 1);
    CHECK(run("r", "c", "3", 50) == "b=2+null@1");
    CHECK(run("r", std::nullopt, "4", 51) == "");
    CHECK(run.driver.dropped_records() == 1);
}

TEST_CASE("what waits is looked for no more often than the interval says") {
    StreamsConfig config = app();
    config.emit_interval_outer_join_ms = 1000;
    StreamsBuilder builder;
    build(builder, Kind::left, JoinWindows::of_time_difference_with_no_grace(10ms));
    Run run(builder, config, 5000);
    // The first record of all has used up the first look, as in Kafka.
    run("l", "a", "1", 0);
    CHECK(run("l", "b", "2", 100) == "");
    run.driver.advance_wall_clock_time(1000ms);
    CHECK(run("l", "c", "3", 200) == "a=1+null@0 b=2+null@100");
    CHECK(run("l", "d", "4", 300) == "");
}

TEST_CASE("a stream joined with itself needs one store") {
    const auto join = [](bool single) {
        StreamsConfig config = app();
        config.single_store_self_join = single;
        StreamsBuilder builder;
        const auto stream = builder.stream<Text, Text>("in");
        stream.join(stream, plus, kTenWithGrace).to("out");
        Run run(builder, config);
        CHECK(run.driver.all_state_stores().size() == (single ? 1 : 2));
        CHECK(run("in", "k", "1", 10) == "k=1+1@10");
        return run("in", "k", "2", 12) + " | " + run("in", "k", "3", 8);
    };
    for (bool single : {false, true})
        CHECK(join(single) ==
              "k=2+1@12 k=1+2@12 k=2+2@12 | k=3+1@10 k=3+2@12 k=3+3@8 k=1+3@10 k=2+3@12");
}

TEST_CASE(
    "a changed key is repartitioned once for all joins; null keys get through to outer ones") {
    StreamsBuilder builder;
    const auto left = builder.stream<Text, Text>("l").select_key(
        [](const Text&, const Text* v) { return v ? MaybeText(*v) : std::nullopt; });
    const auto right = builder.stream<Text, Text>("r");
    left.join(right, plus, kTenWithGrace, StreamJoined<Text, Text, Text>::as("inner")).to("out");
    left.left_join(right, plus, kTenWithGrace).to("out");
    Run run(builder);
    run("l", "x", "k", 1);
    run("l", "x", std::nullopt, 2);
    CHECK(run.out("app-inner-left-repartition") == "k=k@1 null=null@2");
    CHECK(run("r", "k", "R", 3) == "k=k+R@3 k=k+R@3");
}
