#include <doctest/doctest.h>

#include "streams/dsl/testing.h"

using namespace millrace::streams;
using namespace millrace::streams::testing;
using namespace std::chrono_literals;

namespace {

const auto kAll = [](const std::string&, const std::string&) { return true; };

}  // namespace

TEST_CASE("a table without a store of a given name keeps nothing") {
    StreamsBuilder builder;
    const Materialized<std::string, std::string> unnamed;
    builder.table<std::string, std::string>("tin")
        .filter(kAll, {}, unnamed)
        .map_values([](const std::string& v) { return v; }, {}, std::optional(unnamed))
        .to_stream([](const std::string&, const std::string& v) { return v; })
        .to("out");
    CHECK(builder.build().describe() ==
          "Topologies:\n"
          "   Sub-topology: 0\n"
          "    Source: KSTREAM-SOURCE-0000000001 (topics: [tin])\n"
          "      --> KTABLE-SOURCE-0000000002\n"
          "    Processor: KTABLE-SOURCE-0000000002 (stores: [])\n"
          "      --> KTABLE-FILTER-0000000004\n"
          "      <-- KSTREAM-SOURCE-0000000001\n"
          "    Processor: KTABLE-FILTER-0000000004 (stores: [])\n"
          "      --> KTABLE-MAPVALUES-0000000006\n"
          "      <-- KTABLE-SOURCE-0000000002\n"
          "    Processor: KTABLE-MAPVALUES-0000000006 (stores: [])\n"
          "      --> KTABLE-TOSTREAM-0000000007\n"
          "      <-- KTABLE-FILTER-0000000004\n"
          "    Processor: KTABLE-TOSTREAM-0000000007 (stores: [])\n"
          "      --> KSTREAM-KEY-SELECT-0000000008\n"
          "      <-- KTABLE-MAPVALUES-0000000006\n"
          "    Processor: KSTREAM-KEY-SELECT-0000000008 (stores: [])\n"
          "      --> KSTREAM-SINK-0000000009\n"
          "      <-- KTABLE-TOSTREAM-0000000007\n"
          "    Sink: KSTREAM-SINK-0000000009 (topic: out)\n"
          "      <-- KSTREAM-KEY-SELECT-0000000008\n\n");
}

TEST_CASE("names that are given take numbers all the same") {
    StreamsBuilder builder;
    builder.table<std::string, std::string>("tin", Consumed<std::string, std::string>::as("tab"))
        .filter(kAll, Named::as("tf"))
        .map_values([](const std::string& v) { return v; }, Named::as("tm"),
                    std::optional(Materialized<std::string, std::string>::as("mstore")))
        .to_stream(Named::as("ts"))
        .to("out");
    CHECK(builder.build().describe() ==
          "Topologies:\n"
          "   Sub-topology: 0\n"
          "    Source: tab-source (topics: [tin])\n"
          "      --> tab\n"
          "    Processor: tab (stores: [])\n"
          "      --> tf\n"
          "      <-- tab-source\n"
          "    Processor: tf (stores: [])\n"
          "      --> tm\n"
          "      <-- tab\n"
          "    Processor: tm (stores: [mstore])\n"
          "      --> ts\n"
          "      <-- tf\n"
          "    Processor: ts (stores: [])\n"
          "      --> KSTREAM-SINK-0000000006\n"
          "      <-- tm\n"
          "    Sink: KSTREAM-SINK-0000000006 (topic: out)\n"
          "      <-- ts\n\n");
}

TEST_CASE("a table kept nowhere tells of every delete, one that is filtered and kept of its own") {
    StreamsBuilder builder;
    const auto longer = [](const Text&, const Text& v) { return v.size() > 1; };
    const auto kept = builder.table<Text, Text>("in", {}, Materialized<Text, Text>::as("kept"));
    kept.filter(longer).to_stream().to("out");
    builder.table<Text, Text>("loose").filter(longer).to_stream().to("loose-out");
    Run run(builder);

    CHECK(run("in", "a", "x", 5) == "");  // neither was there anything, nor is there now
    CHECK(run("in", "a", "xx", 6) == "a=xx@6");
    CHECK(run("in", "a", "x", 4) == "a=null@4");
    CHECK(run("in", "a", std::nullopt, 7) == "");
    CHECK(run("in", std::nullopt, "xx", 8) == "");
    CHECK(run.driver.dropped_records() == 1);
    run("loose", "a", "x", 5);
    CHECK(run.out("loose-out") == "a=null@5");
    CHECK(run.driver.all_state_stores().size() == 1);
}

TEST_CASE("values are computed from the table above when they are asked for") {
    StreamsBuilder builder;
    const auto doubled =
        builder.table<Text, Text>("in").map_values([](const Text& v) { return v + v; });
    builder.stream<Text, Text>("stream").left_join(doubled, plus).to("out");
    Run run(builder);

    CHECK(run("stream", "a", "s", 1) == "a=s+null@1");
    run("in", "a", "x", 2);
    CHECK(run("stream", "a", "s", 1) == "a=s+xx@1");
    run("in", "a", std::nullopt, 3);
    CHECK(run("stream", "a", "s", 9) == "a=s+null@9");
}

TEST_CASE("a versioned table says what was valid when") {
    StreamsBuilder builder;
    const auto table = builder.table<Text, Text>(
        "in", {},
        Materialized<Text, Text>::as(stores::persistent_versioned_key_value_store("ver", 100ms)));
    table.to_stream().to("table-out");
    builder.stream<Text, Text>("stream").join(table, plus).to("out");
    Run run(builder);

    run("in", "a", "new", 50);
    run("in", "a", "old", 10);
    CHECK(run.out("table-out") == "a=new@50 a=old@10");
    CHECK(run("stream", "a", "s", 49) == "a=s+old@49");
    CHECK(run("stream", "a", "s", 50) == "a=s+new@50");
    CHECK(run("stream", "a", "s", 9) == "");
    run("in", "b", "x", 1000);
    run("in", "a", "too old", 60);  // older than the history: refused, and not told
    CHECK(run.out("table-out") == "b=x@1000");
}

TEST_CASE("records wait for a versioned table as long as the grace") {
    StreamsBuilder builder;
    const auto table = builder.table<Text, Text>(
        "in", {},
        Materialized<Text, Text>::as(stores::persistent_versioned_key_value_store("ver", 100ms)));
    builder.stream<Text, Text>("stream")
        .join(table, plus, Joined<Text, Text, Text>().with_grace_period(10ms))
        .to("out");
    Run run(builder);

    CHECK(run("stream", "a", "1", 20) == "");
    CHECK(run("stream", "a", "2", 15) == "");
    run("in", "a", "x", 12);
    CHECK(run("stream", "a", "3", 26) == "a=2+x@15");
    CHECK(run("stream", "a", "4", 30) == "a=1+x@20");
    CHECK(run("stream", "a", "late", 19) == "a=late+x@19");
}

TEST_CASE("a group's result changes with what leaves it and what enters it") {
    StreamsBuilder builder;
    builder.table<Text, Text>("in")
        .group_by([](const Text&, const Text& v) { return std::pair{v.substr(0, 1), v}; })
        .aggregate([] { return Text(); },
                   [](const Text&, const Text& v, Text all) { return all + "+" + v; },
                   [](const Text&, const Text& v, Text all) { return all + "-" + v; })
        .to_stream()
        .to("out");
    Run run(builder);

    CHECK(run("in", "1", "a1", 5) == "a=+a1@5");
    CHECK(run("in", "2", "a2", 3) == "a=+a1+a2@5");
    // One record for a change inside a group, two for a move.
    CHECK(run("in", "1", "a3", 7) == "a=+a1+a2-a1+a3@7");
    CHECK(run("in", "1", "b1", 8) == "a=+a1+a2-a1+a3-a3@8 b=+b1@8");
    CHECK(run("in", "1", std::nullopt, 9) == "b=+b1-b1@9");
}
