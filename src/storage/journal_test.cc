#include "storage/journal.h"

#include <doctest/doctest.h>

#include "storage/file_names.h"
#include "storage/log_manager.h"
#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

// A node whose journal is small. crash() forgets all that is not in files, as `kill -9` does.
struct Journaled : TestPlace {
    explicit Journaled(LogConfig used = {}) : topic(used) { start(); }
    ~Journaled() { logs.reset(); }

    void start() {
        logs.reset();
        auto started = run(LogManager::start(
            disk, rng, {.directories = {root + "/a"}, .journal_bytes = 1 << 20},
            [this](const std::string&) { return topic; }, now));
        if (!started) FAIL(started.error().describe());
        logs = *std::move(started);
    }
    void crash() { start(); }
    Log& open(int partition) {
        const TopicPartition name{"t", partition};
        auto opened = logs->contains(name) ? run(logs->open(name, now))
                                           : run(logs->create(name, Uuid{1, 2}, now));
        if (!opened) FAIL(opened.error().describe());
        return **opened;
    }
    AppendResult add(Log& log, std::string_view value) {
        auto done =
            log.append_as_leader(to_append(make_batch(1, value)), {.now = now, .gather = true});
        if (!done) FAIL(done.error().detail);
        return *done;
    }
    void append(Log& log, std::string_view value = "v") {
        REQUIRE(run(log.commit(add(log, value))).has_value());
        log.set_high_watermark(log.readable_end());
    }
    std::vector<uint8_t> all(Log& log) {
        std::vector<uint8_t> bytes;
        for (Offset at = log.start_offset(); at < log.end_offset();) {
            auto read = run(log.read({at, log.end_offset(), 1 << 20, true}));
            REQUIRE(read.has_value());
            const auto more = flatten(read->records);
            bytes.insert(bytes.end(), more.begin(), more.end());
            REQUIRE(read->next_offset > at);
            at = read->next_offset;
        }
        return bytes;
    }
    std::string journal() const { return root + "/a/.millrace-journal-0"; }
    std::string segment(int partition) const {
        return fmt::format("{}/a/t-{}/00000000000000000000.log", root, partition);
    }
    const LogDirectory& directory() const { return logs->directories()[0]; }

    Rng rng{1};
    TimestampMs now = 1'000'000;
    LogConfig topic;
    std::unique_ptr<LogManager> logs;
};

}  // namespace

TEST_CASE("what is appended in one turn goes out in one write, and is readable after it") {
    Journaled j;
    std::vector<Log*> logs;
    for (int p = 0; p != 10; ++p) logs.push_back(&j.open(p));
    std::vector<AppendResult> results;
    for (Log* log : logs) results.push_back(j.add(*log, "v"));
    for (size_t p = 0; p != 10; ++p) {
        CHECK(logs[p]->end_offset() == 1);
        CHECK(logs[p]->readable_end() == 0);
        logs[p]->set_high_watermark(1);
        CHECK(logs[p]->high_watermark() == 0);
        CHECK_FALSE(logs[p]->committed(results[p]));
    }
    REQUIRE(j.run(j.open(9).commit(results[9])).has_value());
    for (int p = 0; p != 10; ++p) {
        CHECK(j.open(p).committed(results[static_cast<size_t>(p)]));
        CHECK(j.open(p).readable_end() == 1);
    }
    CHECK(j.logs->journal(0)->groups_written() == 1);
    CHECK(j.logs->journal(0)->syncs_done() == 0);
    CHECK(j.logs->journal(0)->logs_undrained() == 10);
    // Nothing is in a segment yet, and yet all can be read.
    CHECK(j.disk.info(j.segment(3)).code() == ErrorCode::not_found);
    CHECK(j.all(j.open(3)).size() > 60);
}

TEST_CASE("after a crash the journal has what the segments have not; a clean stop leaves none") {
    Journaled j;
    for (int i = 0; i != 5; ++i)
        for (int p = 0; p != 3; ++p)
            j.append(j.open(p), std::string(10, static_cast<char>('a' + i)));
    const auto before = j.all(j.open(1));
    REQUIRE(j.open(2).drain().has_value());
    j.crash();
    CHECK(j.directory().replayed_groups == 15);
    CHECK(j.directory().replayed_entries == 15);
    CHECK(j.directory().replayed_bytes == 2 * before.size());
    CHECK(j.directory().replay_problems.empty());
    for (int p = 0; p != 3; ++p) CHECK(j.open(p).end_offset() == 5);
    CHECK(j.all(j.open(1)) == before);
    // A second crash before the old files were used again: nothing is written twice.
    j.append(j.open(1), "more");
    j.crash();
    CHECK(j.directory().replay_problems.empty());
    CHECK(j.open(1).end_offset() == 6);
    CHECK(j.open(0).end_offset() == 5);
    REQUIRE(j.run(j.logs->stop(3, j.now)).has_value());
    CHECK(j.disk.info(j.journal()).code() == ErrorCode::not_found);
    j.start();
    CHECK(j.directory().clean);
    CHECK(j.directory().replayed_groups == 0);
    CHECK(j.open(1).end_offset() == 6);
}

TEST_CASE("with a promise one sync is for all that waits, and no segment is synced for it") {
    Journaled j{{.flush_messages = 1}};
    std::vector<Log*> logs;
    for (int p = 0; p != 4; ++p) logs.push_back(&j.open(p));
    std::vector<AppendResult> results;
    for (Log* log : logs) results.push_back(j.add(*log, "v"));
    CHECK(results[0].flush_due);
    for (int p = 0; p != 4; ++p)
        REQUIRE(j.run(j.open(p).commit(results[static_cast<size_t>(p)])).has_value());
    CHECK(j.logs->journal(0)->groups_written() == 1);
    CHECK(j.logs->journal(0)->syncs_done() == 1);
    CHECK(j.disk.info(j.segment(0)).code() == ErrorCode::not_found);
    CHECK(j.open(0).readable_end() == 1);
}

TEST_CASE("large appends go to their segment, in order with what waits there") {
    Journaled j;
    Log& log = j.open(0);
    j.append(log, "small");
    j.append(log, std::string(kDirectBytesMin, 'x'));
    CHECK(j.logs->journal(0)->logs_undrained() == 0);
    CHECK(j.disk.info(j.segment(0))->size == log.size_bytes());
    j.append(log, "small again");
    const auto before = j.all(log);
    j.crash();
    CHECK(j.open(0).end_offset() == 3);
    CHECK(j.all(j.open(0)) == before);
}

TEST_CASE("many laps: files are used again, memory stays bounded") {
    for (const bool promises : {false, true}) {
        Journaled j{{.flush_messages = promises ? 1 : INT64_MAX}};
        const std::string value(3000, 'v');
        for (int i = 0; i != 300; ++i)
            for (int p = 0; p != 4; ++p) j.append(j.open(p), value);
        CHECK(j.logs->journal(0)->groups_written() > (promises ? 1199 : 1000));
        size_t files = 0;
        for (const auto& entry : *j.disk.list(j.root + "/a"))
            files += entry.name.starts_with(kJournalPrefix);
        CHECK(files == 4);
        const auto before = j.all(j.open(2));
        j.crash();
        for (const auto& problem : j.directory().replay_problems) CHECK_MESSAGE(false, problem);
        CHECK(j.open(2).end_offset() == 300);
        CHECK(j.all(j.open(2)) == before);
    }
}

TEST_CASE("what a truncation took does not come back") {
    Journaled j;
    Log& log = j.open(0);
    for (const char* value : {"one", "two", "three"}) j.append(log, value);
    REQUIRE(j.run(log.truncate_to(1)).has_value());
    j.crash();
    CHECK(j.open(0).end_offset() == 1);
    j.append(j.open(0), "new two");
    const auto before = j.all(j.open(0));
    j.crash();
    CHECK(j.open(0).end_offset() == 2);
    CHECK(j.all(j.open(0)) == before);
}

TEST_CASE("a partition that was removed, or made anew, gets nothing of the old one") {
    Journaled j;
    j.append(j.open(0), "old");
    j.append(j.open(1), "kept");
    REQUIRE(j.logs->remove({"t", 0}, j.now).has_value());
    REQUIRE(j.run(j.logs->create({"t", 0}, Uuid{3, 4}, j.now)).has_value());
    j.crash();
    CHECK(j.open(0).end_offset() == 0);
    CHECK(j.open(1).end_offset() == 1);
}

TEST_CASE("damage is reported by file and position, what is sound is kept") {
    Journaled j;
    for (int i = 0; i != 4; ++i)
        for (int p = 0; p != 2; ++p) j.append(j.open(p), std::string(600, 'v'));
    // The second group: the first append of partition 1.
    std::string file = *j.disk.read_file(j.journal(), 1 << 24);
    const size_t second = 1024;
    file[second + 100] = static_cast<char>(file[second + 100] ^ 4);
    REQUIRE(j.disk.write_file(j.journal(), file).has_value());
    j.crash();
    CHECK(j.open(0).end_offset() == 4);
    CHECK(j.open(1).end_offset() == 0);
    const auto& problems = j.directory().replay_problems;
    REQUIRE(problems.size() >= 2);
    CHECK(problems[0].contains(".millrace-journal-0"));
    CHECK(problems[0].contains("at 1024"));
    CHECK(problems.back().contains("t-1/00000000000000000000.log"));
}

TEST_CASE("a file without its end is told by its name, and where groups are missing") {
    Journaled j;
    const std::string value(8000, 'v');
    for (int i = 0; i != 60; ++i) j.append(j.open(i % 2), value);
    const std::string second = j.root + "/a/.millrace-journal-1";
    for (const std::string& path : {j.journal(), second}) {
        std::string file = *j.disk.read_file(path, 1 << 24);
        REQUIRE(file.size() > 100'000);
        file.resize(100'000);
        REQUIRE(j.disk.remove(path).has_value());
        REQUIRE(j.disk.write_file(path, file).has_value());
    }
    j.crash();
    // 8192 bytes a group: the thirteenth begins at 98304.
    const auto& problems = j.directory().replay_problems;
    REQUIRE(problems.size() >= 2);
    CHECK(problems[0].starts_with(j.journal() + ": groups "));
    CHECK(problems[0].ends_with("are missing, they began at 98304"));
    CHECK(problems[1] == second +
                             ": the last group is not whole, the 1696 bytes at 98304 are "
                             "left out");
    CHECK(j.directory().replayed_groups == 24);
}

TEST_CASE("another's records stay where the journal has other ones") {
    Journaled j;
    j.append(j.open(0), "ours");
    j.logs.reset();
    // As if Apache Kafka had taken over without `millrace recover`.
    auto theirs = make_batch(1, "theirs");
    REQUIRE(j.disk.write_file(j.segment(0), as_text(theirs)).has_value());
    j.start();
    REQUIRE(j.directory().replay_problems.size() == 1);
    CHECK(j.directory().replay_problems[0].contains("they stay"));
    CHECK(*j.disk.read_file(j.segment(0), 1 << 24) == as_text(theirs));
}

TEST_CASE("a journal from before another's clean stop is dropped") {
    Journaled j;
    j.append(j.open(0), "ours");
    j.logs.reset();
    // Apache Kafka does not know the journal, and stops cleanly with a log of its own.
    REQUIRE(j.disk.write_file(j.root + "/a/.kafka_cleanshutdown", "").has_value());
    j.start();
    CHECK(j.disk.info(j.journal()).code() == ErrorCode::not_found);
    CHECK(j.directory().replayed_groups == 0);
    CHECK(j.open(0).end_offset() == 0);
}

TEST_CASE("groups that a later one says are not needed are not replayed") {
    Journaled j;
    j.append(j.open(0), "old");
    const auto group = *j.disk.read_file(j.journal(), 8u << 20);
    j.append(j.open(0), "older than it looks");
    REQUIRE(j.run(j.logs->stop(1, j.now)).has_value());
    REQUIRE(j.disk.remove(j.root + "/a/.kafka_cleanshutdown").has_value());
    REQUIRE(j.disk.remove(j.segment(0)).has_value());
    const auto first = parse_journal_group(as_bytes(group));
    REQUIRE(first.has_value());
    for (const bool needed : {false, true}) {
        JournalGroupBuilder note;
        const ByteView bytes = note.finish(first->sequence + 1, first->sequence + (needed ? 0 : 1));
        REQUIRE(j.disk.write_file(j.journal(), group.substr(0, first->bytes)).has_value());
        REQUIRE(
            j.disk.write_file(j.journal().substr(0, j.journal().size() - 1) + "1", as_text(bytes))
                .has_value());
        j.start();
        CHECK(j.directory().replayed_groups == (needed ? 2 : 1));
        CHECK(j.open(0).end_offset() == (needed ? 1 : 0));
        j.logs.reset();
    }
}

TEST_CASE("a segment that another broker compacted stays, also after its crash") {
    Journaled j;
    for (int i = 0; i != 6; ++i) j.append(j.open(0), std::string(10, 'v'));
    j.logs.reset();
    std::vector<uint8_t> theirs;
    for (const Offset offset : {3, 5, 6, 7, 8, 9, 10}) {
        const auto batch = make_batch(1, "theirs, and longer", {.base_offset = offset});
        theirs.insert(theirs.end(), batch.begin(), batch.end());
    }
    REQUIRE(j.disk.write_file(j.segment(0), as_text(theirs)).has_value());
    j.start();
    REQUIRE(j.directory().replay_problems.size() == 1);
    CHECK(j.directory().replay_problems[0].contains("they stay"));
    CHECK(*j.disk.read_file(j.segment(0), 1 << 24) == as_text(theirs));
    CHECK(j.open(0).end_offset() == 11);
}

TEST_CASE("where another broker left a segment that the journal does not fit, it stays") {
    const std::string value(40, 'v');
    const auto with = [&](std::initializer_list<std::pair<Offset, size_t>> batches) {
        std::vector<uint8_t> bytes;
        for (const auto& [offset, length] : batches) {
            const auto batch = make_batch(1, std::string(length, 'k'), {.base_offset = offset});
            bytes.insert(bytes.end(), batch.begin(), batch.end());
        }
        return bytes;
    };
    const size_t one = make_batch(1, value).size();
    struct Case {
        std::string name;
        std::vector<uint8_t> segment;  // what the other left; the journal has offsets 4 and 5
        std::vector<uint8_t> later;    // its next segment, which begins at offset 4
        std::string told;
        Offset end;
    };
    const std::vector<Case> cases{
        {"shrunken below", with({{0, 40}, {3, 40}}), {}, "ends at", 4},
        {"compacted to an end inside a batch",
         with({{0, 40}, {1, 4 * 40 + 300}, {6, 10}}),
         {},
         "no batch ends at",
         7},
        {"larger batches, the place is behind higher offsets",
         with({{0, 40}, {1, 40}, {2, 40}, {9, 40}}),
         {},
         "go to 9",
         10},
        {"rolled, and went on", with({{0, 40}, {1, 40}, {2, 40}, {3, 40}}), with({{4, 7}}),
         "the next segment begins at offset 4", 5},
    };
    for (const Case& c : cases) {
        CAPTURE(c.name);
        Journaled j;
        for (int i = 0; i != 4; ++i) j.append(j.open(0), value);
        REQUIRE(j.run(j.logs->stop(1, j.now)).has_value());
        REQUIRE(j.disk.remove(j.root + "/a/.kafka_cleanshutdown").has_value());
        j.start();
        j.append(j.open(0), value);
        j.append(j.open(0), value);
        REQUIRE(j.disk.info(j.segment(0))->size == 4 * one);
        j.logs.reset();
        REQUIRE(j.disk.write_file(j.segment(0), as_text(c.segment)).has_value());
        const std::string later = j.root + "/a/t-0/00000000000000000004.log";
        if (!c.later.empty()) REQUIRE(j.disk.write_file(later, as_text(c.later)).has_value());
        j.start();
        REQUIRE(j.directory().replay_problems.size() == 1);
        CHECK(j.directory().replay_problems[0].contains(c.told));
        CHECK(j.directory().replay_problems[0].starts_with(j.segment(0)));
        CHECK(*j.disk.read_file(j.segment(0), 1 << 24) == as_text(c.segment));
        CHECK(j.open(0).end_offset() == c.end);
        // What is appended now is not undone by what the journal has of before.
        j.append(j.open(0), "new");
        j.crash();
        CHECK(j.directory().replay_problems.empty());
        CHECK(j.open(0).end_offset() == c.end + 1);
    }
}

TEST_CASE("a segment is not made again where the one before it goes on") {
    Journaled j{{.segment_bytes = 300}};
    const std::string value(40, 'v');
    const size_t one = make_batch(1, value).size();
    const Offset base = static_cast<Offset>(300 / one);
    for (Offset i = 0; i != base + 2; ++i) j.append(j.open(0), value);
    const std::string second = offset_file_path(j.root + "/a/t-0", base, kLogSuffix);
    REQUIRE(j.disk.info(second).code() == ErrorCode::not_found);
    j.logs.reset();
    // Another broker knows of the first segment only, and appends there.
    std::string bytes = *j.disk.read_file(j.segment(0), 1 << 24);
    REQUIRE(bytes.size() == static_cast<size_t>(base) * one);
    bytes += as_text(make_batch(1, "theirs", {.base_offset = base}));
    REQUIRE(j.disk.write_file(j.segment(0), bytes).has_value());
    j.start();
    REQUIRE(j.directory().replay_problems.size() == 1);
    CHECK(j.directory().replay_problems[0].starts_with(second));
    CHECK(j.directory().replay_problems[0].contains("not made"));
    CHECK(j.disk.info(second).code() == ErrorCode::not_found);
    CHECK(*j.disk.read_file(j.segment(0), 1 << 24) == bytes);
    CHECK(j.open(0).end_offset() == base + 1);
}
