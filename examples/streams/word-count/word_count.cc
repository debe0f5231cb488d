// Counts words, for ever: lines of the topic `lines` in, the count of each word out, to
// `word-counts`.
//
//   example_word_count [BOOTSTRAP_SERVERS [STATE_DIR [SETTING=VALUE...]]]
//
// Ends with SIGINT or SIGTERM. The topics must exist.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "streams/kafka_streams.h"
#include "streams/streams_builder.h"

using namespace millrace;
using namespace millrace::streams;

namespace {

volatile std::sig_atomic_t stopped = 0;

std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> found;
    size_t from = 0;
    while (from < line.size()) {
        const size_t end = std::min(line.find(' ', from), line.size());
        if (end > from) found.push_back(line.substr(from, end - from));
        from = end + 1;
    }
    return found;
}

Topology word_count() {
    StreamsBuilder builder;
    builder.stream<std::string, std::string>("lines")
        .flat_map_values(&words)
        .group_by([](const std::string*, const std::string& word) { return word; })
        .count(Materialized<std::string, int64_t>::as("counts"))
        .to_stream()
        .to("word-counts");
    return builder.build();
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGINT, [](int) { stopped = 1; });
    std::signal(SIGTERM, [](int) { stopped = 1; });
    try {
        std::map<std::string, std::string> settings{
            {"application.id", "word-count"},
            {"bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092"},
            {"state.dir", argc > 2 ? argv[2] : "/tmp/kafka-streams"},
            {"num.stream.threads", "2"},
            {"commit.interval.ms", "500"},
        };
        for (int i = 3; i < argc; ++i) {
            const std::string setting = argv[i];
            const size_t equals = setting.find('=');
            if (equals == std::string::npos) throw ConfigException(setting + ": no SETTING=VALUE");
            settings[setting.substr(0, equals)] = setting.substr(equals + 1);
        }
        const StreamsConfig config = StreamsConfig::from(settings);
        const Topology topology = word_count();
        std::printf("%s", topology.describe().c_str());
        KafkaStreams streams(topology, config);
        streams.set_state_listener([](KafkaStreams::State now, KafkaStreams::State) {
            std::printf("state: %s\n", std::string(KafkaStreams::name(now)).c_str());
            std::fflush(stdout);
        });
        streams.set_failure_listener([](const Error& error) {
            std::fprintf(stderr, "%s\n", error.describe().c_str());
            stopped = 1;
        });
        streams.start();
        while (!stopped) std::this_thread::sleep_for(std::chrono::milliseconds(100));
        const StreamThread::Counts counts = streams.counts();
        int64_t words = 0;
        if (streams.state() == KafkaStreams::State::running)
            streams.read_stores("counts", [&](const TaskId&, StateStore& store) {
                auto all = TimestampedKeyValueStore<std::string, int64_t>(store).all();
                while (const auto count = all.next()) words += count->value.value;
            });
        std::printf("%lld words in the stores here\n", static_cast<long long>(words));
        streams.close();
        std::printf(
            "%lld records, %lld commits, %lld restored\n", static_cast<long long>(counts.processed),
            static_cast<long long>(counts.commits), static_cast<long long>(counts.restored));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
    return 0;
}
