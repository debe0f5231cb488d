#include <doctest/doctest.h>

#include "streams/streams_builder.h"
#include "streams/test_driver.h"

using namespace millrace;
using namespace millrace::streams;
using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Topic = TopologyTestDriver::InputTopic<Text, Text>;

StreamsConfig app() {
    StreamsConfig config;
    config.application_id = "app";
    config.statestore_cache_max_bytes = 0;  // every update is told
    return config;
}

// A record of a windowed table as it stands in a topic: key[start,end]=value@time.
Text shown(const TestRecord& record, const AnySerde& keys, bool counts) {
    const Box key = deserialize(keys, view_of(record.key));
    const auto& windowed = key.as<Windowed<Text>>();
    Text value = "-";
    if (record.value)
        value = counts ? std::to_string(read_be<int64_t>(*record.value)) : *record.value;
    return fmt::format("{}[{},{}]={}@{}", windowed.key, windowed.window.start, windowed.window.end,
                       value, record.timestamp.value_or(-1));
}

// What goes to the topic "out" as "in" is written to, a topology of one windowed operation.
class Run {
public:
    Run(StreamsBuilder& builder, int64_t size_ms, bool counts = false, StreamsConfig config = app())
        : driver(builder.build(), std::move(config)),
          in(driver.input_topic<Text, Text>("in")),
          keys_(size_ms < 0 ? session_windowed_serde<Text>({}).erased()
                            : time_windowed_serde<Text>({}, size_ms).erased()),
          counts_(counts) {}
    // Writes the record (its value is its time unless given); what came of it.
    Text operator()(const Text& key, TimestampMs time, std::optional<Text> value = std::nullopt) {
        in.pipe_input(key, value ? *value : std::to_string(time), time);
        return out();
    }
    Text out() {
        Text all;
        while (auto record = driver.read_output("out"))
            all += (all.empty() ? "" : " ") + shown(*record, *keys_, counts_);
        return all;
    }

    TopologyTestDriver driver;
    Topic in;

private:
    SerdePtr keys_;
    bool counts_;
};

auto grouped(StreamsBuilder& builder) {
    return builder.stream<Text, Text>("in").group_by_key();
}
const auto kEmpty = [] { return Text(); };
const auto kAppend = [](const Text&, const Text* value, Text aggregate) {
    return aggregate + (aggregate.empty() ? "" : ",") + (value ? *value : "null");
};
const auto kMerge = [](const Text&, Text left, Text right) {
    return left.empty() ? right : left + "+" + right;
};

}  // namespace

TEST_CASE("hopping windows close one by one, each at its end and the grace") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(TimeWindows::of_size_and_grace(100ms, 20ms).advance_by(50ms))
        .aggregate(kEmpty, kAppend)
        .to_stream()
        .to("out");
    Run run(builder, 100);
    CHECK(run("a", 10) == "a[0,100]=10@10");
    CHECK(run("a", 70) == "a[0,100]=10,70@70 a[50,150]=70@70");
    CHECK(run("b", 119) == "b[50,150]=119@119 b[100,200]=119@119");
    CHECK(run("a", 60) == "a[0,100]=10,70,60@70 a[50,150]=70,60@70");
    CHECK(run("b", 120) == "b[50,150]=119,120@120 b[100,200]=119,120@120");
    CHECK(run.driver.dropped_records() == 0);
    CHECK(run("a", 61) == "a[50,150]=70,60,61@70");
    CHECK(run.driver.dropped_records() == 1);
    run.in.pipe_input(std::nullopt, "x", 500);
    CHECK(run("a", 62) == "a[50,150]=70,60,61,62@70");
}

TEST_CASE("values of null count in windows of time, and a null aggregate is deleted") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(TimeWindows::of_size_with_no_grace(100ms))
        .aggregate(kEmpty,
                   [](const Text&, const Text* value, Text aggregate) -> std::optional<Text> {
                       if (value && *value == "delete") return std::nullopt;
                       return aggregate + (value ? *value : "null");
                   })
        .to_stream()
        .to("out");
    Run run(builder, 100);
    run.in.pipe_input("a", std::nullopt, 20);
    CHECK(run.out() == "a[0,100]=null@20");
    CHECK(run("a", 10, "x") == "a[0,100]=nullx@20");
    CHECK(run("a", 11, "delete") == "a[0,100]=-@20");
    CHECK(run("a", 12, "y") == "a[0,100]=y@12");
}

TEST_CASE("sliding windows hold each set of neighbours once") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(SlidingWindows::of_time_difference_and_grace(10ms, 30ms))
        .aggregate(kEmpty, kAppend)
        .to_stream()
        .to("out");
    Run run(builder, 10);
    // Case s24 of Kafka's test kit.
    CHECK(run("a", 10) == "a[0,10]=10@10");
    CHECK(run("a", 15) == "a[11,21]=15@15 a[5,15]=10,15@15");
    CHECK(run("a", 18) == "a[11,21]=15,18@18 a[16,26]=18@18 a[8,18]=10,15,18@18");
    CHECK(run("a", 40) == "a[30,40]=40@40");
    CHECK(run("a", 22) == "a[16,26]=18,22@22 a[19,29]=22@22 a[12,22]=15,18,22@22");
    // A window that is right of one record and left of the next is told twice.
    CHECK(run("b", 45) == "b[35,45]=45@45");
    CHECK(run("b", 51) == "b[46,56]=51@51 b[41,51]=45,51@51");
    CHECK(run("b", 62) == "b[52,62]=62@62 b[52,62]=62@62");
    run.in.pipe_input("b", std::nullopt, 63);
    CHECK(run("b", 11) == "");
    CHECK(run.driver.dropped_records() == 2);
}

TEST_CASE("records before the difference share the first sliding window") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(SlidingWindows::of_time_difference_and_grace(20ms, 1000ms))
        .aggregate(kEmpty, kAppend)
        .to_stream()
        .to("out");
    Run run(builder, 20);
    CHECK(run("a", 2) == "a[0,20]=2@2");
    CHECK(run("a", 27) == "a[7,27]=27@27");
    CHECK(run("a", 10) == "a[7,27]=27,10@27 a[11,31]=27@27 a[3,23]=10@10 a[0,20]=2,10@10");
    CHECK(
        run("a", 20) ==
        "a[11,31]=27,20@27 a[7,27]=27,10,20@27 a[3,23]=10,20@20 a[0,20]=2,10,20@20 a[21,41]=27@27");
    CHECK(run("a", 9) ==
          "a[3,23]=10,20,9@20 a[7,27]=27,10,20,9@27 a[10,30]=27,10,20@27 "
          "a[0,20]=2,10,20,9@20");
}

TEST_CASE("a record joins all sessions that it is near to") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(SessionWindows::of_inactivity_gap_and_grace(10ms, 20ms))
        .aggregate(kEmpty, kAppend, kMerge, {}, Materialized<Text, Text>().with_retention(100s))
        .to_stream()
        .to("out");
    Run run(builder, -1);
    CHECK(run("a", 0) == "a[0,0]=0@0");
    CHECK(run("a", 20) == "a[20,20]=20@20");
    CHECK(run("a", 35) == "a[35,35]=35@35");
    CHECK(run("a", 10) == "a[0,0]=-@0 a[20,20]=-@20 a[0,20]=0+20,10@20");
    // The same moment once more: no delete comes before.
    CHECK(run("a", 35, "x") == "a[35,35]=35,x@35");
    CHECK(run("a", 28) == "a[0,20]=-@20 a[35,35]=-@35 a[0,35]=0+20,10+35,x,28@35");
    CHECK(run("b", 75) == "b[75,75]=75@75");
    CHECK(run("c", 45) == "c[45,45]=45@45");
    CHECK(run("c", 34) == "");
    CHECK(run.driver.dropped_records() == 1);
    // Late by itself, but a live session takes it.
    CHECK(run("c", 36) == "c[45,45]=-@45 c[36,45]=45,36@45");
}

TEST_CASE("closed windows are told once, when the stream's time and the wall clock allow") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(TimeWindows::of_size_and_grace(100ms, 10ms))
        .emit_strategy(EmitStrategy::on_window_close)
        .count({}, Materialized<Text, int64_t>().with_retention(100s))
        .to_stream()
        .to("out");
    SUBCASE("at each record") {
        Run run(builder, 100, true);
        CHECK(run("b", 10) == "");
        CHECK(run("a", 60) == "");
        CHECK(run("a", 109) == "");
        CHECK(run("a", 110) == "a[0,100]=1@60 b[0,100]=1@10");
        CHECK(run("a", 209) == "");
        CHECK(run("a", 420) == "a[100,200]=2@110 a[200,300]=1@209");
        CHECK(run("a", 209) == "");
    }
    SUBCASE("at most once in a second") {
        StreamsConfig config = app();
        config.emit_interval_windowed_aggregation_ms = 1000;
        Run run(builder, 100, true, config);
        CHECK(run("b", 10) == "");
        run.driver.advance_wall_clock_time(999ms);
        CHECK(run("a", 110) == "");
        run.driver.advance_wall_clock_time(1ms);
        CHECK(run("a", 111) == "b[0,100]=1@10");
        // Asking in vain takes the turn, too.
        run.driver.advance_wall_clock_time(1000ms);
        CHECK(run("a", 111) == "");
        CHECK(run("a", 500) == "");
        run.driver.advance_wall_clock_time(1000ms);
        CHECK(run("a", 1) == "a[100,200]=3@111");
    }
}

TEST_CASE("sessions and sliding windows that are closed are told, too") {
    const auto on_close = EmitStrategy::on_window_close;
    SUBCASE("sessions, by their ends") {
        StreamsBuilder builder;
        grouped(builder)
            .windowed_by(SessionWindows::of_inactivity_gap_and_grace(20ms, 10ms))
            .emit_strategy(on_close)
            .count()
            .to_stream()
            .to("out");
        Run run(builder, -1, true);
        for (const auto& [key, time] : {std::pair("a", 10), {"a", 30}, {"b", 50}})
            CHECK(run(key, time) == "");
        CHECK(run("b", 61) == "a[10,30]=2@30");
        CHECK(run("b", 81) == "");
        CHECK(run("a", 90) == "");
        CHECK(run("b", 92) == "");
        CHECK(run("c", 65) == "");
        CHECK(run("c", 401) == "c[65,65]=1@65 a[90,90]=1@90 b[50,92]=4@92");
    }
    SUBCASE("sliding windows, but not by records before the difference") {
        StreamsBuilder builder;
        grouped(builder)
            .windowed_by(SlidingWindows::of_time_difference_with_no_grace(100ms))
            .emit_strategy(on_close)
            .count({}, Materialized<Text, int64_t>().with_retention(100s))
            .to_stream()
            .to("out");
        Run run(builder, 100, true);
        CHECK(run("a", 10) == "");
        CHECK(run("a", 99) == "");
        CHECK(run("b", 150) == "a[0,100]=2@99 a[11,111]=1@99");
        CHECK(run("b", 251) == "b[50,150]=1@150");
        CHECK(run("b", 10) == "");
    }
}

TEST_CASE("windows that make no sense are refused when the topology is made") {
    StreamsBuilder builder;
    const auto group = grouped(builder);
    const auto kept = [](std::chrono::milliseconds retention) {
        return Materialized<Text, int64_t>().with_retention(retention);
    };
    CHECK_THROWS_AS(
        group.windowed_by(TimeWindows::of_size_and_grace(100ms, 50ms)).count({}, kept(149ms)),
        IllegalArgumentException);
    CHECK_THROWS_AS(group.windowed_by(SlidingWindows::of_time_difference_and_grace(20ms, 100ms))
                        .count({}, kept(139ms)),
                    IllegalArgumentException);
    CHECK_THROWS_AS(group.windowed_by(SessionWindows::of_inactivity_gap_and_grace(20ms, 10ms))
                        .count({}, kept(29ms)),
                    IllegalArgumentException);
    CHECK_THROWS_AS(
        group.windowed_by(UnlimitedWindows::of()).emit_strategy(EmitStrategy::on_window_close),
        IllegalArgumentException);
    CHECK_NOTHROW(group.windowed_by(SlidingWindows::of_time_difference_and_grace(20ms, 100ms))
                      .count({}, kept(140ms)));
}

TEST_CASE("unlimited windows are one, from its start on") {
    StreamsBuilder builder;
    grouped(builder)
        .windowed_by(UnlimitedWindows::of().start_on(100))
        .reduce([](Text left, const Text& right) { return left + "," + right; })
        .to_stream([](const Windowed<Text>& key, const Text*) {
            return fmt::format("{}@{}", key.key, key.window.start);
        })
        .to("out");
    TopologyTestDriver driver(builder.build(), app());
    auto in = driver.input_topic<Text, Text>("in");
    auto out = driver.output_topic<Text, Text>("out");
    in.pipe_input("a", "1", 10);
    in.pipe_input("a", "2", 100);
    in.pipe_input("a", "3", 5000);
    using Pair = decltype(out)::Pair;
    CHECK(out.read_key_values_to_list() == std::vector<Pair>{{"a@100", "2"}, {"a@100", "2,3"}});
}

TEST_CASE("windowed and suppressed operations are described as Kafka does") {
    StreamsBuilder builder;
    const auto group = grouped(builder);
    const auto windows = TimeWindows::of_size_with_no_grace(100ms);
    const auto sessions = SessionWindows::of_inactivity_gap_with_no_grace(100ms);
    const auto join = [](const Text& left, const Text& right) { return left + right; };
    const auto count = group.windowed_by(windows).count(Named::as("cnt"));
    group.windowed_by(windows).reduce(join);
    group.windowed_by(sessions).count(Named::as("scnt"));
    const auto reduced = group.windowed_by(sessions).reduce(join);
    group.windowed_by(sessions).aggregate(kEmpty, kAppend, kMerge);
    group.windowed_by(SlidingWindows::of_time_difference_with_no_grace(100ms)).count();
    group.windowed_by(SlidingWindows::of_time_difference_with_no_grace(100ms)).reduce(join);
    count.suppress(Suppressed::until_window_closes(BufferConfig::unbounded()));
    reduced.suppress(Suppressed::until_time_limit(10ms, BufferConfig::max_records(5)));
    const Text text = builder.build().describe();
    for (const char* line :
         {"Processor: cnt (stores: [KSTREAM-AGGREGATE-STATE-STORE-0000000001])",
          "Processor: KSTREAM-REDUCE-0000000004 (stores: [KSTREAM-REDUCE-STATE-STORE-0000000003])",
          "Processor: scnt (stores: [KSTREAM-AGGREGATE-STATE-STORE-0000000005])",
          "Processor: KSTREAM-REDUCE-0000000008 (stores: [KSTREAM-REDUCE-STATE-STORE-0000000007])",
          "Processor: KSTREAM-AGGREGATE-0000000010 (stores: "
          "[KSTREAM-AGGREGATE-STATE-STORE-0000000009])",
          "Processor: KSTREAM-AGGREGATE-0000000012 (stores: "
          "[KSTREAM-AGGREGATE-STATE-STORE-0000000011])",
          "Processor: KSTREAM-REDUCE-0000000014 (stores: [KSTREAM-REDUCE-STATE-STORE-0000000013])",
          "Processor: KTABLE-SUPPRESS-0000000015 (stores: "
          "[KTABLE-SUPPRESS-STATE-STORE-0000000016])\n      --> none\n      <-- cnt",
          "Processor: KTABLE-SUPPRESS-0000000017 (stores: "
          "[KTABLE-SUPPRESS-STATE-STORE-0000000018])\n      --> none\n      <-- "
          "KSTREAM-REDUCE-0000000008"}) {
        INFO(line);
        CHECK(text.find(line) != Text::npos);
    }
}
