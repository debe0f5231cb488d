// A streams application under measurement: the counterpart of a Kafka Streams program that reads the
// same topics.
//
//   millrace_streams_bench words|windowed|join|restore BOOTSTRAP_SERVERS RECORDS [THREADS]
//
// Topics: bench-words, bench-windowed, bench-left and bench-right, bench-restore-store-changelog
// and bench-restore-in; outputs bench-words-out, bench-windowed-out, bench-join-out must exist. The
// line that begins with RESULT has the figures: CPU seconds are those of the whole process, from
// the start of the application to the last record.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "streams/kafka_streams.h"
#include "streams/streams_builder.h"

using namespace millrace;
using namespace millrace::streams;
using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Clock = std::chrono::steady_clock;

std::atomic<int64_t> done = 0;
std::atomic<int64_t> outputs = 0;

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long peak_kb() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

double since(Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
}

std::vector<Text> words(const Text& line) {
    std::vector<Text> found;
    size_t from = 0;
    while (from < line.size()) {
        const size_t end = std::min(line.find(' ', from), line.size());
        if (end > from) found.push_back(line.substr(from, end - from));
        from = end + 1;
    }
    return found;
}

int64_t plus_one(const Text*, const Text*, int64_t count) {
    done.fetch_add(1, std::memory_order_relaxed);
    return count + 1;
}

void count_output() {
    outputs.fetch_add(1, std::memory_order_relaxed);
}

Topology topology_of(const std::string& kind) {
    StreamsBuilder builder;
    if (kind == "words") {
        builder.stream<Text, Text>("bench-words")
            .flat_map_values(&words)
            .group_by([](const Text*, const Text& word) { return word; })
            .aggregate([] { return int64_t{0}; }, &plus_one, {},
                       Materialized<Text, int64_t>::as("counts"))
            .to_stream()
            .peek([](const Text*, const int64_t*) { count_output(); })
            .to("bench-words-out");
    } else if (kind == "windowed") {
        builder.stream<Text, Text>("bench-windowed")
            .group_by_key()
            .windowed_by(TimeWindows::of_size_and_grace(10s, 5s))
            .aggregate([] { return int64_t{0}; }, &plus_one, {},
                       Materialized<Text, int64_t>::as("wcounts"))
            .to_stream([](const Windowed<Text>& key, const int64_t*) {
                return key.key + "@" + std::to_string(key.window.start);
            })
            .peek([](const Text*, const int64_t*) { count_output(); })
            .to("bench-windowed-out");
    } else if (kind == "join") {
        const auto seen = [](const Text*, const Text*) {
            done.fetch_add(1, std::memory_order_relaxed);
        };
        const auto left = builder.stream<Text, Text>("bench-left").peek(seen);
        const auto right = builder.stream<Text, Text>("bench-right").peek(seen);
        left.join(
                right, [](const Text& l, const Text& r) { return l + "/" + r; },
                JoinWindows::of_time_difference_and_grace(5s, 5s))
            .peek([](const Text*, const Text*) { count_output(); })
            .to("bench-join-out");
    } else if (kind == "restore") {
        builder.stream<Text, Text>("bench-restore-in")
            .group_by_key()
            .reduce([](const Text&, const Text& latest) { return latest; }, {},
                    Materialized<Text, Text>::as("store"));
    } else {
        throw ConfigException("words, windowed, join or restore, not " + kind);
    }
    return builder.build();
}

class RestoreCount final : public StateRestoreListener {
public:
    void restore_started(const TopicPartition&, const Text&, Offset, Offset) override {
        Clock::rep none = 0;
        started_.compare_exchange_strong(none, Clock::now().time_since_epoch().count());
    }
    void batch_restored(const TopicPartition&, const Text&, Offset, int64_t) override {}
    void restore_ended(const TopicPartition&, const Text&, int64_t count) override {
        ended_ = Clock::now().time_since_epoch().count();
        records_ += count;
    }
    int64_t records() const { return records_; }
    double seconds() const {
        return std::chrono::duration<double>(Clock::duration(ended_ - started_)).count();
    }

private:
    std::atomic<int64_t> records_ = 0;
    std::atomic<Clock::rep> started_ = 0;
    std::atomic<Clock::rep> ended_ = 0;
};

int measure(const std::string& kind, const std::string& bootstrap, int64_t records, int threads) {
    const auto state =
        std::filesystem::temp_directory_path() / fmt::format("streams-{}", ::getpid());
    const std::string id =
        kind == "restore" ? "bench-restore" : fmt::format("bench-{}-{}", kind, ::getpid());
    StreamsConfig config = StreamsConfig::from({{"application.id", id},
                                                {"bootstrap.servers", bootstrap},
                                                {"num.stream.threads", std::to_string(threads)},
                                                {"state.dir", state.string()}});
    RestoreCount restored;
    std::atomic<bool> failed = false;
    KafkaStreams streams(topology_of(kind), config);
    streams.set_global_state_restore_listener(&restored);
    streams.set_failure_listener([&](const Error& error) {
        std::fprintf(stderr, "%s\n", error.describe().c_str());
        failed = true;
    });
    const double cpu_before = cpu_seconds();
    const auto begin = Clock::now();
    std::optional<Clock::time_point> first;
    const int64_t target = kind == "words" ? records * 8 : records;
    streams.start();
    while (!failed && since(begin) < 170) {
        std::this_thread::sleep_for(10ms);
        if (kind == "restore" && restored.records() >= records) break;
        if (!first && done > 0) first = Clock::now();
        if (done >= target) break;
    }
    const double wall = since(begin);
    const double active = first ? since(*first) : wall;
    const double cpu = cpu_seconds() - cpu_before;
    const auto count = static_cast<double>(records);
    if (kind == "restore")
        std::printf(
            "RESULT restore records=%lld wall_s=%.2f restore_s=%.2f records_per_s=%.0f "
            "cpu_s=%.2f cpu_s_per_million=%.2f threads=%d\n",
            static_cast<long long>(restored.records()), wall, restored.seconds(),
            static_cast<double>(restored.records()) / restored.seconds(), cpu, cpu / (count / 1e6),
            threads);
    else
        std::printf(
            "RESULT %s input=%lld processed=%lld outputs=%lld wall_s=%.2f active_s=%.2f "
            "input_per_s=%.0f cpu_s=%.2f cpu_s_per_million_input=%.2f threads=%d\n",
            kind.c_str(), static_cast<long long>(records), static_cast<long long>(done.load()),
            static_cast<long long>(outputs.load()), wall, active, count / active, cpu,
            cpu / (count / 1e6), threads);
    streams.close();
    std::printf("  after close: outputs=%lld rss_peak_kb=%ld\n",
                static_cast<long long>(outputs.load()), peak_kb());
    std::filesystem::remove_all(state);
    return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr,
                     "usage: %s words|windowed|join|restore BOOTSTRAP_SERVERS RECORDS [THREADS]\n",
                     argv[0]);
        return 2;
    }
    try {
        return measure(argv[1], argv[2], std::atoll(argv[3]), argc > 4 ? std::atoi(argv[4]) : 2);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
