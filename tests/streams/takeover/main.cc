// Runs the application of topology.h until the end of its input.
//
//   millrace_takeover PREFIX SETTING=VALUE...      PREFIX is that of its topics
//
// Told by lines on its input: "commit" commits soon, "status" answers with the number of records
// processed and the application's state, "describe" with the topology's text and a line with a dot.
#include <iostream>
#include <map>

#include "base/log.h"
#include "streams/kafka_streams.h"
#include "topology.h"

using namespace millrace;
using namespace millrace::streams;

namespace {

StreamsConfig config_of(std::span<char*> arguments) {
    std::map<std::string, std::string> settings;
    for (const std::string setting : arguments) {
        const size_t equals = setting.find('=');
        if (equals == std::string::npos) throw ConfigException(setting + ": no SETTING=VALUE");
        settings[setting.substr(0, equals)] = setting.substr(equals + 1);
    }
    StreamsConfig config = StreamsConfig::from(settings);
    // What waits for wall clock is looked for with every record.
    config.emit_interval_outer_join_ms = 0;
    config.emit_interval_windowed_aggregation_ms = 0;
    return config;
}

void obey(KafkaStreams& streams, const Topology& topology, std::atomic<bool>& commit) {
    for (std::string line; std::getline(std::cin, line);) {
        if (line == "commit") commit = true;
        if (line == "status")
            std::cout << streams.counts().processed << ' ' << KafkaStreams::name(streams.state())
                      << std::endl;
        if (line == "describe") std::cout << topology.describe() << "\n." << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::atomic<bool> commit = false;
    std::atomic<bool> failed = false;
    log::set_sink([](log::Level, std::string_view room, std::string_view message) {
        std::cerr << fmt::format("{}: {}\n", room, message);
    });
    log::set_level(log::Level::warn);
    try {
        if (argc < 2) throw ConfigException("usage: millrace_takeover PREFIX SETTING=VALUE...");
        const StreamsConfig config = config_of({argv + 2, argv + argc});
        const Topology topology = takeover::make_topology(argv[1], commit);
        KafkaStreams streams(topology, config);
        streams.set_failure_listener([&](const Error& error) {
            std::cerr << error.describe() << std::endl;
            failed = true;
        });
        streams.start();
        obey(streams, topology, commit);
        if (!streams.close()) failed = true;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        failed = true;
    }
    return failed ? 1 : 0;
}
