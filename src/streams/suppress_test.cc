#include <doctest/doctest.h>

#include "streams/streams_builder.h"
#include "streams/test_driver.h"

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

// What goes to the topic "out" as "in" is written to: key=value@time.
class Run {
public:
    explicit Run(StreamsBuilder& builder) : driver(builder.build(), app()) {}
    Text operator()(const Text& key, TimestampMs time, std::optional<Text> value) {
        driver.input_topic<Text, Text>("in").pipe_input(key, value, time);
        return out("out");
    }
    Text out(std::string_view topic) {
        Text all;
        while (auto record = driver.read_output(topic))
            all += fmt::format("{}{}={}@{}", all.empty() ? "" : " ", *record->key,
                               record->value.value_or("-"), record->timestamp.value_or(-1));
        return all;
    }
    TopologyTestDriver driver;
};

auto windowed_count(StreamsBuilder& builder) {
    return builder.stream<Text, Text>("in").group_by_key().windowed_by(
        TimeWindows::of_size_and_grace(100ms, 10ms));
}
void shown(const KTable<Windowed<Text>, int64_t>& table) {
    table
        .to_stream([](const Windowed<Text>& key, const int64_t*) {
            return fmt::format("{}[{}]", key.key, key.window.start);
        })
        .map_values([](int64_t count) { return std::to_string(count); })
        .to("out");
}

}  // namespace

TEST_CASE("each window's last result comes when it has closed") {
    StreamsBuilder builder;
    shown(windowed_count(builder).count().suppress(
        Suppressed::until_window_closes(BufferConfig::unbounded())));
    Run run(builder);
    for (const auto& [key, time] :
         {std::pair("b", 10), {"b", 60}, {"a", 70}, {"a", 105}, {"b", 20}, {"a", 109}})
        CHECK(run(key, time, "x") == "");
    CHECK(run("c", 110, "x") == "a[0]=1@70 b[0]=3@60");
    // Too late for the window, which is not told again.
    CHECK(run("b", 30, "x") == "");
    CHECK(run("c", 500, "x") == "a[100]=2@109 c[100]=1@110");
}

TEST_CASE("a closed session's deletes are not told") {
    StreamsBuilder builder;
    builder.stream<Text, Text>("in")
        .group_by_key()
        .windowed_by(SessionWindows::of_inactivity_gap_and_grace(20ms, 10ms))
        .count()
        .suppress(Suppressed::until_window_closes(BufferConfig::unbounded()))
        .to_stream([](const Windowed<Text>& key, const int64_t*) {
            return fmt::format("{}[{},{}]", key.key, key.window.start, key.window.end);
        })
        .map_values([](const int64_t* n) { return n ? std::to_string(*n) : Text("none"); })
        .to("out");
    Run run(builder);
    CHECK(run("a", 10, "x") == "");
    CHECK(run("a", 30, "x") == "");
    CHECK(run("b", 59, "x") == "");
    CHECK(run("b", 60, "x") == "a[10,30]=2@30");
    CHECK(run("c", 200, "x") == "b[59,60]=2@60");
}

TEST_CASE("a key waits for the time limit from its first change on") {
    StreamsBuilder builder;
    builder.table<Text, Text>("in")
        .suppress(Suppressed::until_time_limit(100ms, BufferConfig::unbounded()))
        .to_stream()
        .to("out");
    Run run(builder);
    CHECK(run("a", 0, "1") == "");
    CHECK(run("a", 50, "2") == "");
    CHECK(run("b", 60, "1") == "");
    CHECK(run("a", 99, "3") == "");
    CHECK(run("c", 100, "1") == "a=3@99");
    CHECK(run("c", 161, "2") == "b=1@60");
    CHECK(run("a", 162, std::nullopt) == "");
    CHECK(run("z", 400, "1") == "c=2@161 a=-@162");
}

TEST_CASE("a full buffer lets the oldest go, or ends the work") {
    StreamsBuilder builder;
    const auto table = builder.table<Text, Text>("in");
    SUBCASE("by records") {
        table.suppress(Suppressed::until_time_limit(100ms, BufferConfig::max_records(2)))
            .to_stream()
            .to("out");
        Run run(builder);
        CHECK(run("a", 10, "1") == "");
        CHECK(run("b", 20, "2") == "");
        CHECK(run("c", 15, "3") == "a=1@10");
        CHECK(run("d", 9, "4") == "d=4@9");
    }
    SUBCASE("by bytes") {
        table.suppress(Suppressed::until_time_limit(100ms, BufferConfig::max_bytes(110)))
            .to_stream()
            .to("out");
        Run run(builder);
        CHECK(run("a", 10, "1") == "");
        CHECK(run("b", 20, "2222") == "");
        CHECK(run("c", 15, "3") == "");
        CHECK(run("d", 9, "4") == "d=4@9");
        CHECK(run("e", 30, Text(100, 'x')) ==
              "a=1@10 c=3@15 b=2222@20 e=" + Text(100, 'x') + "@30");
    }
    SUBCASE("and stops") {
        table
            .suppress(Suppressed::until_time_limit(
                100ms, BufferConfig::max_records(1).shut_down_when_full()))
            .to_stream()
            .to("out");
        Run run(builder);
        CHECK(run("a", 10, "1") == "");
        CHECK(run("a", 11, "2") == "");
        CHECK_THROWS_AS(run("b", 12, "3"), StreamsException);
    }
}

TEST_CASE("who joins a suppressed table sees what was let go") {
    StreamsBuilder builder;
    const auto held = builder.table<Text, Text>("in").suppress(
        Suppressed::until_time_limit(50ms, BufferConfig::unbounded()));
    builder.stream<Text, Text>("asked")
        .left_join(held, [](const Text*, const Text* now) { return now ? *now : Text("none"); })
        .to("out");
    Run run(builder);
    const auto ask = [&] {
        run.driver.input_topic<Text, Text>("asked").pipe_input("a", "?", 0);
        return run.out("out");
    };
    run("a", 0, "1");
    CHECK(ask() == "a=none@0");
    run("b", 50, "1");
    CHECK(ask() == "a=1@0");
    run("a", 60, "2");
    CHECK(ask() == "a=1@0");
    run("b", 110, "2");
    CHECK(ask() == "a=2@0");
}

TEST_CASE("suppressions that make no sense are refused") {
    StreamsBuilder builder;
    const auto until_closed = Suppressed::until_window_closes(BufferConfig::unbounded());
    const auto until_limit = Suppressed::until_time_limit(1s, BufferConfig::unbounded());
    const auto table = builder.table<Text, Text>("in");
    CHECK_THROWS_AS(table.suppress(until_closed), TopologyException);
    const auto versions = builder.table<Text, Text>(
        "versions", {},
        Materialized<Text, Text>::as(stores::persistent_versioned_key_value_store("v", 1s)));
    CHECK_THROWS_AS(versions.suppress(until_limit), TopologyException);
    StreamsBuilder other;
    const auto windowed = windowed_count(other).count();
    CHECK_THROWS_AS(
        windowed.suppress(Suppressed::until_window_closes(BufferConfig::max_records(1))),
        IllegalArgumentException);
    CHECK_THROWS_AS(table.suppress(Suppressed::until_time_limit(-1ms, BufferConfig::unbounded())),
                    IllegalArgumentException);
}
