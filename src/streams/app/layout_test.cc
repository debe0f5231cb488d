#include "streams/app/layout.h"

#include <doctest/doctest.h>

#include "streams/topology.h"

using namespace millrace::streams;

namespace {

using Text = std::string;

Layout laid_out(const Topology& topology, std::map<std::string, int32_t> topics) {
    StreamsConfig config;
    config.application_id = "app";
    return lay_out(
        *topology.plan(), config,
        [&](const std::string& name) -> std::optional<int32_t> {
            const auto found = topics.find(name);
            if (found == topics.end()) return std::nullopt;
            return found->second;
        },
        [&](const std::string&) {
            std::vector<std::string> names;
            for (const auto& [name, partitions] : topics) names.push_back(name);
            return names;
        });
}

// in -> a topic in between -> out, with a store.
Topology two_steps(std::optional<int32_t> partitions = std::nullopt) {
    Topology topology;
    topology.add_source<Text, Text>("first", {"in"});
    topology.plan()->add_repartition_topic({.name = "between", .partitions = partitions});
    topology.add_sink<Text, Text>("to", "between", {"first"});
    topology.add_source<Text, Text>("from", {"between"});
    topology.add_sink<Text, Text>("last", "out", {"from"});
    return topology;
}

}  // namespace

TEST_CASE("a topic in between has the partitions of what is written to it") {
    const Layout layout = laid_out(two_steps(), {{"in", 6}});
    REQUIRE(layout.subtopologies.size() == 2);
    CHECK(layout.subtopologies[0].topics == std::set<std::string>{"in"});
    CHECK(layout.subtopologies[0].tasks == 6);
    CHECK(layout.subtopologies[1].topics == std::set<std::string>{"app-between"});
    CHECK(layout.subtopologies[1].tasks == 6);
    REQUIRE(layout.internal_topics.size() == 1);
    CHECK(layout.internal_topics[0].name == "app-between");
    CHECK(layout.internal_topics[0].partitions == 6);
    CHECK(layout.internal_topics[0].config.at("retention.ms") == "-1");
}

TEST_CASE("a fixed number of partitions stays") {
    const Layout layout = laid_out(two_steps(3), {{"in", 6}});
    CHECK(layout.internal_topics[0].partitions == 3);
    CHECK(layout.subtopologies[1].tasks == 3);
}

TEST_CASE("a missing source topic is named") {
    CHECK_THROWS_WITH_AS(laid_out(two_steps(), {}),
                         "these source topics do not exist: in. Create them, then start again",
                         MissingSourceTopicException);
}

TEST_CASE("what is copartitioned must agree, and a topic in between follows") {
    Topology topology = two_steps();
    topology.add_source<Text, Text>("other", {"wide"});
    topology.plan()->copartition({"from", "other"});
    const Layout layout = laid_out(topology, {{"in", 2}, {"wide", 5}});
    CHECK(layout.internal_topics[0].partitions == 5);

    topology.plan()->copartition({"first", "other"});
    CHECK_THROWS_AS(laid_out(topology, {{"in", 2}, {"wide", 5}}), TopologyException);
}
