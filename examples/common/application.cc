#include "application.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>

#include "offline.h"
#include "streams/kafka_streams.h"

namespace millrace::examples {
namespace {

using namespace streams;

struct Options {
    std::string bootstrap_server = "127.0.0.1:9092";
    std::string state_dir = "/tmp/kafka-streams";
    std::string application_id;
    std::string threads = "2";
    std::vector<std::string> settings;
    std::vector<std::string> offline;  // input, output, topics
    bool exactly_once = false;
    bool describe = false;
};

void add_options(CLI::App& line, Options& options) {
    line.add_option("-b,--bootstrap-server", options.bootstrap_server, "Brokers of the cluster");
    line.add_option("--state-dir", options.state_dir, "Where the stores lie");
    line.add_option("--application-id", options.application_id, "The group, and of whom the state");
    line.add_option("--threads", options.threads, "How many stream threads");
    line.add_option("--set", options.settings, "A setting by Kafka's name, NAME=VALUE");
    line.add_flag("--exactly-once", options.exactly_once, "processing.guarantee=exactly_once_v2");
    line.add_option("--offline", options.offline, "INPUT OUTPUT TOPIC...: files, without a cluster")
        ->expected(3, 100);
    line.add_flag("--describe", options.describe, "Print the topology, and end");
}

StreamsConfig config_of(const Options& options) {
    std::map<std::string, std::string> settings{
        {"application.id", options.application_id},
        {"bootstrap.servers", options.bootstrap_server},
        {"state.dir", options.state_dir},
        {"num.stream.threads", options.threads},
        {"commit.interval.ms", "100"},
        // Who comes has work soon, and who was killed is missed soon.
        {"consumer.session.timeout.ms", "6000"},
        {"consumer.heartbeat.interval.ms", "500"},
    };
    if (options.exactly_once) settings["processing.guarantee"] = "exactly_once_v2";
    for (const std::string& setting : options.settings) {
        const size_t equals = setting.find('=');
        if (equals == std::string::npos) throw ConfigException(setting + ": not NAME=VALUE");
        settings[setting.substr(0, equals)] = setting.substr(equals + 1);
    }
    return StreamsConfig::from(settings);
}

// SIGINT and SIGTERM, which from here on only wait_for_it() sees: threads inherit that.
class StopSignals {
public:
    StopSignals() {
        sigemptyset(&signals_);
        sigaddset(&signals_, SIGINT);
        sigaddset(&signals_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }
    void wait_for_it() const {
        int which = 0;
        sigwait(&signals_, &which);
    }
    // From any thread.
    static void send() { ::kill(::getpid(), SIGTERM); }

private:
    sigset_t signals_{};
};

// False when it failed.
bool run_until_stopped(const Topology& topology, const StreamsConfig& config) {
    const StopSignals stop;
    KafkaStreams streams(topology, config);
    streams.set_state_listener([](KafkaStreams::State now, KafkaStreams::State) {
        fmt::print("state: {}\n", KafkaStreams::name(now));
        std::fflush(stdout);
    });
    std::atomic<bool> failed = false;
    streams.set_failure_listener([&](const Error& error) {
        fmt::print(stderr, "{}\n", error.describe());
        failed = true;
        StopSignals::send();
    });
    streams.start();
    stop.wait_for_it();
    const StreamThread::Counts counts = streams.counts();
    streams.close();
    fmt::print("{} records, {} commits, {} restored\n", counts.processed, counts.commits,
               counts.restored);
    return !failed;
}

}  // namespace

int run_application(int argc, char** argv, std::string application_id, Topology (*topology)()) {
    Options options{.application_id = std::move(application_id)};
    CLI::App line("An example of stream processing");
    add_options(line, options);
    try {
        line.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return line.exit(e) == 0 ? 0 : 2;
    }
    try {
        const Topology built = topology();
        fmt::print("{}", built.describe());
        std::fflush(stdout);
        if (options.describe) return 0;
        if (!options.offline.empty()) {
            const auto& files = options.offline;
            run_offline(built, config_of(options), files[0], files[1],
                        {files.begin() + 2, files.end()});
            return 0;
        }
        return run_until_stopped(built, config_of(options)) ? 0 : 1;
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}\n", e.what());
        return 1;
    }
}

TimestampExtractor before_all_events() {
    return [](const SourceRecord&, TimestampMs) { return TimestampMs{0}; };
}

}  // namespace millrace::examples
