#include "streams/test_driver.h"

#include <doctest/doctest.h>

#include "streams/streams_builder.h"

using namespace millrace;
using namespace millrace::streams;
using namespace std::chrono_literals;

namespace {

using Text = std::string;

StreamsConfig app() {
    StreamsConfig config;
    config.application_id = "app";
    return config;
}

// Counts records by key, and tells every 100 ms of stream time and 10 ms of wall clock.
class Counter final : public Processor<Text, Text, Text, int64_t> {
public:
    using Context = ProcessorContext<Text, int64_t>;
    void init(Context& given) override {
        Processor::init(given);
        counts_.emplace(given.store<KeyValueStore<Text, int64_t>>("counts"));
        given.schedule(100ms, PunctuationType::stream_time, [this](TimestampMs now) { tell(now); });
        given.schedule(10ms, PunctuationType::wall_clock_time, [this](TimestampMs now) {
            Headers none;
            context().forward({"wall", now, 7, none});
        });
    }
    void process(const Record<Text, Text>& record) override {
        if (record.value() == "boom") throw std::runtime_error("boom");
        counts_->put(record.key(), counts_->get(record.key()).value_or(0) + 1);
    }

private:
    void tell(TimestampMs now) {
        Headers none;
        for (auto it = counts_->all(); auto entry = it.next();)
            context().forward({entry->key, entry->value, now, none});
    }
    std::optional<KeyValueStore<Text, int64_t>> counts_;
};

Topology counting() {
    Topology topology;
    topology.add_source<Text, Text>("source", {"in"});
    topology.add_processor<Text, Text, Text, int64_t>(
        "counter", [] { return std::make_unique<Counter>(); }, {"source"},
        {stores::key_value_store_builder<Text, int64_t>(
            stores::in_memory_key_value_store("counts"))});
    topology.add_sink<Text, int64_t>("sink", "out", {"counter"});
    return topology;
}

}  // namespace

TEST_CASE("a processor with a store and timers") {
    TopologyTestDriver driver(counting(), app());
    auto in = driver.input_topic<Text, Text>("in");
    auto out = driver.output_topic<Text, int64_t>("out");
    using Pair = decltype(out)::Pair;
    in.pipe_input("b", "x", 10);
    CHECK(out.read_key_values_to_list() == std::vector<Pair>{{"b", 1}});
    in.pipe_input("a", "x", 20);
    in.pipe_input("b", "x", 99);
    CHECK(out.empty());
    in.pipe_input("b", "x", 250);
    CHECK(out.read_key_values_to_list() == std::vector<Pair>{{"a", 1}, {"b", 3}});
    driver.advance_wall_clock_time(25ms);
    CHECK(out.read_key_values_to_list() == std::vector<Pair>{{"wall", 25}});
    CHECK(driver.store<KeyValueStore<Text, int64_t>>("counts").get("b") == 3);
    CHECK(driver.produced_topic_names() == std::vector<Text>{"app-counts-changelog", "out"});
    CHECK_THROWS_AS((driver.store<KeyValueStore<Text, Text>>("counts")),
                    InvalidStateStoreException);
}

TEST_CASE("what a processor throws ends the work, or the record, as the handler says") {
    TopologyTestDriver failing(counting(), app());
    CHECK_THROWS_AS(failing.pipe_input("in", {.key = "k", .value = "boom", .timestamp = 1}),
                    StreamsException);

    StreamsConfig lenient = app();
    lenient.processing_exception_handler = log_and_continue();
    lenient.dead_letter_queue_topic = "dead";
    TopologyTestDriver driver(counting(), lenient);
    driver.pipe_input("in", {.key = "k", .value = "boom", .timestamp = 5, .headers = {{"h", "v"}}});
    CHECK(driver.dropped_records() == 1);
    const auto dead = driver.read_output("dead");
    REQUIRE(dead.has_value());
    CHECK(dead->key == "k");
    CHECK(dead->value == "boom");
    CHECK(dead->timestamp == 5);
    REQUIRE(dead->headers.size() == 7);
    CHECK(dead->headers[0] == Header{"h", "v"});
    CHECK(dead->headers[1] == Header{"__streams.errors.exception", "std::runtime_error"});
    CHECK(dead->headers[2] == Header{"__streams.errors.message", "boom"});
    CHECK(dead->headers[6] == Header{"__streams.errors.offset", "0"});
}

TEST_CASE("edges whose types do not fit are refused when the topology is built") {
    Topology topology;
    topology.add_source<Text, Text>("source", {"in"});
    CHECK_THROWS_AS((topology.add_sink<Text, int64_t>("sink", "out", {"source"})),
                    TopologyException);
}

TEST_CASE("bad bytes, nulls where a reference is taken, and records without time") {
    StreamsBuilder builder;
    builder.stream<Text, int64_t>("in")
        .map_values([](const int64_t& v) { return v + 1; })
        .to("out");
    StreamsConfig lenient = app();
    lenient.deserialization_exception_handler = log_and_continue();
    lenient.processing_exception_handler = log_and_continue();
    TopologyTestDriver driver(builder.build(), lenient);
    auto in = driver.input_topic<Text, int64_t>("in");
    auto out = driver.output_topic<Text, int64_t>("out");
    driver.pipe_input("in", {.key = "k", .value = "three", .timestamp = 1});
    in.pipe_input("k", std::nullopt, 2);
    in.pipe_input("k", 41, 3);
    CHECK(driver.dropped_records() == 2);
    CHECK(out.read_key_value()->value == 42);
    CHECK(out.empty());
    CHECK_THROWS_AS(in.pipe_input("k", 1, -1), StreamsException);
}
