// Which log the cleaner takes, and what it does about one that it cannot clean.
#include "storage/cleaner.h"

#include <doctest/doctest.h>

#include <fstream>

#include "storage/test_pairs.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

// A few partitions of a node, and its cleaner.
struct Several : TestPlace {
    Several() { start(); }
    ~Several() {
        cleaner.reset();
        logs.reset();
    }
    void start() {
        cleaner.reset();
        logs.reset();
        auto started = run(LogManager::start(
            disk, rng, {.directories = {root}, .checkpoint_ms = INT64_MAX / 4},
            [this](const std::string& topic) {
                return LogConfig{.cleanup_delete = topic == "plain",
                                 .cleanup_compact = topic != "plain",
                                 .min_cleanable_dirty_ratio = ratio};
            },
            loop.wall_ms()));
        if (!started) FAIL(started.error().describe());
        logs = *std::move(started);
        cleaner = std::make_unique<Cleaner>(loop, workers, *logs, [this] { return config; });
    }
    Log& log(const TopicPartition& name) {
        if (!logs->contains(name))
            REQUIRE(run(logs->create(name, Uuid{1, 2}, loop.wall_ms())).has_value());
        return **run(logs->open(name, loop.wall_ms()));
    }
    void append(const TopicPartition& name) {
        Log& to = log(name);
        REQUIRE(to.append_as_leader(to_append(make_pairs({{"a", "1"}}, {}, loop.wall_ms())),
                                    {.now = loop.wall_ms()}));
        to.set_high_watermark(to.end_offset());
    }
    void fill(const TopicPartition& name, int records) {
        for (int i = 0; i < records; ++i) append(name);
        REQUIRE(log(name).roll(loop.wall_ms()).has_value());
    }
    bool clean_one() { return run(cleaner->clean_one()); }
    const CleanerStats& stats() { return cleaner->stats()[0]; }
    static runtime::Task<bool> wait_until(runtime::Loop& loop, TimestampMs at) {
        while (loop.wall_ms() < at) co_await loop.sleep_for(std::chrono::milliseconds{20});
        co_return true;
    }

    Rng rng{1};
    double ratio = 0.5;
    CleanerConfig config{.dedupe_buffer_bytes = 1 << 20};
    runtime::LinuxWorkers workers{pool};
    std::unique_ptr<LogManager> logs;
    std::unique_ptr<Cleaner> cleaner;
};

}  // namespace

TEST_CASE("the dirtiest log is cleaned first, and only if it is dirty enough") {
    Several s;
    s.fill({"plain", 0}, 5);
    s.fill({"t", 0}, 10);
    s.fill({"t", 1}, 10);
    while (s.clean_one()) {
    }
    CHECK(s.stats().cleanings == 2);
    CHECK_FALSE(s.log({"plain", 0}).cleaned_to().has_value());
    CHECK(s.log({"t", 0}).cleaned_to() == 10);
    CHECK(s.log({"t", 0}).size_bytes() < 100);
    const auto checkpoint = s.disk.read_file(s.root + "/cleaner-offset-checkpoint", 1000);
    REQUIRE(checkpoint.has_value());
    CHECK(checkpoint->starts_with("0\n2\n"));
    CHECK(checkpoint->contains("t 0 10\n"));
    // One record is left of the clean part, and half of the whole is not more than half.
    s.fill({"t", 1}, 1);
    CHECK_FALSE(s.clean_one());
    CHECK(s.stats().dirty_ratio_max == 0.5);
    s.fill({"t", 0}, 2);
    s.fill({"t", 1}, 5);
    CHECK(s.clean_one());
    CHECK(s.log({"t", 1}).cleaned_to() == 16);
    CHECK(s.log({"t", 0}).cleaned_to() == 10);
    s.append({"t", 0});  // an active segment without records has no file
    REQUIRE(s.run(s.logs->stop(1, s.loop.wall_ms())).has_value());
    s.start();
    // Nobody opened it since the start.
    CHECK(s.clean_one());
    CHECK(s.log({"t", 0}).cleaned_to() == 12);
    CHECK_FALSE(s.clean_one());
}

TEST_CASE("a log that cannot be cleaned is counted and tried again, and keeps nobody back") {
    Several s;
    s.fill({"bad", 0}, 10);
    s.fill({"t", 0}, 10);
    s.config.backoff_ms = 0;
    const std::string path = s.root + "/bad-0/00000000000000000000.log";
    const auto flip = [&] {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(40);
        const int byte = file.get();
        file.seekp(40);
        file.put(static_cast<char>(byte ^ 1));
    };
    flip();
    while (s.clean_one()) {
    }
    CHECK(s.stats().uncleanable_partitions == 1);
    CHECK(s.stats().uncleanable_bytes > 0);
    CHECK(s.stats().failures == 1);
    CHECK(s.log({"t", 0}).cleaned_to() == 10);
    flip();
    CHECK_FALSE(s.clean_one());                                          // not yet
    CHECK(s.run(Several::wait_until(s.loop, s.loop.wall_ms() + 1001)));  // the first wait is 1 s
    CHECK(s.clean_one());
    CHECK(s.stats().uncleanable_partitions == 0);
    CHECK(s.log({"bad", 0}).cleaned_to() == 10);
}

TEST_CASE("the compacted topics of a directory are cleaned when one is named") {
    // For tests/interop/compaction_kafka.py.
    const char* directory = std::getenv("MILLRACE_CLEAN_DIR");
    if (!directory) return;
    TestPlace place;
    Rng rng{1};
    auto logs = place.run(LogManager::start(
        place.disk, rng, {.directories = {directory}},
        [](const std::string& topic) {
            return LogConfig{.segment_bytes = 1 << 20,
                             .index_interval_bytes = 1000,
                             .cleanup_delete = topic != "c",
                             .cleanup_compact = topic == "c",
                             .retention_ms = kUnlimited,
                             .min_cleanable_dirty_ratio = 0};
        },
        place.loop.wall_ms()));
    REQUIRE(logs.has_value());
    runtime::LinuxWorkers workers{place.pool};
    {
        Cleaner cleaner(place.loop, workers, **logs, [] { return CleanerConfig{}; });
        while (place.run(cleaner.clean_one())) {
        }
        CHECK(cleaner.stats()[0].failures == 0);
        CHECK(cleaner.stats()[0].cleanings > 0);
    }
    REQUIRE(place.run((*logs)->stop(-1, place.loop.wall_ms())).has_value());
}
