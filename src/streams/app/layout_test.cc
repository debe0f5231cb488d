#include "streams/app/layout.h"

#include <doctest/doctest.h>

#include "streams/streams_builder.h"

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

TEST_CASE(
    "the topics of a join by foreign key, which go round, have the partitions of its tables") {
    StreamsBuilder builder;
    const auto orders = builder.table<Text, Text>("orders");
    const auto products = builder.table<Text, Text>("products");
    orders
        .join(
            products, [](const Text& order) { return order; },
            [](const Text& order, const Text& product) { return order + product; })
        .to_stream()
        .to("out");
    const Layout layout = laid_out(builder.build(), {{"orders", 3}, {"products", 2}});
    std::map<std::string, int32_t> partitions;
    for (const InternalTopic& topic : layout.internal_topics)
        if (!topic.changelog) partitions[topic.name] = topic.partitions;
    // The subscriptions are read beside the products, the answers beside the orders.
    const std::string join = "app-KTABLE-FK-JOIN-SUBSCRIPTION-";
    CHECK(partitions == std::map<std::string, int32_t>{{join + "REGISTRATION-0000000006-topic", 2},
                                                       {join + "RESPONSE-0000000014-topic", 3}});
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
