// The application that tests/chaos/streams_exactly_once.py kills: words of `lines` in; out goes the
// count of each word (`counts`), and its count in each window of five seconds (`window-counts`,
// key word@start), one record for each word read.
//
//   streams_killed BOOTSTRAP_SERVERS STATE_DIR [SETTING=VALUE...]
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
using namespace std::chrono_literals;

namespace {

volatile std::sig_atomic_t stopped = 0;

std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> found;
    size_t from = 0;
    while (from < line.size()) {
        const size_t end = std::min(line.find(' ', from), line.size());
        found.push_back(line.substr(from, end - from));
        from = end + 1;
    }
    return found;
}

Topology make_topology() {
    StreamsBuilder builder;
    const auto by_word =
        builder.stream<std::string, std::string>("lines")
            .flat_map_values(&words)
            .group_by([](const std::string*, const std::string& word) { return word; });
    by_word.count(Materialized<std::string, int64_t>::as("counts")).to_stream().to("counts");
    by_word.windowed_by(TimeWindows::of_size_and_grace(5s, 1h))
        .count()
        .to_stream([](const Windowed<std::string>& word, const int64_t*) {
            return fmt::format("{}@{}", word.key, word.window.start);
        })
        .to("window-counts", Produced<std::string, int64_t>());
    return builder.build();
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGTERM, [](int) { stopped = 1; });
    try {
        std::map<std::string, std::string> settings{
            {"application.id", "killed"},
            {"bootstrap.servers", argv[1]},
            {"state.dir", argv[2]},
            {"processing.guarantee", "exactly_once_v2"},
            {"statestore.cache.max.bytes", "0"},
            {"consumer.session.timeout.ms", "6000"},
            {"consumer.heartbeat.interval.ms", "1000"},
        };
        for (int i = 3; i < argc; ++i) {
            const std::string setting = argv[i];
            const size_t equals = setting.find('=');
            settings[setting.substr(0, equals)] = setting.substr(equals + 1);
        }
        KafkaStreams streams(make_topology(), StreamsConfig::from(settings));
        streams.set_failure_listener([](const Error& error) {
            std::fprintf(stderr, "%s\n", error.describe().c_str());
            stopped = 1;
        });
        streams.start();
        while (!stopped) std::this_thread::sleep_for(50ms);
        streams.close();
        return streams.state() == KafkaStreams::State::not_running ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}
