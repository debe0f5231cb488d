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
const auto kEmpty = [] { return Text(); };
auto with(const char* sign) {
    return [sign](const Text&, const Text* value, Text all) {
        return all + sign + (value ? *value : "null");
    };
}
auto cogrouped(StreamsBuilder& builder) {
    const auto left = builder.stream<Text, Text>("left").group_by_key();
    // By the value's first letter: through a repartition topic.
    const auto right = builder.stream<Text, Text>("right").group_by(
        [](const Text*, const Text& value) { return value.substr(0, 1); });
    return left.cogroup<Text>(with("+")).cogroup(right, with("-"));
}

class Run {
public:
    explicit Run(StreamsBuilder& builder) : driver(builder.build(), app()) {}
    Text operator()(const char* topic, const std::optional<Text>& key, TimestampMs time,
                    const std::optional<Text>& value) {
        driver.input_topic<Text, Text>(topic).pipe_input(key, value, time);
        Text all;
        while (auto record = driver.read_output("out"))
            all += fmt::format("{}{}={}@{}", all.empty() ? "" : " ", *record->key,
                               record->value.value_or("none"), record->timestamp.value_or(-1));
        return all;
    }
    TopologyTestDriver driver;
};

const auto kNamed = [](const Windowed<Text>& key, const Text*) {
    return fmt::format("{}[{},{}]", key.key, key.window.start, key.window.end);
};

}  // namespace

TEST_CASE("streams of different values make one aggregate") {
    StreamsBuilder builder;
    cogrouped(builder).aggregate(kEmpty).to_stream().to("out");
    Run run(builder);
    CHECK(run("left", "a", 5, "1") == "a=+1@5");
    CHECK(run("right", "x", 3, "a2") == "a=+1-a2@5");
    CHECK(run("left", "b", 7, "3") == "b=+3@7");
    CHECK(run("left", "b", 8, std::nullopt) == "");
    CHECK(run("right", std::nullopt, 9, "b4") == "b=+3-b4@9");
}

TEST_CASE("cogrouped streams in windows: each input has its own time") {
    StreamsBuilder builder;
    cogrouped(builder)
        .aggregate(TimeWindows::of_size_and_grace(10ms, 5ms), kEmpty)
        .to_stream(kNamed)
        .to("out");
    Run run(builder);
    CHECK(run("left", "a", 1, "1") == "a[0,10]=+1@1");
    CHECK(run("right", "x", 40, "a2") == "a[40,50]=-a2@40");
    CHECK(run("left", "a", 14, std::nullopt) == "a[10,20]=+null@14");
    CHECK(run("right", "x", 14, "a3") == "");
}

TEST_CASE("cogrouped streams in sessions") {
    StreamsBuilder builder;
    cogrouped(builder)
        .aggregate(SessionWindows::of_inactivity_gap_and_grace(10ms, 100ms), kEmpty,
                   [](const Text&, Text left, Text right) { return left + right; })
        .to_stream(kNamed)
        .to("out");
    Run run(builder);
    CHECK(run("left", "a", 1, "1") == "a[1,1]=+1@1");
    CHECK(run("right", "x", 20, "a2") == "a[20,20]=-a2@20");
    CHECK(run("left", "a", 10, "3") == "a[1,1]=none@1 a[20,20]=none@20 a[1,20]=+1-a2+3@20");
}

TEST_CASE("several aggregations of cogrouped streams share the repartition topics") {
    StreamsBuilder builder;
    const auto streams = cogrouped(builder);
    streams.aggregate(kEmpty);
    streams.aggregate(TimeWindows::of_size_with_no_grace(10ms), kEmpty);
    const Text text = builder.build().describe();
    size_t topics = 0;
    for (size_t at = text.find("(topics: [COGROUP"); at != Text::npos;
         at = text.find("(topics: [COGROUP", at + 1))
        ++topics;
    CHECK(topics == 1);
    for (const char* line :
         {"Source: COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003-repartition-source",
          "Processor: COGROUPKSTREAM-AGGREGATE-0000000007 (stores: "
          "[COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000003])",
          "Processor: COGROUPKSTREAM-MERGE-0000000009 (stores: [])",
          "Processor: COGROUPKSTREAM-AGGREGATE-0000000014 (stores: "
          "[COGROUPKSTREAM-AGGREGATE-STATE-STORE-0000000010])",
          "Processor: COGROUPKSTREAM-MERGE-0000000016 (stores: [])"}) {
        INFO(line);
        CHECK(text.find(line) != Text::npos);
    }
}
