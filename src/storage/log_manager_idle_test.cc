// Logs that nobody uses are closed, and nobody can tell.
#include <doctest/doctest.h>

#include <set>

#include "storage/log_clean.h"
#include "storage/log_manager.h"
#include "storage/log_summary.h"
#include "storage/test_pairs.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

constexpr int64_t kIdleMs = 1000;
const TopicPartition kName{"t", 0};

struct Idle : TestPlace {
    explicit Idle(LogConfig config_used = {}) : config(config_used) {
        config.timestamp_after_max_ms = INT64_MAX;
        config.segment_bytes = 500;
    }
    ~Idle() { logs.reset(); }

    void start() {
        logs.reset();
        auto started = run(LogManager::start(
            disk, rng,
            {.directories = {root + "/a"},
             .retention_check_ms = 100'000'000,
             .checkpoint_ms = 0,
             .idle_ms = kIdleMs,
             .journal_bytes = 1},
            [this](const std::string&) { return config; }, now));
        if (!started) FAIL(started.error().describe());
        logs = *std::move(started);
        logs->set_holder([this](const TopicPartition& name) { return !held.contains(name); });
    }
    Log& create() {
        start();
        auto made = run(logs->create(kName, Uuid{1, 2}, now));
        if (!made) FAIL(made.error().describe());
        return **made;
    }
    Log& open() {
        auto opened = run(logs->open(kName, now));
        if (!opened) FAIL(opened.error().describe());
        return **opened;
    }
    Log* find() { return logs->find(kName); }
    void append(std::vector<uint8_t> batch, LeaderEpoch epoch = 0) {
        Log& log = open();
        auto done = log.append_as_leader(
            to_append(std::move(batch)),
            {.leader_epoch = epoch, .now = now, .origin = protocol::AppendOrigin::coordinator});
        if (!done) FAIL(done.error().detail);
        REQUIRE(run(log.commit(*done)).has_value());
        log.set_high_watermark(log.end_offset());
    }
    // A record of its time.
    void append() { append(make_batch(1, std::string(100, 'v'), {}, now)); }
    void pass(int64_t ms, int64_t step = kIdleMs / 4) {
        for (const TimestampMs end = now + ms; now < end;) {
            now = std::min(now + step, end);
            loop.run(logs->maintain(now));
        }
    }
    // The next call of maintain() looks at all partitions.
    void check_retention() {
        now += 100'000'000;
        loop.run(logs->maintain(now));
    }
    // A file that opening the log takes away.
    void leave_trap() { REQUIRE(disk.write_file(trap, "").has_value()); }
    bool was_opened() const { return !std::filesystem::exists(trap); }

    LogConfig config;
    const std::string trap = root + "/a/t-0/00000000000000000000.log.cleaned";
    Rng rng{1};
    TimestampMs now = 1'000'000;
    std::set<TopicPartition> held;
    std::unique_ptr<LogManager> logs;
};

}  // namespace

TEST_CASE("an idle log is closed, and answers the same when it is opened again") {
    Idle m;
    m.create();
    m.append(make_batch(3, "a", {.producer_id = 7, .producer_epoch = 2, .base_sequence = 0}), 4);
    for (int i = 0; i < 20; ++i) m.append(make_batch(2, std::string(90, 'b')), 5);
    m.append(make_batch(1, "c", {.producer_id = 7, .producer_epoch = 2, .base_sequence = 3}), 6);
    REQUIRE(m.open().delete_records(9, m.now).has_value());
    const Log& before = m.open();
    const uint64_t size = before.size_bytes();
    const auto producers = before.producers();
    CHECK(before.first_file_offset() < 9);

    SUBCASE("while the process lives") {
        m.pass(2 * kIdleMs);
        CHECK(m.find() == nullptr);
        CHECK(m.logs->opened().empty());
        CHECK(m.logs->size_bytes(kName) == size);
    }
    SUBCASE("after it was killed") {
        m.pass(2 * kIdleMs);
        CHECK(m.find() == nullptr);
        m.start();
    }
    SUBCASE("after a clean stop") {
        m.pass(2 * kIdleMs);
        CHECK(m.find() == nullptr);
        REQUIRE(m.run(m.logs->stop(9, m.now)).has_value());
        m.start();
        CHECK(m.logs->directories()[0].clean);
    }
    SUBCASE("again and again") {
        for (int i = 0; i < 5; ++i) {
            m.pass(2 * kIdleMs);
            CHECK(m.find() == nullptr);
            CHECK(m.run(m.open().read({9, 10, 1, true})).has_value());
        }
    }
    Log& log = m.open();
    CHECK(log.start_offset() == 9);
    CHECK(log.end_offset() == 44);
    CHECK(log.high_watermark() == 44);
    CHECK(log.last_stable_offset() == 44);
    CHECK(log.recovery_point() == 44);
    CHECK(log.size_bytes() == size);
    CHECK(log.topic_id() == Uuid{1, 2});
    CHECK(log.latest_epoch() == 6);
    CHECK(log.end_of_epoch(5).end_offset == 43);
    REQUIRE(log.producers().size() == 1);
    CHECK(log.producers()[0].last_sequence == producers[0].last_sequence);
    CHECK(log.producers()[0].epoch == 2);
    // A retry of the producer's last batch is known; so is what must not come.
    auto again = make_batch(1, "c", {.producer_id = 7, .producer_epoch = 2, .base_sequence = 3});
    const auto duplicate = log.append_as_leader(to_append(again), {.now = m.now});
    REQUIRE(duplicate.has_value());
    CHECK(duplicate->duplicate);
    CHECK(duplicate->first_offset == 43);
    auto gap = make_batch(1, "c", {.producer_id = 7, .producer_epoch = 2, .base_sequence = 9});
    CHECK(log.append_as_leader(to_append(gap), {.now = m.now}).error().code ==
          ErrorCode::out_of_order_sequence_number);
    m.append();
    CHECK(m.open().end_offset() == 45);
}

TEST_CASE("what keeps a log open") {
    Idle m;
    m.create();
    m.append();
    SUBCASE("use, as long as it lasts") {
        for (int i = 0; i < 10; ++i) {
            m.pass(kIdleMs / 2);
            CHECK(m.find() != nullptr);
            if (i % 2 == 0)
                m.append();
            else
                CHECK(m.open().read_now({0, 1, 1, true}).has_value());
        }
        m.pass(2 * kIdleMs);
    }
    SUBCASE("somebody who has it") {
        m.held.insert(kName);
        m.pass(5 * kIdleMs);
        CHECK(m.find() != nullptr);
        m.held.clear();
        m.pass(3 * kIdleMs);
    }
    SUBCASE("an open transaction") {
        m.append(make_batch(
            1, "v",
            {.producer_id = 3, .producer_epoch = 0, .base_sequence = 0, .transactional = true}));
        m.pass(5 * kIdleMs);
        CHECK(m.find() != nullptr);
        CHECK(m.open().last_stable_offset() == 1);
        m.append(make_marker(false, 3, 0, 1));
        m.pass(2 * kIdleMs);
    }
    SUBCASE("a move to another directory") {
        const auto copy = m.run(m.logs->create_future(kName, 0, 0, m.now));
        CHECK(copy.code() == ErrorCode::already_exists);  // there is no other one here
        m.pass(2 * kIdleMs);
    }
    CHECK(m.find() == nullptr);
}

TEST_CASE("an idle log in which nothing was ever written") {
    Idle m;
    m.create();
    m.pass(2 * kIdleMs);
    CHECK(m.find() == nullptr);
    m.append();
    m.pass(2 * kIdleMs);
    m.start();
    CHECK(m.open().end_offset() == 1);
}

TEST_CASE("retention opens a closed log when there is something to do, and closes it again") {
    Idle m({.retention_ms = 250'000'000});
    m.create();
    for (int i = 0; i < 8; ++i) {
        m.append();
        if (i == 3) m.now += 100'000'000;
    }
    m.pass(2 * kIdleMs);
    CHECK(m.find() == nullptr);
    const uint64_t size = m.logs->size_bytes(kName);
    SUBCASE("by age") {
        m.check_retention();
        CHECK(m.logs->size_bytes(kName) == size);
        m.check_retention();
        CHECK(m.logs->size_bytes(kName) < size);
        m.check_retention();
        CHECK(m.logs->size_bytes(kName) == 0);
        CHECK(m.find() == nullptr);
        CHECK(m.open().start_offset() == 8);
        CHECK(m.open().end_offset() == 8);
    }
    SUBCASE("by size, once that is configured") {
        m.config.retention_bytes = 400;
        m.check_retention();
        CHECK(m.find() == nullptr);
        CHECK(m.logs->size_bytes(kName) >= 400);
        CHECK(m.logs->size_bytes(kName) < size);
    }
    SUBCASE("not at all, when nothing may go") {
        m.config.cleanup_delete = false;
        m.leave_trap();
        for (int i = 0; i < 5; ++i) m.check_retention();
        CHECK_FALSE(m.was_opened());
        CHECK(m.logs->size_bytes(kName) == size);
        CHECK(m.open().end_offset() == 8);
    }
}

TEST_CASE("after a start retention opens each log once, and only for a moment") {
    Idle m({.retention_ms = 1'000'000'000});
    m.create();
    m.append();
    REQUIRE(m.run(m.logs->stop(9, m.now)).has_value());
    m.start();
    m.check_retention();
    CHECK(m.find() == nullptr);
    m.leave_trap();
    m.check_retention();
    CHECK_FALSE(m.was_opened());
    CHECK(m.open().end_offset() == 1);
    CHECK(m.was_opened());
}

TEST_CASE("a closed log tells when compaction may be due in it") {
    Idle m({.cleanup_delete = false,
            .cleanup_compact = true,
            .retention_ms = kUnlimited,
            .min_compaction_lag_ms = 50'000'000,
            .min_cleanable_dirty_ratio = 0.5});
    m.create();
    for (int i = 0; i < 30; ++i) m.append(make_pairs({{"k", std::string(90, 'v')}}, {}, m.now));
    m.pass(2 * kIdleMs);
    CHECK(m.find() == nullptr);
    SUBCASE("after the lag") {
        m.check_retention();
        REQUIRE(m.find() != nullptr);
        CHECK(m.run(m.open().cleanable(m.now))->is_due(m.config));
        m.pass(3 * kIdleMs);
        CHECK(m.find() != nullptr);  // until it has been cleaned
    }
    SUBCASE("when its topic wants it otherwise") {
        m.config.min_compaction_lag_ms = INT64_MAX / 2;
        m.check_retention();
        CHECK(m.find() == nullptr);
        m.config.min_compaction_lag_ms = 0;
        m.check_retention();
        CHECK(m.find() != nullptr);
    }
}

TEST_CASE("a log that is removed, and made anew, while it is closed") {
    Idle m;
    m.create();
    m.append();
    m.pass(2 * kIdleMs);
    REQUIRE(m.logs->remove(kName, m.now).has_value());
    REQUIRE(m.run(m.logs->create(kName, Uuid{1, 3}, m.now)).has_value());
    CHECK(m.open().end_offset() == 0);
    m.append();
    m.pass(2 * kIdleMs);
    CHECK(m.find() == nullptr);
    m.start();
    CHECK(m.open().end_offset() == 1);
    CHECK(m.open().topic_id() == Uuid{1, 3});
}

TEST_CASE("when a closed log wants to be looked at") {
    const LogConfig keeps{.cleanup_delete = true, .retention_ms = 100, .retention_bytes = 50};
    const LogSummary full{
        .size_bytes = 60, .first_bytes = 20, .first_newest = 1000, .one_segment = false};
    CHECK_FALSE(full.wants_upkeep(keeps, 1100));
    CHECK(full.wants_upkeep(keeps, 1101));
    auto one = full;
    one.size_bytes = 70;
    CHECK(one.wants_upkeep(keeps, 1000));
    one = full;
    one.below_start = true;
    CHECK(one.wants_upkeep(keeps, 1000));
    one = {.one_segment = true};
    CHECK_FALSE(one.wants_upkeep(keeps, INT64_MAX / 2));
    CHECK_FALSE(full.wants_upkeep({.retention_ms = kUnlimited}, INT64_MAX / 2));
    const LogConfig compacts{.cleanup_delete = false, .cleanup_compact = true};
    one = full;
    CHECK(one.wants_upkeep(compacts, 1000));
    one.rules = LogSummary::CleanRules::of(compacts);
    CHECK_FALSE(one.wants_upkeep(compacts, INT64_MAX / 2));
    one.cleanable_at = 5000;
    CHECK_FALSE(one.wants_upkeep(compacts, 4999));
    CHECK(one.wants_upkeep(compacts, 5000));
}
