#include <doctest/doctest.h>

#include "streams/streams_builder.h"

using namespace millrace::streams;

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
