#include "storage/log_manager.h"

#include <doctest/doctest.h>

#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

struct Managed : TestPlace {
    void start() {
        logs.reset();
        auto started = run(LogManager::start(
            disk, rng, {.directories = {root + "/a", root + "/b"}, .delete_delay_ms = 100},
            [](const std::string&) { return LogConfig{}; }, now));
        if (!started) FAIL(started.error().describe());
        logs = *std::move(started);
    }
    void stop() { REQUIRE(run(logs->stop(9, now)).has_value()); }
    Log& open(int partition) {
        auto opened = run(logs->open({"t", partition}, now));
        if (!opened) FAIL(opened.error().describe());
        return **opened;
    }
    void append(Log& log) {
        auto done = log.append_as_leader(to_append(make_batch(1, "v")), {.now = now});
        REQUIRE(done.has_value());
        log.set_high_watermark(log.end_offset());
    }
    ~Managed() { logs.reset(); }

    Rng rng{1};
    TimestampMs now = 1'000'000;
    std::unique_ptr<LogManager> logs;
};

}  // namespace

TEST_CASE("partitions are listed, not opened; checkpoints bring their offsets back") {
    Managed m;
    m.start();
    for (int i = 0; i < 20; ++i)
        REQUIRE(m.run(m.logs->create({"t", i}, Uuid{1, 2}, m.now, static_cast<size_t>(i % 2)))
                    .has_value());
    CHECK(m.run(m.logs->create({"t", 0}, Uuid{1, 2}, m.now)).code() == ErrorCode::already_exists);
    for (int i = 0; i < 5; ++i) m.append(m.open(3));
    REQUIRE(m.open(3).delete_records(2, m.now).has_value());
    m.stop();
    CHECK(m.disk.read_file(m.root + "/b/recovery-point-offset-checkpoint", 1 << 20)
              ->contains("t 3 5\n"));
    m.start();
    CHECK(m.logs->directories()[0].clean);
    CHECK(m.logs->directories()[0].broker_epoch == 9);
    CHECK(m.logs->partitions().size() == 20);
    CHECK(m.logs->find({"t", 3}) == nullptr);
    CHECK(m.logs->directory_of({"t", 3}) == 1);
    CHECK(**m.logs->topic_id({"t", 4}) == Uuid{1, 2});
    const Log& log = m.open(3);
    CHECK(log.start_offset() == 2);
    CHECK(log.end_offset() == 5);
    CHECK(log.high_watermark() == 5);
    CHECK(m.run(m.logs->open({"t", 99}, m.now)).code() == ErrorCode::not_found);
}

TEST_CASE("a second process is kept out") {
    Managed m;
    m.start();
    auto second = m.run(LogManager::start(
        m.disk, m.rng, {.directories = {m.root + "/a"}},
        [](const std::string&) { return LogConfig{}; }, m.now));
    CHECK(second.code() == ErrorCode::already_exists);
}

TEST_CASE("a removed partition fails, and its files go after the delay") {
    Managed m;
    m.start();
    REQUIRE(m.run(m.logs->create({"t", 0}, Uuid{1, 2}, m.now)).has_value());
    Log& log = m.open(0);
    m.append(log);
    REQUIRE(m.logs->remove({"t", 0}, m.now).has_value());
    CHECK(m.logs->remove({"t", 0}, m.now).has_value());
    CHECK_FALSE(m.logs->contains({"t", 0}));
    CHECK(m.run(log.read({0, 1, 100, true})).code() == ErrorCode::kafka_storage_error);
    const auto directories = [&] {
        size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(m.root + "/a"))
            count += entry.is_directory();
        return count;
    };
    m.loop.run(m.logs->maintain(m.now + 50));
    CHECK(directories() == 1);
    m.loop.run(m.logs->maintain(m.now + 100));
    CHECK(directories() == 0);
    REQUIRE(m.run(m.logs->create({"t", 0}, Uuid{1, 3}, m.now)).has_value());
    CHECK(m.open(0).end_offset() == 0);
    REQUIRE(m.logs->mark_stray({"t", 0}).has_value());
    m.stop();
    m.start();
    CHECK(m.logs->partitions().empty());
    CHECK(directories() == 1);
}

TEST_CASE("after a crash unopened logs are recovered before a stop counts as clean") {
    Managed m;
    m.start();
    for (int i = 0; i < 3; ++i) {
        REQUIRE(m.run(m.logs->create({"t", i}, Uuid{1, 2}, m.now)).has_value());
        m.append(m.open(i));
    }
    m.logs.reset();  // as if killed
    const std::string path = m.root + "/a/t-1/00000000000000000000.log";
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
    m.start();
    CHECK_FALSE(m.logs->directories()[0].clean);
    SUBCASE("at stop") {}
    SUBCASE("in the background") {
        m.loop.run(m.logs->maintain(m.now));
        CHECK(m.logs->find({"t", 1}) != nullptr);
    }
    m.stop();
    m.start();
    CHECK(m.logs->directories()[0].clean);
    CHECK(m.open(0).end_offset() == 1);
    CHECK(m.open(1).end_offset() == 0);
}

TEST_CASE("the metadata log is left to its owner, also after a crash") {
    Managed m;
    const std::string directory = m.root + "/a/__cluster_metadata-0";
    REQUIRE(m.disk.make_directories(directory).has_value());
    const std::string file = directory + "/00000000000000000000.log";
    REQUIRE(m.disk.write_file(file, "not a batch").has_value());
    m.start();
    CHECK(m.logs->partitions().empty());
    m.loop.run(m.logs->maintain(m.now));
    CHECK(m.logs->opened().empty());
    m.stop();
    CHECK(*m.disk.read_file(file, 100) == "not a batch");
}

TEST_CASE("what recovery cuts is told by file and position") {
    Managed m;
    m.start();
    REQUIRE(m.run(m.logs->create({"t", 0}, Uuid{1, 2}, m.now)).has_value());
    m.append(m.open(0));
    const uint64_t sound = m.open(0).size_bytes();
    m.append(m.open(0));
    m.logs.reset();
    const std::string file = m.root + "/a/t-0/00000000000000000000.log";
    std::string content = *m.disk.read_file(file, 1 << 20);
    content.back() ^= 1;
    REQUIRE(m.disk.write_file(file, content).has_value());
    m.start();
    CHECK(m.open(0).end_offset() == 1);
    REQUIRE(m.logs->damage().size() == 1);
    CHECK(m.logs->damages() == 1);
    CHECK(m.logs->damage()[0].starts_with(fmt::format("{}: no sound batch at {},", file, sound)));
}

TEST_CASE("maintain saves rolled segments and moves the recovery point") {
    Managed m;
    m.start();
    REQUIRE(m.run(m.logs->create({"t", 0}, Uuid{1, 2}, m.now)).has_value());
    Log& log = m.open(0);
    m.append(log);
    REQUIRE(log.roll(m.now).has_value());
    m.append(log);
    CHECK(log.recovery_point() == 0);
    m.loop.run(m.logs->maintain(m.now));
    CHECK(log.recovery_point() == 2);
    m.loop.run(m.logs->maintain(m.now + 60'000));
    CHECK(m.disk.read_file(m.root + "/a/recovery-point-offset-checkpoint", 1 << 20)
              ->contains("t 0 2\n"));
}

TEST_CASE("a partition moves to another directory while it is written") {
    Managed m;
    m.start();
    REQUIRE(m.run(m.logs->create({"t", 0}, Uuid{1, 2}, m.now)).has_value());
    Log& old = m.open(0);
    for (int i = 0; i < 50; ++i) m.append(old);
    REQUIRE(old.delete_records(3, m.now).has_value());
    CHECK(m.run(m.logs->create_future({"t", 0}, 0, 0, m.now)).code() == ErrorCode::already_exists);
    REQUIRE(m.run(m.logs->create_future({"t", 0}, 1, old.start_offset(), m.now)).has_value());
    CHECK(m.run(m.logs->create_future({"t", 0}, 1, 0, m.now)).code() == ErrorCode::already_exists);
    CHECK(*m.run(m.logs->copy_to_future({"t", 0}, 200, m.now)) > 0);
    m.append(old);

    SUBCASE("to its end") {
        const auto moved = m.run(m.logs->replace_with_future({"t", 0}, m.now));
        REQUIRE(moved.has_value());
        CHECK((*moved)->start_offset() == 3);
        CHECK((*moved)->end_offset() == 51);
        CHECK((*moved)->high_watermark() == 51);
        CHECK(m.logs->directory_of({"t", 0}) == 1);
        CHECK(m.logs->futures().empty());
        CHECK(m.run(old.read({5, 6, 100, true})).code() == ErrorCode::kafka_storage_error);
        m.append(**moved);
    }
    SUBCASE("not at all") {
        REQUIRE(m.logs->drop_future({"t", 0}, m.now).has_value());
        m.append(old);
    }
    SUBCASE("the process ends on the way") {
        m.append(old);
    }
    SUBCASE("the process ends between the two renames") {
        REQUIRE(m.run(m.logs->replace_with_future({"t", 0}, m.now)).has_value());
        m.append(m.open(0));
        m.logs.reset();
        std::filesystem::rename(m.root + "/b/t-0",
                                m.root + "/b/t-0." + std::string(32, 'a') + "-future");
        // Who knows only that directory must not take it for the partition.
        auto one = m.run(LogManager::start(
            m.disk, m.rng, {.directories = {m.root + "/b"}, .all_directories = false},
            [](const std::string&) { return LogConfig{}; }, m.now));
        REQUIRE(one.has_value());
        CHECK((*one)->partitions().empty());
        CHECK((*one)->futures().empty());
        REQUIRE(m.run((*one)->stop(9, m.now)).has_value());
    }
    m.logs.reset();
    m.start();
    Log& log = m.open(0);
    CHECK(log.start_offset() <= 3);
    CHECK(log.end_offset() == 52);
    CHECK(log.topic_id() == Uuid{1, 2});
    CHECK(m.run(log.read({51, 52, 100, true}))->first_offset == 51);
    if (const auto left = m.logs->future({"t", 0})) {
        CHECK(left->log == nullptr);
        CHECK(m.logs->drop_future({"t", 0}, m.now).has_value());
    }
    m.stop();
}

TEST_CASE("a directory that is gone takes only its own partitions along") {
    Managed m;
    m.start();
    for (int i = 0; i < 4; ++i)
        REQUIRE(m.run(m.logs->create({"t", i}, Uuid{1, 2}, m.now, static_cast<size_t>(i % 2)))
                    .has_value());
    for (int i = 0; i < 3; ++i) m.append(m.open(i));
    const auto is_down = [&](int partition) {
        return m.run(m.logs->open({"t", partition}, m.now)).code() ==
               ErrorCode::kafka_storage_error;
    };
    const std::string text = MetaProperties{.cluster_id = "c", .node_id = 1}.format();
    for (const char* directory : {"/a/meta.properties", "/b/meta.properties"})
        REQUIRE(m.disk.write_file(m.root + directory, text).has_value());
    m.stop();
    m.start();
    m.append(m.open(1));
    SUBCASE("while it is used") {
        std::filesystem::rename(m.root + "/b", m.root + "/gone");
        m.loop.run(m.logs->maintain(m.now));
        std::filesystem::rename(m.root + "/gone", m.root + "/b");
        CHECK(m.logs->find({"t", 1})
                  ->append_as_leader(to_append(make_batch(1, "v")), {})
                  .error()
                  .code == ErrorCode::kafka_storage_error);
    }
    SUBCASE("at the start") {
        m.stop();
        std::filesystem::rename(m.root + "/b", m.root + "/gone");
        REQUIRE(m.disk.write_file(m.root + "/b", "").has_value());
        m.start();
        std::filesystem::remove(m.root + "/b");
        std::filesystem::rename(m.root + "/gone", m.root + "/b");
        CHECK_FALSE(m.logs->contains({"t", 1}));
    }
    CHECK(m.logs->directories()[1].failed());
    CHECK_FALSE(m.logs->directories()[0].failed());
    if (m.logs->contains({"t", 1})) {
        CHECK(is_down(1));
        CHECK(is_down(3));
    }
    CHECK(m.run(m.logs->create({"t", 9}, Uuid{1, 2}, m.now, 1)).code() ==
          ErrorCode::kafka_storage_error);
    m.append(m.open(0));
    m.stop();
    m.start();
    CHECK(m.logs->directories()[0].clean);
    CHECK(m.open(0).end_offset() == 2);
    CHECK(m.open(1).end_offset() == 2);
}
