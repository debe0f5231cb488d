#include "storage/log.h"

#include <doctest/doctest.h>

#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

struct OneLog : TestPlace {
    explicit OneLog(LogConfig config_used = {}, ShardLimits limits = {})
        : TestPlace(limits), config(config_used) {
        reopen(true);
    }
    ~OneLog() { log.reset(); }

    LogOpen how(bool clean) const {
        return {.directory = root + "/t-0",
                .partition = {"t", 0},
                .config = config,
                .log_start = start,
                .recovery_point = recovery_point,
                .clean = clean,
                .now = now};
    }
    // The checkpoint files are these members: what a LogManager would have written.
    void reopen(bool clean) {
        if (log) {
            if (clean) REQUIRE(run(log->close()).has_value());
            start = log->start_offset();
            recovery_point = log->recovery_point();
        }
        log.reset();
        fresh_shard();
        auto opened = open(how(clean));
        if (!opened) FAIL(opened.error().describe());
        log = *std::move(opened);
    }
    AppendResult append(std::vector<uint8_t> batch, LeaderEpoch epoch = 0,
                        protocol::AppendOrigin origin = protocol::AppendOrigin::client) {
        auto result = log->append_as_leader(to_append(std::move(batch)),
                                            {.leader_epoch = epoch, .now = now, .origin = origin});
        if (!result) FAIL(result.error().detail);
        log->set_high_watermark(log->end_offset());
        return *result;
    }
    ErrorCode append_code(std::vector<uint8_t> batch,
                          protocol::AppendOrigin origin = protocol::AppendOrigin::client) {
        auto result = log->append_as_leader(to_append(std::move(batch)),
                                            {.leader_epoch = 0, .now = now, .origin = origin});
        return result ? ErrorCode::none : result.error().code;
    }
    ReadResult read(Offset from, uint64_t max_bytes = 1 << 20, bool min_one = true) {
        auto result = run(log->read({from, log->end_offset(), max_bytes, min_one}));
        if (!result) FAIL(result.error().describe());
        return *std::move(result);
    }
    // "0-2 3-3": base and last offset of every batch from `from` on, read in pieces of `max_bytes`.
    std::string batches(Offset from, uint64_t max_bytes = 1 << 20) {
        std::string text;
        while (from < log->end_offset()) {
            const ReadResult result = read(from, max_bytes);
            if (result.records.empty()) break;
            const auto bytes = flatten(result.records);
            const auto whole = protocol::for_each_batch(bytes, [&](protocol::BatchView b) {
                CHECK(b.verify_crc());
                text += fmt::format("{}{}-{}", text.empty() ? "" : " ", b.base_offset(),
                                    b.last_offset());
                from = b.next_offset();
            });
            CHECK(*whole == bytes.size());
            CHECK(from <= result.next_offset);
            from = result.next_offset;
        }
        return text;
    }
    size_t count_files(std::string_view suffix) const {
        size_t count = 0;
        for (const auto& file : std::filesystem::directory_iterator(root + "/t-0"))
            count += file.path().string().ends_with(suffix);
        return count;
    }

    LogConfig config;
    TimestampMs now = 5000;
    Offset start = 0;
    Offset recovery_point = 0;
    std::unique_ptr<Log> log;
};

protocol::BatchOptions producer(ProducerId id, ProducerEpoch epoch, int32_t sequence,
                                bool transactional = false) {
    return {.producer_id = id,
            .producer_epoch = epoch,
            .base_sequence = sequence,
            .transactional = transactional};
}

}  // namespace

TEST_CASE("an empty log has no segment files, before and after a clean stop") {
    OneLog one;
    CHECK(one.log->end_offset() == 0);
    CHECK(one.read(0).records.empty());
    CHECK(one.run(one.log->read({1, 1, 100, true})).code() == ErrorCode::offset_out_of_range);
    one.log->begin_epoch(4);
    one.reopen(true);
    CHECK(std::filesystem::is_empty(one.root + "/t-0"));
}

TEST_CASE("appended batches are read back, cut at batch boundaries") {
    for (const size_t cache : {size_t{0}, size_t{1} << 20}) {
        CAPTURE(cache);
        OneLog one({.index_interval_bytes = 100}, {.tail_cache_bytes = cache});
        for (int i = 1; i <= 5; ++i) {
            const AppendResult result = one.append(make_batch(i, "value"));
            CHECK(result.last_offset - result.first_offset == i - 1);
        }
        CHECK(one.log->end_offset() == 15);
        CHECK(one.batches(0) == "0-0 1-2 3-5 6-9 10-14");
        CHECK(one.batches(0, 1) == "0-0 1-2 3-5 6-9 10-14");
        CHECK(one.batches(0, 250) == "0-0 1-2 3-5 6-9 10-14");
        CHECK(one.batches(4) == "3-5 6-9 10-14");
        CHECK(one.read(4, 10, false).records.empty());
        auto bounded = one.run(one.log->read({0, 8, 1 << 20, true}));
        CHECK(bounded->next_offset == 6);
        CHECK(bounded->first_offset == 0);
        CHECK(one.run(one.log->read({7, 8, 1 << 20, true}))->records.empty());
        one.reopen(true);
        CHECK(one.log->end_offset() == 15);
        CHECK(one.batches(1) == "1-2 3-5 6-9 10-14");
        one.append(make_batch(2, "more"));
        CHECK(one.batches(14) == "10-14 15-16");
    }
}

TEST_CASE("segments roll by size, and all of it is there after clean and unclean restarts") {
    for (const bool clean : {true, false}) {
        CAPTURE(clean);
        OneLog one({.segment_bytes = 300, .index_interval_bytes = 80}, {.open_files_max = 2});
        std::string expected;
        for (int i = 0; i < 40; ++i) {
            one.append(make_batch(1, "0123456789"), i / 10);
            expected += fmt::format("{}{}-{}", i ? " " : "", i, i);
        }
        CHECK(one.count_files(".log") == 14);
        CHECK(one.batches(0) == expected);
        one.reopen(clean);
        CHECK(one.log->end_offset() == 40);
        CHECK(one.batches(0) == expected);
        CHECK(one.batches(0, 100) == expected);
        CHECK(one.log->latest_epoch() == 3);
        CHECK(one.log->end_of_epoch(1) == EpochEnd{1, 20});
        CHECK(one.log->epoch_at(25) == 2);
    }
}

TEST_CASE("a torn tail is cut at the first bad batch") {
    OneLog one({.index_interval_bytes = 64});
    for (int i = 0; i < 10; ++i) one.append(make_batch(1, "0123456789"));
    const std::string path = one.root + "/t-0/00000000000000000000.log";
    const auto size = std::filesystem::file_size(path);
    SUBCASE("cut short") {
        std::filesystem::resize_file(path, size - 5);
    }
    SUBCASE("zeros") {
        std::filesystem::resize_file(path, size - 5);
        std::filesystem::resize_file(path, size + 100);
    }
    SUBCASE("a flipped bit") {
        auto file = *one.disk.open(path, runtime::OpenMode::write);
        const uint8_t bad[] = {0x7e};
        const ByteView part{bad};
        REQUIRE(file->write_at(size - 3, {&part, 1}).has_value());
    }
    one.reopen(false);
    CHECK(one.log->end_offset() == 9);
    one.append(make_batch(1, "again"));
    CHECK(one.batches(7) == "7-7 8-8 9-9");
    one.reopen(true);
    CHECK(one.batches(8) == "8-8 9-9");
}

TEST_CASE("idempotent producers: retries, gaps, epochs; the same after a restart") {
    OneLog one;
    one.append(make_batch(2, "a", producer(7, 0, 0)));
    one.append(make_batch(3, "b", producer(7, 0, 2)));
    for (int round = 0; round < 3; ++round) {
        CAPTURE(round);
        const auto retry = one.append(make_batch(3, "b", producer(7, 0, 2)));
        CHECK(retry.duplicate);
        CHECK(retry.first_offset == 2);
        CHECK(retry.last_offset == 4);
        CHECK(one.append_code(make_batch(1, "c", producer(7, 0, 9))) ==
              ErrorCode::out_of_order_sequence_number);
        if (round < 2) one.reopen(round == 0);
    }
    one.append(make_batch(1, "d", producer(7, 1, 0)));
    CHECK(one.append_code(make_batch(1, "d", producer(7, 0, 5))) ==
          ErrorCode::invalid_producer_epoch);
    CHECK(one.append_code(make_batch(1, "e", producer(7, 2, 3))) ==
          ErrorCode::out_of_order_sequence_number);
    CHECK(one.log->end_offset() == 6);
    CHECK(one.log->producers().at(0).last_sequence == 0);
    one.now += 86'400'000 + 1'000'000;
    one.log->expire_producers(one.now);
    CHECK(one.log->producers().empty());
}

TEST_CASE("five batches are remembered, the sixth is too old") {
    OneLog one;
    for (int i = 0; i < 6; ++i) one.append(make_batch(1, "a", producer(7, 0, i)));
    CHECK(one.append(make_batch(1, "a", producer(7, 0, 1))).duplicate);
    CHECK(one.append_code(make_batch(1, "a", producer(7, 0, 0))) ==
          ErrorCode::out_of_order_sequence_number);
}

TEST_CASE("transactions hold the last stable offset, and aborts are told") {
    OneLog one({.segment_bytes = 400});
    const auto mark = [&](bool abort, ProducerId id, ProducerEpoch epoch, int32_t coordinator) {
        return one.append_code(make_marker(abort, id, epoch, coordinator),
                               protocol::AppendOrigin::coordinator);
    };
    one.append(make_batch(1, "plain"));                       // 0
    one.append(make_batch(2, "a", producer(1, 0, 0, true)));  // 1-2
    one.append(make_batch(1, "b", producer(2, 0, 0, true)));  // 3
    CHECK(one.append_code(make_batch(1, "b", producer(2, 0, 1))) == ErrorCode::invalid_txn_state);
    CHECK(one.log->last_stable_offset() == 1);
    CHECK(mark(true, 1, 0, 5) == ErrorCode::none);  // 4
    one.log->set_high_watermark(5);
    CHECK(one.log->last_stable_offset() == 3);
    CHECK(mark(true, 2, 0, 5) == ErrorCode::none);  // 5
    CHECK(one.log->last_stable_offset() == 3);      // the marker is not committed
    one.log->set_high_watermark(6);
    CHECK(one.log->last_stable_offset() == 6);
    CHECK(mark(true, 2, 0, 4) == ErrorCode::transaction_coordinator_fenced);
    one.append(make_batch(1, "c", producer(1, 1, 0, true)));  // 6
    CHECK(mark(false, 1, 1, 5) == ErrorCode::none);           // 7
    one.log->set_high_watermark(8);
    using Aborted = std::vector<AbortedTransaction>;
    for (const bool clean : {true, false}) {
        CHECK(*one.run(one.log->aborted_transactions(0, 8)) == Aborted{{1, 1}, {2, 3}});
        CHECK(*one.run(one.log->aborted_transactions(5, 8)) == Aborted{{2, 3}});
        CHECK(one.run(one.log->aborted_transactions(6, 8))->empty());
        CHECK(*one.run(one.log->aborted_transactions(0, 3)) == Aborted{{1, 1}});
        one.reopen(clean);
    }
}

TEST_CASE("timestamps find offsets") {
    for (const bool restart : {false, true}) {
        CAPTURE(restart);
        OneLog one({.segment_bytes = 400, .index_interval_bytes = 50});
        for (int i = 0; i < 12; ++i) one.append(make_batch(2, "x", {}, 1000 + i * 100), i / 6);
        if (restart) one.reopen(true);
        const auto find = [&](TimestampMs t) {
            return *one.run(one.log->offset_for_timestamp(t, one.log->end_offset()));
        };
        CHECK(find(0) == TimestampOffset{0, 1000, 0});
        CHECK(find(1001) == TimestampOffset{1, 1001, 0});
        CHECK(find(1002) == TimestampOffset{2, 1100, 0});
        CHECK(find(1700) == TimestampOffset{14, 1700, 1});
        CHECK(find(2101) == TimestampOffset{23, 2101, 1});
        CHECK(find(2102) == TimestampOffset{});
        CHECK(find(kMaxTimestamp) == TimestampOffset{23, 2101, 1});
        CHECK(find(kLatestTimestamp) == TimestampOffset{24, -1, 1});
        CHECK(find(kEarliestTimestamp) == TimestampOffset{0, -1, 0});
        CHECK(find(kLatestTieredTimestamp) == TimestampOffset{});
        CHECK(*one.run(one.log->offset_for_timestamp(1700, 14)) == TimestampOffset{});
    }
}

TEST_CASE("retention and delete_records drop whole segments from the start") {
    LogConfig config{.segment_bytes = 300, .retention_ms = kUnlimited};
    OneLog one(config);
    for (int i = 0; i < 30; ++i) one.append(make_batch(1, "0123456789", {}, 1000 + i));
    REQUIRE(one.run(one.log->save()).has_value());
    CHECK(*one.run(one.log->apply_retention(one.now)) == 0);
    CHECK(one.log->delete_records(31, one.now).code() == ErrorCode::offset_out_of_range);
    CHECK(*one.log->delete_records(7, one.now) == 7);
    CHECK(one.log->start_offset() == 7);
    CHECK(one.log->first_file_offset() == 6);
    CHECK(one.run(one.log->read({6, 30, 100, true})).code() == ErrorCode::offset_out_of_range);
    CHECK(one.batches(7).starts_with("7-7 8-8"));
    config.retention_bytes = 900;
    one.log->set_config(config);
    CHECK(*one.run(one.log->apply_retention(one.now)) == 4);
    CHECK(one.log->start_offset() == 18);
    config.retention_bytes = kUnlimited;
    config.retention_ms = 100;
    one.log->set_config(config);
    CHECK(*one.run(one.log->apply_retention(1100)) == 0);
    CHECK(*one.run(one.log->apply_retention(1000 + 23 + 101)) == 2);
    CHECK(one.log->start_offset() == 24);
    CHECK(*one.run(one.log->apply_retention(9000)) == 2);
    CHECK(one.log->start_offset() == 30);
    CHECK(one.log->end_offset() == 30);
    CHECK(one.count_files(".log") == 1);
    one.reopen(false);
    CHECK(one.log->end_offset() == 30);
    one.append(make_batch(1, "new"));
    CHECK(one.batches(30) == "30-30");
    CHECK(one.count_files(".log.deleted") == 0);
}

TEST_CASE("truncation takes the tail away, with its epochs, producers and aborts") {
    OneLog one({.segment_bytes = 300, .index_interval_bytes = 50});
    for (int i = 0; i < 20; ++i) one.append(make_batch(1, "0123456789", producer(7, 0, i)), i / 5);
    REQUIRE(one.run(one.log->save()).has_value());
    REQUIRE(one.run(one.log->truncate_to(12)).has_value());
    CHECK(one.log->end_offset() == 12);
    CHECK(one.log->recovery_point() == 12);
    CHECK(one.log->latest_epoch() == 2);
    CHECK(one.log->end_of_epoch(2) == EpochEnd{2, 12});
    CHECK(one.log->producers().at(0).last_sequence == 11);
    one.append(make_batch(1, "0123456789", producer(7, 0, 12)), 9);
    one.reopen(false);
    CHECK(one.log->end_offset() == 13);
    CHECK(one.log->epoch_at(12) == 9);
    CHECK(one.batches(10) == "10-10 11-11 12-12");
    REQUIRE(one.run(one.log->truncate_fully_and_start_at(100)).has_value());
    CHECK(one.log->start_offset() == 100);
    CHECK(one.log->producers().empty());
    one.append(make_batch(1, "x"));
    one.reopen(true);
    CHECK(one.log->start_offset() == 100);
    CHECK(one.batches(100) == "100-100");
}

TEST_CASE("a follower's append keeps offsets and epochs") {
    OneLog one;
    const auto append = [&](Offset base, LeaderEpoch epoch) {
        auto batch = make_batch(2, "f", {.base_offset = base, .leader_epoch = epoch});
        return one.log->append_as_follower(to_append(std::move(batch)), one.now);
    };
    CHECK(append(5, 1)->last_offset == 6);
    CHECK(append(6, 1).code() == ErrorCode::offset_out_of_range);
    CHECK(append(10, 3)->first_offset == 10);
    auto bad = make_batch(1, "f", {.base_offset = 12});
    bad.back() ^= 1;
    CHECK(one.log->append_as_follower(to_append(bad), one.now).code() ==
          ErrorCode::corrupt_message);
    CHECK(one.log->end_offset() == 12);
    CHECK(one.log->end_of_epoch(1) == EpochEnd{1, 10});
    CHECK(one.batches(0) == "5-6 10-11");
    CHECK(one.batches(8) == "10-11");
}

TEST_CASE("an unsound index is rebuilt, whatever it says") {
    for (const std::string_view suffix : {".index", ".timeindex"}) {
        OneLog one({.segment_bytes = 1000, .index_interval_bytes = 100});
        for (int i = 0; i < 40; ++i) one.append(make_batch(1, "0123456789", {}, 1000 + i));
        REQUIRE(one.run(one.log->close()).has_value());
        const std::string path = one.root + "/t-0/00000000000000000000" + std::string{suffix};
        const auto good = *one.disk.read_file(path, 1 << 20);
        Rng rng{3};
        for (int round = 0; round < 200; ++round) {
            std::string bytes = good;
            if (rng.chance(0.2)) bytes.resize(rng.below(bytes.size() + 1));
            for (uint64_t i = rng.below(4); i > 0 && !bytes.empty(); --i)
                bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
            REQUIRE(one.disk.write_file(path, bytes).has_value());
            if (rng.chance(0.1)) REQUIRE(one.disk.remove(path).has_value());
            one.log.reset();
            one.fresh_shard();
            one.log = *one.open(one.how(rng.chance(0.5)));
            CAPTURE(round);
            CHECK(one.batches(3).starts_with("3-3 4-4 5-5"));
            CHECK(one.batches(static_cast<Offset>(rng.below(39)), 150).ends_with("38-38 39-39"));
        }
    }
}
