// For the tests of the DSL: a topology of texts, driven record by record.
#pragma once

#include "streams/streams_builder.h"
#include "streams/test_driver.h"

namespace millrace::streams::testing {

using Text = std::string;
using MaybeText = std::optional<Text>;

inline StreamsConfig app() {
    StreamsConfig config;
    config.application_id = "app";
    config.statestore_cache_max_bytes = 0;  // every change shows
    return config;
}

// A side of a joiner that may be missing.
inline Text shown(const Text* side) {
    return side ? *side : "null";
}
// Joins what is there with a +.
inline Text plus(const Text* left, const Text* right) {
    return shown(left) + "+" + shown(right);
}

class Run {
public:
    explicit Run(StreamsBuilder& builder, StreamsConfig config = app(), TimestampMs wall_clock = 0)
        : driver(builder.build(config), config, wall_clock) {}

    // Writes the record; what then stands in the topic "out", as "key=value@time".
    Text operator()(const Text& topic, const MaybeText& key, const MaybeText& value,
                    TimestampMs time) {
        driver.pipe_input(topic, {.key = key, .value = value, .timestamp = time, .headers = {}});
        return out();
    }
    Text out(const Text& topic = "out") {
        Text all;
        while (auto record = driver.read_output(topic))
            all += fmt::format("{}{}={}@{}", all.empty() ? "" : " ", record->key.value_or("null"),
                               record->value.value_or("null"), record->timestamp.value_or(-1));
        return all;
    }

    TopologyTestDriver driver;
};

}  // namespace millrace::streams::testing
