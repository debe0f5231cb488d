// Compaction: its parts, and one log cleaned by hand.
#include "storage/log_clean.h"

#include <doctest/doctest.h>

#include <fstream>

#include "storage/batch_filter.h"
#include "storage/file_names.h"
#include "storage/index_entries.h"
#include "storage/test_pairs.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

using protocol::BatchOptions;
using protocol::BatchView;
using protocol::RecordView;

std::string hex(KeyHash hash) {
    std::string text;
    for (uint64_t word : {hash.first, hash.second})
        for (int i = 0; i < 8; ++i) text += fmt::format("{:02x}", word >> (8 * i) & 0xff);
    return text;
}

BatchOptions of_producer(ProducerId id, int32_t sequence, bool transactional = false) {
    return {.producer_id = id,
            .producer_epoch = 0,
            .base_sequence = sequence,
            .transactional = transactional};
}

// One compacted log, cleaned when the test says so.
struct Compacted : TestPlace {
    explicit Compacted(LogConfig config_used = {}) : config(config_used) {
        config.cleanup_delete = false;
        config.cleanup_compact = true;
        config.timestamp_after_max_ms = INT64_MAX;
        reopen(true);
    }
    ~Compacted() { log.reset(); }

    void reopen(bool clean) {
        std::optional<Offset> cleaned_to;
        Offset recovery_point = 0;
        if (log) {
            if (clean) REQUIRE(run(log->close()).has_value());
            cleaned_to = log->cleaned_to();
            recovery_point = log->recovery_point();
        }
        log.reset();
        fresh_shard();
        auto opened = open({.directory = root + "/t-0",
                            .partition = {"t", 0},
                            .config = config,
                            .recovery_point = recovery_point,
                            .clean = clean,
                            .now = now,
                            .cleaned_to = cleaned_to});
        if (!opened) FAIL(opened.error().describe());
        log = *std::move(opened);
        log->set_high_watermark(log->end_offset());
    }
    void append(std::vector<uint8_t> batch,
                protocol::AppendOrigin origin = protocol::AppendOrigin::client) {
        auto result =
            log->append_as_leader(to_append(std::move(batch)), {.now = now, .origin = origin});
        if (!result) FAIL(result.error().detail);
        log->set_high_watermark(log->end_offset());
    }
    void put(std::string key, std::optional<std::string> value) {
        append(make_pairs({{std::move(key), std::move(value)}}));
    }
    void marker(bool abort, ProducerId id) {
        append(make_marker(abort, id, 0, 1), protocol::AppendOrigin::coordinator);
    }
    void roll() { REQUIRE(log->roll(now).has_value()); }
    // The dirty part is never empty: a round of the cleaner rewrites what is clean, too.
    void roll_dirty() {
        roll();
        put("filler", std::to_string(fillers++));
        roll();
    }
    Result<CleanReport> try_clean(size_t map_bytes = 1 << 20) {
        auto range = run(log->cleanable(now));
        if (!range) return range.error();
        CleanTools tools{.workers = workers,
                         .budget = budget,
                         .hasher = KeyHasher(1, 2),
                         .map_bytes = map_bytes,
                         .load_factor = 0.9,
                         .piece_bytes = piece_bytes};
        return run(log->clean(*range, tools, now));
    }
    CleanReport clean(size_t map_bytes = 1 << 20) {
        auto report = try_clean(map_bytes);
        if (!report) FAIL(report.error().describe());
        return *report;
    }
    template <typename Fn>
    void each_batch(Fn fn) {
        Offset from = log->start_offset();
        while (from < log->end_offset()) {
            auto result = run(log->read({from, log->end_offset(), 1 << 20, true}));
            if (!result) FAIL(result.error().describe());
            const auto bytes = flatten(result->records);
            const auto whole = protocol::for_each_batch(bytes, [&](BatchView batch) {
                CHECK(batch.verify_crc());
                fn(batch);
            });
            REQUIRE(whole.has_value());
            if (result->next_offset <= from) break;
            from = result->next_offset;
        }
    }
    // "0 a=1, 3 b=-" for every record, without those of the filler; markers as "5 commit".
    std::string records() {
        std::string text;
        std::vector<uint8_t> scratch;
        each_batch([&](BatchView batch) {
            const auto done =
                protocol::for_each_record(batch, scratch, [&](const RecordView& record) {
                    std::string what;
                    if (batch.is_control()) {
                        const auto type = protocol::decode_control_key(*record.key);
                        what = *type == protocol::ControlType::abort ? "abort" : "commit";
                    } else {
                        const std::string key{record.key ? as_text(*record.key) : "-"};
                        if (key == "filler") return;
                        what = key + "=" + std::string{record.value ? as_text(*record.value) : "-"};
                    }
                    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", record.offset, what);
                });
            REQUIRE(done.has_value());
        });
        return text;
    }
    // "0-2:1" for every batch: first and last offset and the number of records.
    std::string batches() {
        std::string text;
        each_batch([&](BatchView b) {
            text += fmt::format("{}{}-{}:{}", text.empty() ? "" : " ", b.base_offset(),
                                b.last_offset(), b.record_count());
        });
        return text;
    }
    std::set<std::string> files(std::string_view suffix) const {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(root + "/t-0"))
            if (entry.path().string().ends_with(suffix))
                names.insert(entry.path().filename().string());
        return names;
    }

    LogConfig config;
    TimestampMs now = 1'000'000;
    int fillers = 0;
    size_t piece_bytes = 64 << 10;  // tests that need pieces of segments make it small
    runtime::LinuxWorkers workers{pool};
    runtime::CancelSource stop;
    IoBudget budget{loop, stop.token()};
    std::unique_ptr<Log> log;
};

}  // namespace

TEST_CASE("SipHash-2-4-128 gives the reference's vectors") {
    const KeyHasher hasher(0x0706050403020100, 0x0f0e0d0c0b0a0908);
    std::vector<uint8_t> input;
    CHECK(hex(hasher(input)) == "a3817f04ba25a8e66df67214c7550293");
    input.push_back(0);
    CHECK(hex(hasher(input)) == "da87c1d86b99af44347659119b22fc45");
    for (uint8_t i = 1; i < 15; ++i) input.push_back(i);
    CHECK(hex(hasher(input)) == "5493e99933b0a8117e08ec0f97cfc3d9");
}

TEST_CASE("the key map is bounded and agrees with a map") {
    KeyOffsets offsets(KeyOffsets::kSlotBytes * 1000, INT64_MAX, 0.9, KeyHasher(3, 4));
    CHECK(offsets.bytes() == 24'000);
    CHECK(offsets.size_max() == 900);
    std::map<std::string, Offset> model;
    Rng rng{7};
    for (Offset offset = 0; offset < 20'000; ++offset) {
        const std::string key = fmt::format("key-{}", rng.below(1200));
        const bool room = model.contains(key) || model.size() < 900;
        CHECK(offsets.put(as_bytes(key), offset) == room);
        if (room) model[key] = offset;
    }
    CHECK(offsets.size() == 900);
    for (int i = 0; i < 1200; ++i) {
        const std::string key = fmt::format("key-{}", i);
        const auto found = model.find(key);
        CHECK(offsets.find(as_bytes(key)) == (found == model.end() ? -1 : found->second));
    }
    CHECK(KeyOffsets(1 << 30, 90, 0.9, KeyHasher(3, 4)).bytes() < 3000);
}

TEST_CASE("the last record of each key stays, at its offset") {
    Compacted c;
    c.append(make_pairs({{"a", "1"}, {"b", "1"}, {"a", "2"}}));
    c.put("c", "1");
    c.roll();
    c.append(make_pairs({{"b", "2"}, {"c", "2"}}));
    c.roll();
    c.put("a", "3");  // in the active segment: neither cleaned nor counted
    const CleanReport report = c.clean();
    CHECK(c.records() == "2 a=2, 4 b=2, 5 c=2, 6 a=3");
    CHECK(c.batches() == "0-2:1 4-5:2 6-6:1");
    CHECK(report.cleaned_to == 6);
    CHECK(c.log->cleaned_to() == 6);
    CHECK(report.records_read == 6);
    CHECK(report.records_kept == 3);
    CHECK(report.segments_before == 2);
    CHECK(report.segments_after == 1);
    CHECK(c.files(".log").size() == 2);
    CHECK(c.files(".cleaned").empty());
    CHECK(c.files(".swap").empty());
    CHECK(c.files(".log.deleted").size() == 2);
    SUBCASE("also after a clean restart") {
        c.reopen(true);
    }
    SUBCASE("also after a crash") {
        c.reopen(false);
    }
    CHECK(c.records() == "2 a=2, 4 b=2, 5 c=2, 6 a=3");
    CHECK(c.log->end_offset() == 7);
    c.roll();
    c.clean();
    CHECK(c.records() == "4 b=2, 5 c=2, 6 a=3");
    CHECK(c.batches() == "4-5:2 6-6:1");
}

TEST_CASE("nothing is left of a segment whose keys all came again") {
    Compacted c({.segment_bytes = 100});
    c.put("a", "1");
    c.put("a", "2");
    c.put("a", "3");
    c.put("b", "1");
    c.clean();
    CHECK(c.records() == "2 a=3, 3 b=1");
    CHECK(c.files(".log").contains("00000000000000000000.log"));
    auto found = c.run(c.log->offset_for_timestamp(1000, 10));
    CHECK(found->offset == 2);
    c.reopen(false);
    CHECK(c.records() == "2 a=3, 3 b=1");
    CHECK(c.log->start_offset() == 0);
}

TEST_CASE("tombstones stay for delete.retention.ms from the cleaning that first met them") {
    Compacted c({.delete_retention_ms = 500});
    c.put("a", "1");
    c.append(make_pairs({{"a", std::nullopt}, {"b", "1"}}));
    c.roll_dirty();
    c.clean();
    CHECK(c.records() == "1 a=-, 2 b=1");
    std::optional<TimestampMs> horizon;
    c.each_batch([&](BatchView batch) {
        if (batch.base_offset() == 1) horizon = batch.delete_horizon();
    });
    CHECK(horizon == c.now + 500);
    const TimestampMs first_now = c.now;
    c.now += 499;
    c.roll_dirty();
    c.clean();
    CHECK(c.records() == "1 a=-, 2 b=1");
    c.reopen(true);
    c.now = first_now + 500;
    c.roll_dirty();
    c.clean();
    CHECK(c.records() == "2 b=1");
    std::vector<TimestampMs> times;
    std::vector<uint8_t> scratch;
    c.each_batch([&](BatchView batch) {
        (void)protocol::for_each_record(batch, scratch, [&](const RecordView& r) {
            if (r.offset == 2) times.push_back(r.timestamp);
        });
    });
    CHECK(times == std::vector<TimestampMs>{1000});
}

TEST_CASE("aborted records go, markers follow them when their time has come") {
    Compacted c({.delete_retention_ms = 500});
    c.append(make_pairs({{"a", "0"}}));
    c.append(make_pairs({{"a", "aborted"}, {"x", "aborted"}}, of_producer(1, 0, true)));
    c.append(make_pairs({{"b", "committed"}}, of_producer(2, 0, true)));
    c.marker(true, 1);
    c.marker(false, 2);
    c.append(make_pairs({{"b", "open"}}, of_producer(2, 1, true)));
    c.roll();
    c.put("b", "later");
    c.roll();
    // Nothing at or behind the open transaction's segment can be cleaned.
    CHECK(c.run(c.log->cleanable(c.now))->cleanable_bytes == 0);
    c.marker(false, 2);
    c.roll_dirty();
    c.clean();
    CHECK(c.records() == "0 a=0, 4 abort, 5 commit, 7 b=later, 8 commit");
    // Producer 1 and 2 are known: their last batches stay without records.
    CHECK(c.batches().starts_with("0-0:1 1-2:0 4-4:1 5-5:1 6-6:0 7-7:1 8-8:1"));
    auto aborted = c.run(c.log->aborted_transactions(0, 9));
    CHECK(aborted->size() == 1);
    c.now += 90'000'000;
    c.log->expire_producers(c.now);
    c.roll_dirty();
    c.clean();  // the emptied batches go; the markers were still preceded by them
    CHECK(c.records() == "0 a=0, 4 abort, 5 commit, 7 b=later, 8 commit");
    c.roll_dirty();
    c.clean();  // the markers are alone, and get their horizon
    c.roll_dirty();
    c.now += 500;
    c.clean();
    CHECK(c.records() == "0 a=0, 7 b=later");
    CHECK(c.run(c.log->aborted_transactions(0, 9))->empty());
    c.reopen(false);
    CHECK(c.records() == "0 a=0, 7 b=later");
}

TEST_CASE("an idempotent producer goes on after its records were compacted away") {
    Compacted c;
    c.append(make_pairs({{"a", "1"}, {"b", "1"}}, of_producer(5, 0)));
    c.append(make_pairs({{"a", "2"}}, of_producer(5, 2)));
    c.roll();
    c.append(make_pairs({{"a", "3"}, {"b", "3"}}, {}));
    c.roll();
    c.clean();
    CHECK(c.batches() == "2-2:0 3-4:2");
    REQUIRE(c.run(c.log->close()).has_value());
    for (const auto& name : c.files(".snapshot")) std::filesystem::remove(c.root + "/t-0/" + name);
    c.reopen(false);
    REQUIRE(c.log->producers().size() == 1);
    CHECK(c.log->producers()[0].last_sequence == 2);
    c.append(make_pairs({{"a", "4"}}, of_producer(5, 3)));
}

// As Apache Kafka's cleaner leaves it; its dump-log takes the timestamp for a wrong one.
TEST_CASE("the time index points at a batch whose records are all gone") {
    Compacted c;
    c.append(make_pairs({{"a", "1"}, {"b", "1"}}, of_producer(7, 0), 2000));
    c.roll();
    c.append(make_pairs({{"a", "2"}, {"b", "2"}}));
    c.roll();
    c.clean();
    CHECK(c.batches() == "0-1:0 2-3:2");
    const std::string path = offset_file_path(c.root + "/t-0", 0, kTimeIndexSuffix);
    const auto bytes = c.disk.read_file(path, 1000);
    REQUIRE(bytes.has_value());
    REQUIRE(bytes->size() == TimeEntry::kBytes);
    const TimeEntry entry = TimeEntry::load(as_bytes(*bytes).data());
    CHECK(entry.timestamp == 2000);
    CHECK(entry.offset == 1);
    // Nobody is led to it.
    const auto found = c.run(c.log->offset_for_timestamp(1000, 10));
    REQUIRE(found.has_value());
    CHECK(found->offset == 2);
    CHECK(c.run(c.log->offset_for_timestamp(1500, 10))->offset == -1);
}

TEST_CASE("records without key go") {
    Compacted c;
    c.config.cleanup_compact = false;
    c.log->set_config(c.config);
    c.append(make_pairs({{std::nullopt, "1"}, {"a", "1"}}));
    c.append(make_pairs({{std::nullopt, "2"}}));
    c.config.cleanup_compact = true;
    c.log->set_config(c.config);
    c.roll();
    const CleanReport report = c.clean();
    CHECK(report.records_without_key == 2);
    CHECK(c.records() == "1 a=1");
    // What ends the cleaned part stays as a header, so that the log's end is known without it.
    CHECK(c.batches() == "0-1:1 2-2:0");
}

TEST_CASE("with little memory for keys it takes several cleanings, each as good") {
    Compacted c({.segment_bytes = 2000});
    c.piece_bytes = 300;
    constexpr int kKeys = 300;
    for (int round = 0; round < 3; ++round)
        for (int i = 0; i < kKeys; i += 3) {
            std::vector<Pair> pairs;
            for (int k = i; k < i + 3; ++k)
                pairs.push_back({fmt::format("k{}", k), fmt::format("{}", round)});
            c.append(make_pairs(pairs));
        }
    c.roll();
    size_t cleanings = 0;
    Offset before = -1;
    while (c.run(c.log->cleanable(c.now))->cleanable_bytes > 0) {
        const CleanReport report = c.clean(64 * KeyOffsets::kSlotBytes);
        REQUIRE(report.cleaned_to > before);
        before = report.cleaned_to;
        REQUIRE(++cleanings < 100);
    }
    CHECK(cleanings > 10);
    std::map<std::string, Offset> found;
    std::vector<uint8_t> scratch;
    c.each_batch([&](BatchView batch) {
        (void)protocol::for_each_record(batch, scratch, [&](const RecordView& r) {
            CHECK(found.emplace(as_text(*r.key), r.offset).second);
            CHECK(as_text(*r.value) == "2");
        });
    });
    CHECK(found.size() == kKeys);
    CHECK(found["k7"] == 2 * kKeys + 7);
}

TEST_CASE("codec, timestamps, headers and leader epochs of what stays are as they were") {
    for (const auto codec : {protocol::Codec::none, protocol::Codec::gzip, protocol::Codec::snappy,
                             protocol::Codec::lz4, protocol::Codec::zstd}) {
        CAPTURE(static_cast<int>(codec));
        Compacted c;
        protocol::BatchBuilder builder({.codec = codec});
        const std::string text(1000, 'x');
        const std::vector<protocol::RecordHeader> headers{{"h", as_bytes(text)},
                                                          {"", std::nullopt}};
        builder.append(7000, as_bytes("a"), as_bytes(text), headers);
        builder.append(5000, as_bytes("b"), as_bytes(text), headers);
        builder.append(6000, as_bytes("c"), as_bytes(text), headers);
        c.log->begin_epoch(4);
        REQUIRE(c.log->append_as_leader(to_append(*builder.finish()),
                                        {.leader_epoch = 4, .now = c.now}));
        c.put("a", "2");
        c.roll();
        c.clean();
        std::vector<uint8_t> scratch;
        size_t seen = 0;
        c.each_batch([&](BatchView batch) {
            if (batch.base_offset() != 0) return;
            CHECK(*batch.codec() == codec);
            CHECK(batch.last_offset() == 2);
            CHECK(batch.leader_epoch() == 4);
            CHECK(batch.max_timestamp() == 6000);
            (void)protocol::for_each_record(batch, scratch, [&](const RecordView& r) {
                ++seen;
                CHECK(r.timestamp == (r.offset == 1 ? 5000 : 6000));
                CHECK(as_text(*r.value) == text);
                REQUIRE(r.headers.size() == 2);
                CHECK(as_text(*r.headers.begin()->value) == text);
            });
        });
        CHECK(seen == 2);
    }
}

TEST_CASE("neighbours become one segment as far as segment.bytes allows") {
    Compacted c({.segment_bytes = 1000});
    for (int i = 0; i < 40; ++i) c.put(fmt::format("k{}", i % 10), std::string(50, 'v'));
    c.roll();
    const size_t before = c.files(".log").size();
    CleanReport report = c.clean();
    CHECK(report.segments_before == before);
    // Sizes count as they were before: nothing shrinks in the same cleaning.
    CHECK(report.segments_after == before);
    c.put("k0", "last");
    c.roll();
    report = c.clean();
    CHECK(report.segments_after <= 3);
    CHECK(c.files(".log").size() == report.segments_after);
}

TEST_CASE("how far a log can be cleaned") {
    Compacted c({.segment_bytes = 100});
    for (int i = 0; i < 5; ++i)
        c.append(make_pairs({{"a", std::to_string(i)}}, {}, 1'000'000 + i * 100));
    c.now = 1'000'400;
    const auto range = [&] { return *c.run(c.log->cleanable(c.now)); };
    CHECK(range().first_dirty == 0);
    CHECK(range().first_uncleanable == 4);
    CHECK(range().dirty_ratio() == 1);
    c.config.min_compaction_lag_ms = 150;
    c.log->set_config(c.config);
    CHECK(range().first_uncleanable == 3);
    c.now += 100;
    CHECK(range().first_uncleanable == 4);
    CHECK(range().overdue_ms == 0);
    c.config.max_compaction_lag_ms = 300;
    c.log->set_config(c.config);
    CHECK(range().overdue_ms == 200);
    c.clean();
    CHECK(range().cleanable_bytes == 0);
    CHECK(range().overdue_ms == 0);
    REQUIRE(c.run(c.log->truncate_to(1)).has_value());
    CHECK(c.log->cleaned_to() == 1);
}

TEST_CASE("a damaged batch is not copied, and the log stays as it was") {
    Compacted c;
    for (int i = 0; i < 10; ++i) c.put("a", std::to_string(i));
    c.roll();
    const std::string path = c.root + "/t-0/00000000000000000000.log";
    const auto size = std::filesystem::file_size(path);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size) - 3);
    file.put('?');
    file.close();
    const auto report = c.try_clean();
    CHECK(report.code() == ErrorCode::corrupt_message);
    CHECK(std::filesystem::file_size(path) == size);
    CHECK(c.files(".cleaned").empty());
    CHECK_FALSE(c.log->cleaned_to().has_value());
}
