#include <doctest/doctest.h>

#include <sstream>

#include "streams/streams_builder.h"

using namespace millrace::streams;

TEST_CASE("a topology of stateless operations is described as Kafka does") {
    StreamsBuilder builder;
    builder.stream<std::string, std::string>("in")
        .filter([](const std::string&, const std::string& v) { return !v.empty(); })
        .flat_map_values([](const std::string& v) { return std::vector<std::string>{v, v}; })
        .map([](const std::string& k, const std::string* v) {
            return std::pair{static_cast<int64_t>(k.size()), v ? std::optional(*v) : std::nullopt};
        })
        .to("out");
    CHECK(builder.build().describe() ==
          "Topologies:\n"
          "   Sub-topology: 0\n"
          "    Source: KSTREAM-SOURCE-0000000000 (topics: [in])\n"
          "      --> KSTREAM-FILTER-0000000001\n"
          "    Processor: KSTREAM-FILTER-0000000001 (stores: [])\n"
          "      --> KSTREAM-FLATMAPVALUES-0000000002\n"
          "      <-- KSTREAM-SOURCE-0000000000\n"
          "    Processor: KSTREAM-FLATMAPVALUES-0000000002 (stores: [])\n"
          "      --> KSTREAM-MAP-0000000003\n"
          "      <-- KSTREAM-FILTER-0000000001\n"
          "    Processor: KSTREAM-MAP-0000000003 (stores: [])\n"
          "      --> KSTREAM-SINK-0000000004\n"
          "      <-- KSTREAM-FLATMAPVALUES-0000000002\n"
          "    Sink: KSTREAM-SINK-0000000004 (topic: out)\n"
          "      <-- KSTREAM-MAP-0000000003\n\n");
}

TEST_CASE("a node's children stand where Kafka finds them while it sums up their sizes") {
    StreamsBuilder builder;
    const auto in = builder.stream<std::string, std::string>("in");
    const auto all = [](const std::string&, const std::string&) { return true; };
    for (int i = 0; i < 6; ++i) {
        auto stream = in;
        for (int j = 0; j <= i % 3; ++j)
            stream = stream.filter(all, Named::as(fmt::format("f{}{}", i, j)));
        using Text = Produced<std::string, std::string>;
        stream.to(fmt::format("out{}", i), Text::as(fmt::format("to{}", i)));
    }
    const std::string text = builder.build().describe();
    CHECK(text.find("(topics: [in])\n      --> f20, f40, f00, f10, f30, f50\n") !=
          std::string::npos);
}
