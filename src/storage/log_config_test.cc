// What a topic's configuration does to its log, also when it changes while the log is open.
#include <doctest/doctest.h>

#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

struct Configured : TestPlace {
    Configured() {
        auto opened = open({.directory = root + "/t-0",
                            .partition = {"t", 0},
                            .config = config,
                            .clean = true,
                            .now = now});
        if (!opened) FAIL(opened.error().describe());
        log = *std::move(opened);
    }
    ~Configured() { log.reset(); }

    // The error, or none; with what `change` does to the default configuration.
    template <typename Change>
    ErrorCode append(Change change, TimestampMs timestamp, size_t value_bytes = 10) {
        config = {};
        change(config);
        log->set_config(config);
        auto done = log->append_as_leader(
            to_append(make_batch(1, std::string(value_bytes, 'v'), {}, timestamp)), {.now = now});
        if (!done) return done.error().code;
        log->set_high_watermark(log->end_offset());
        append_time = done->append_time;
        return ErrorCode::none;
    }
    size_t segments() const {
        size_t count = 0;
        for (const auto& file : std::filesystem::directory_iterator(root + "/t-0"))
            count += file.path().string().ends_with(".log");
        return count;
    }
    // Of the last batch.
    template <typename Fn>
    auto last(Fn fn) {
        auto result = run(log->read({log->end_offset() - 1, log->end_offset(), 1, true}));
        REQUIRE(result.has_value());
        const auto bytes = flatten(result->records);
        const auto batch = protocol::BatchView::parse(bytes);
        REQUIRE(batch.has_value());
        CHECK(batch->verify_crc());
        return fn(*batch);
    }

    LogConfig config;
    TimestampMs now = 10'000'000;
    TimestampMs append_time = -1;
    std::unique_ptr<Log> log;
};

void as_it_is(LogConfig&) {}

}  // namespace

TEST_CASE("compression.type, message.timestamp.type and bounds hold for the next append") {
    Configured c;
    const auto codec = [](protocol::BatchView b) { return *b.codec(); };
    for (const auto wanted : {protocol::Codec::gzip, protocol::Codec::snappy, protocol::Codec::lz4,
                              protocol::Codec::zstd, protocol::Codec::none}) {
        const auto set = [&](LogConfig& config) { config.compression = wanted; };
        CHECK(c.append(set, c.now, 1000) == ErrorCode::none);
        CHECK(c.last(codec) == wanted);
    }
    CHECK(c.append(as_it_is, c.now) == ErrorCode::none);
    CHECK(c.last(codec) == protocol::Codec::none);

    const auto append_time = [](LogConfig& config) { config.log_append_time = true; };
    CHECK(c.append(append_time, 5) == ErrorCode::none);
    CHECK(c.append_time == c.now);
    CHECK(c.last([](protocol::BatchView b) { return b.max_timestamp(); }) == c.now);
    CHECK(c.append(as_it_is, 5) == ErrorCode::none);
    CHECK(c.append_time == -1);
    CHECK(c.last([](protocol::BatchView b) { return b.max_timestamp(); }) == 5);

    const auto before = [](LogConfig& config) { config.timestamp_before_max_ms = 100; };
    CHECK(c.append(before, c.now - 100) == ErrorCode::none);
    CHECK(c.append(before, c.now - 101) == ErrorCode::invalid_timestamp);
    const auto after = [](LogConfig& config) { config.timestamp_after_max_ms = 100; };
    CHECK(c.append(after, c.now + 100) == ErrorCode::none);
    CHECK(c.append(after, c.now + 101) == ErrorCode::invalid_timestamp);
    const auto small = [](LogConfig& config) { config.max_message_bytes = 200; };
    CHECK(c.append(small, c.now, 100) == ErrorCode::none);
    CHECK(c.append(small, c.now, 200) == ErrorCode::message_too_large);
    const auto keyed = [](LogConfig& config) { config.cleanup_compact = true; };
    CHECK(c.append(keyed, c.now) == ErrorCode::invalid_record);
}

TEST_CASE("segments roll by time and jitter, and earlier where compaction must not wait") {
    Configured c;
    const auto roll_after = [](int64_t ms) {
        return [ms](LogConfig& config) { config.segment_ms = ms; };
    };
    CHECK(c.append(roll_after(1000), 1000) == ErrorCode::none);
    CHECK(c.append(roll_after(1000), 2000) == ErrorCode::none);
    CHECK(c.segments() == 1);
    CHECK(c.append(roll_after(1000), 2001) == ErrorCode::none);
    CHECK(c.segments() == 2);
    CHECK(c.append(roll_after(5000), 6000) == ErrorCode::none);
    CHECK(c.segments() == 2);
    // The jitter is below its limit and below segment.ms: no segment lives longer, or no time at all.
    const auto jitter = [](LogConfig& config) {
        config.segment_ms = 5000;
        config.segment_jitter_ms = INT64_MAX;
    };
    CHECK(c.append(jitter, 2001 + 5001) == ErrorCode::none);
    CHECK(c.segments() == 3);
    CHECK(c.append(jitter, 2001 + 5001) == ErrorCode::none);
    CHECK(c.segments() == 3);
    LogConfig compacted{.segment_ms = 5000, .cleanup_compact = true, .max_compaction_lag_ms = 300};
    CHECK(compacted.roll_ms() == 300);
    compacted.cleanup_compact = false;
    CHECK(compacted.roll_ms() == 5000);
}

TEST_CASE("cleanup.policy may change: only delete lets retention drop records") {
    Configured c;
    const auto policy = [](bool drop) {
        return [drop](LogConfig& config) {
            config.cleanup_delete = drop;
            config.retention_ms = 100;
        };
    };
    CHECK(c.append(policy(false), 1000) == ErrorCode::none);
    CHECK(*c.run(c.log->apply_retention(c.now)) == 0);
    CHECK(c.log->start_offset() == 0);
    CHECK(c.append(policy(true), 1000) == ErrorCode::none);
    // The active segment is as expired as any other: a new one takes its place.
    CHECK(*c.run(c.log->apply_retention(c.now)) == 1);
    CHECK(c.log->start_offset() == 2);
    CHECK(c.log->end_offset() == 2);
}
