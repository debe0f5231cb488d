#include "storage/append_condition.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "storage/key_model.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

using Failure = protocol::AppendError;

struct Place : TestPlace {
    LogOpen how(bool clean = true) {
        LogOpen open{.directory = root + "/t-0", .partition = {"t", 0}, .clean = clean};
        open.config.timestamp_after_max_ms = INT64_MAX;
        open.config.segment_bytes = 2000;
        open.config.key_index = key_index;
        open.recovery_point = recovery_point;
        open.log_start = log_start;
        return open;
    }
    void start(bool clean = true) {
        log.reset();
        fresh_shard();
        auto opened = open(how(clean));
        REQUIRE_MESSAGE(opened.has_value(), opened.error().describe());
        log = *std::move(opened);
        log->set_high_watermark(log->end_offset());
    }
    // A clean stop and a start.
    void restart() {
        REQUIRE(run(log->close()).has_value());
        recovery_point = log->recovery_point();
        start();
    }
    void know() {
        const auto known = run(log->know_keys(loop, runtime::kNever));
        REQUIRE_MESSAGE(known.has_value(), known.error().describe());
        REQUIRE(log->knows_keys());
    }
    std::expected<AppendResult, Failure> append(
        std::vector<uint8_t> batch, AppendCondition* condition = nullptr,
        protocol::AppendOrigin origin = protocol::AppendOrigin::client) {
        if (condition && !condition->expected_keys.empty()) know();
        auto done = log->append_as_leader(to_append(std::move(batch)),
                                          {.origin = origin, .condition = condition});
        if (done) log->set_high_watermark(log->end_offset());
        return done;
    }
    std::expected<AppendResult, Failure> append_if(std::vector<uint8_t> batch,
                                                   AppendCondition condition) {
        return append(std::move(batch), &condition);
    }
    std::string snapshot() const { return root + "/t-0/millrace-key-index"; }

    bool key_index = true;
    Offset recovery_point = 0;
    Offset log_start = 0;
    std::unique_ptr<Log> log;
};

void flip_byte(const std::string& path, uint64_t random) {
    std::FILE* file = std::fopen(path.c_str(), "r+b");
    REQUIRE(file);
    const auto size = std::filesystem::file_size(path);
    const auto at = static_cast<long>(random % size);
    std::fseek(file, at, SEEK_SET);
    const int byte = std::fgetc(file);
    std::fseek(file, at, SEEK_SET);
    std::fputc(byte ^ 0x10, file);
    std::fclose(file);
}

}  // namespace

TEST_CASE("an expected end offset") {
    Place p;
    p.start();
    AppendCondition empty{.expected_end = 0};
    REQUIRE(p.append(batch_of(0, {{"a"}, {"b"}}), &empty).has_value());
    const auto second = p.append(batch_of(0, {{"a"}}), &empty);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == ErrorCode::append_condition_failed);
    CHECK(empty.actual_end == 2);
    CHECK(empty.failure() == "the log ends at 2, not at 0");
    CHECK(p.log->end_offset() == 2);
    CHECK(p.append_if(batch_of(0, {{"a"}}), {.expected_end = 3}).error().code ==
          ErrorCode::append_condition_failed);
    CHECK(p.append_if(batch_of(0, {{"a"}}), {.expected_end = 2})->first_offset == 2);
    CHECK(p.append_if(batch_of(0, {{"a"}}), {.expected_end = -2}).error().code ==
          ErrorCode::invalid_request);
}

TEST_CASE("a retry of what was appended is a duplicate, whatever its condition says") {
    Place p;
    p.start();
    const auto batch =
        make_batch(2, "v", {.producer_id = 5, .producer_epoch = 0, .base_sequence = 0});
    REQUIRE(p.append_if(batch, {.expected_end = 0}).has_value());
    const auto again = p.append_if(batch, {.expected_end = 0});
    REQUIRE(again.has_value());
    CHECK(again->duplicate);
    CHECK(again->first_offset == 0);
    // A batch that failed its condition is not known: the next with its sequence is appended.
    const auto next =
        make_batch(1, "v", {.producer_id = 5, .producer_epoch = 0, .base_sequence = 2});
    CHECK_FALSE(p.append_if(next, {.expected_end = 1}).has_value());
    CHECK(p.append_if(next, {.expected_end = 2})->first_offset == 2);
}

TEST_CASE("expected offsets of keys") {
    Place p;
    p.start();
    REQUIRE(p.append(batch_of(0, {{"a"}, {"b"}})).has_value());
    AppendCondition condition{.expected_keys = {{2, kNoRecord}, {0, 0}, {1, 5}}};
    REQUIRE_FALSE(p.append(batch_of(0, {{"a"}, {"b"}, {"c"}}), &condition).has_value());
    CHECK(condition.actual_keys == std::vector<ActualKey>{{1, 1, -1}});
    CHECK(condition.actual_end == -1);
    CHECK(condition.failure() == "1 of 3 keys are not as expected");
    condition.expected_keys[1].offset = 1;
    REQUIRE(p.append(batch_of(0, {{"a"}, {"b"}, {"c"}}), &condition).has_value());
    CHECK(condition.actual_keys.empty());

    // Both kinds at once: each that failed is told.
    AppendCondition both{.expected_end = 3, .expected_keys = {{0, kNoRecord}}};
    REQUIRE_FALSE(p.append(batch_of(0, {{"c", true}}), &both).has_value());
    CHECK(both.actual_end == 5);
    CHECK(both.actual_keys == std::vector<ActualKey>{{0, 4, -1}});
    both = {.expected_end = 5, .expected_keys = {{0, 4}}};
    REQUIRE(p.append(batch_of(0, {{"c", true}}), &both).has_value());
    CHECK(p.append_if(batch_of(0, {{"c"}}), {.expected_keys = {{0, kNoRecord}}}).has_value());
}

TEST_CASE("a key that another transaction wrote is undecided") {
    Place p;
    p.start();
    REQUIRE(p.append(batch_of(0, {{"a"}}, 1)).has_value());
    AppendCondition condition{.expected_keys = {{0, kNoRecord}}};
    REQUIRE_FALSE(p.append(batch_of(0, {{"a"}}), &condition).has_value());
    CHECK(condition.actual_keys == std::vector<ActualKey>{{0, -1, 0}});
    REQUIRE(p.append(make_marker(true, 1, 0, 0), nullptr, protocol::AppendOrigin::coordinator)
                .has_value());
    CHECK(p.append(batch_of(0, {{"a"}}), &condition).has_value());
}

TEST_CASE("conditions that make no sense") {
    Place p;
    p.start();
    struct Case {
        std::vector<ExpectedKey> keys;
    };
    for (const Case& c :
         {Case{{{1, 0}}}, Case{{{-1, 0}}}, Case{{{0, -2}}}, Case{{{0, 0}, {0, 0}}}}) {
        const auto refused = p.append_if(batch_of(0, {{"a"}}), {.expected_keys = c.keys});
        CHECK(refused.error().code == ErrorCode::invalid_request);
    }
    CHECK(p.append_if(make_batch(1, "v"), {.expected_keys = {{0, -1}}}).error().code ==
          ErrorCode::invalid_request);
    CHECK(p.log->end_offset() == 0);
}

TEST_CASE("a topic without an index of keys says so, and keeps none") {
    Place p;
    p.key_index = false;
    p.start();
    REQUIRE(p.append(batch_of(0, {{"a"}})).has_value());
    AppendCondition condition{.expected_keys = {{0, 0}}};
    CHECK(p.log->knows_keys());
    const auto refused =
        p.log->append_as_leader(to_append(batch_of(0, {{"a"}})), {.condition = &condition});
    CHECK(refused.error().code == ErrorCode::key_index_disabled);
    CHECK(p.log->key_index_bytes() == 0);
    p.restart();
    CHECK_FALSE(std::filesystem::exists(p.snapshot()));
}

TEST_CASE(
    "the index is not made before a condition on a key comes, and goes when it is switched off") {
    Place p;
    p.start();
    REQUIRE(p.append(batch_of(0, {{"a"}})).has_value());
    CHECK(p.log->key_index_bytes() == 0);
    CHECK_FALSE(p.log->knows_keys());
    p.know();
    CHECK(p.log->key_index_bytes() > 0);
    p.restart();
    CHECK(std::filesystem::exists(p.snapshot()));
    CHECK(p.log->key_index_bytes() == 0);
    LogConfig off = p.log->config();
    off.key_index = false;
    p.log->set_config(off);
    CHECK_FALSE(std::filesystem::exists(p.snapshot()));
    // Switched off while the log was not open.
    p.log->set_config(p.how().config);
    p.know();
    p.restart();
    CHECK(std::filesystem::exists(p.snapshot()));
    p.key_index = false;
    p.restart();
    CHECK_FALSE(std::filesystem::exists(p.snapshot()));
}

TEST_CASE("a compacted log has an index, but no snapshot of it") {
    Place p;
    p.start();
    REQUIRE(p.append(batch_of(0, {{"a"}})).has_value());
    p.know();
    p.restart();
    REQUIRE(std::filesystem::exists(p.snapshot()));
    LogConfig compacted = p.log->config();
    compacted.cleanup_compact = true;
    p.log->set_config(compacted);
    CHECK_FALSE(std::filesystem::exists(p.snapshot()));
    CHECK(p.append_if(batch_of(0, {{"a"}}), {.expected_keys = {{0, 0}}}).has_value());
    CHECK(p.run(p.log->save_keys()).has_value());
    CHECK(p.run(p.log->close()).has_value());
    CHECK_FALSE(std::filesystem::exists(p.snapshot()));
}

TEST_CASE("whoever cannot wait for the index is told to come again, and finds more done") {
    Place p;
    p.start();
    for (int i = 0; i < 50; ++i)
        REQUIRE(p.append(batch_of(0, {{fmt::format("k{}", i)}})).has_value());
    CHECK(p.run(p.log->know_keys(p.loop, runtime::TimePoint{})).code() ==
          ErrorCode::request_timed_out);
    p.know();
    CHECK(p.append_if(batch_of(0, {{"k7"}}), {.expected_keys = {{0, 7}}}).has_value());
}

TEST_CASE("a snapshot is wanted when the log grew much behind the last one") {
    Place p;
    p.start();
    LogConfig large = p.log->config();
    large.segment_bytes = 1 << 30;
    p.log->set_config(large);
    REQUIRE(p.append(batch_of(0, {{"a"}})).has_value());
    p.know();
    CHECK_FALSE(p.log->wants_save_keys());
    const std::string value(1'000'000, 'v');
    for (int i = 0; i < 70; ++i) REQUIRE(p.append(make_batch(1, value)).has_value());
    CHECK_FALSE(p.log->wants_save_keys());  // what the index has not read does not count
    p.know();
    CHECK(p.log->wants_save_keys());
    REQUIRE(p.run(p.log->save_keys()).has_value());
    CHECK_FALSE(p.log->wants_save_keys());
    CHECK(std::filesystem::exists(p.snapshot()));
    // As after a kill: the snapshot serves.
    p.start(false);
    CHECK(p.append_if(batch_of(0, {{"a"}}), {.expected_keys = {{0, 0}}}).has_value());
}

TEST_CASE("conditions on keys against a list of all records: restarts, crashes, truncations") {
    Rng rng{23};
    for (int round = 0; round < 8; ++round) {
        Place p;
        p.start();
        KeyModel model;
        std::vector<Offset> bases;
        int succeeded = 0;
        for (int step = 0; step < 250; ++step) {
            const auto producer = static_cast<ProducerId>(rng.below(3));
            const Offset end = p.log->end_offset();
            const uint64_t what = rng.below(100);
            if (what < 4) {
                p.restart();
            } else if (what < 6) {
                REQUIRE(p.run(p.log->save_keys()).has_value());
            } else if (what < 8) {
                p.start(false);  // as after a kill
            } else if (what < 12) {
                REQUIRE(p.run(p.log->close()).has_value());
                p.recovery_point = p.log->recovery_point();
                if (std::filesystem::exists(p.snapshot())) {
                    if (rng.chance(0.5)) {
                        std::filesystem::remove(p.snapshot());
                    } else {
                        flip_byte(p.snapshot(), rng.next());
                    }
                }
                p.start();
            } else if (what < 15 && !bases.empty()) {
                bases.resize(bases.size() - rng.below(std::min<size_t>(5, bases.size())));
                const Offset offset = bases.back();
                bases.pop_back();
                if (offset < p.log->start_offset()) continue;
                p.recovery_point = std::min(p.recovery_point, offset);
                REQUIRE(p.run(p.log->truncate_to(offset)).has_value());
                // Transactions are as they were then: the model is made anew.
                std::erase_if(model.entries, [&](const auto& e) { return e.offset >= offset; });
                for (auto& e : model.entries)
                    if (e.abort && model.ended_at[e.offset] >= offset) e.abort.reset();
            } else if (what < 18 && end > 0) {
                const auto offset = static_cast<Offset>(rng.below(static_cast<uint64_t>(end)));
                if (offset > model.start)
                    p.log_start = model.start = *p.log->delete_records(offset, 0);
            } else if (what < 30) {
                const bool abort = rng.chance(0.5);
                bases.push_back(end);
                REQUIRE(p.append(make_marker(abort, producer, 0, 0), nullptr,
                                 protocol::AppendOrigin::coordinator)
                            .has_value());
                model.end(producer, abort, end);
            } else {
                // Idempotent producers are not the matter here: their sequences are never checked
                // by the coordinator's appends.
                const ProducerId transaction = rng.chance(0.4) ? producer : -1;
                std::vector<KeyedRecord> records;
                AppendCondition condition;
                bool holds = true;
                for (int32_t i = 0; i < static_cast<int32_t>(rng.below(3) + 1); ++i) {
                    records.push_back({fmt::format("k{}", rng.below(6)), rng.chance(0.3)});
                    if (rng.chance(0.3)) continue;
                    const auto last = model.find(records.back().key, transaction);
                    const Offset expected = rng.chance(0.8) ? last.offset : end - 1;
                    holds &= last.pending < 0 && last.offset == expected;
                    condition.expected_keys.push_back({i, expected});
                }
                const auto done = p.append(batch_of(0, records, transaction), &condition,
                                           protocol::AppendOrigin::coordinator);
                CHECK(done.has_value() == holds);
                if (!done) {
                    CHECK(done.error().code == ErrorCode::append_condition_failed);
                    for (const ActualKey& actual : condition.actual_keys) {
                        const auto last = model.find(
                            records[static_cast<size_t>(actual.record_index)].key, transaction);
                        CHECK(actual.offset == last.offset);
                        CHECK(actual.pending == last.pending);
                    }
                    continue;
                }
                ++succeeded;
                bases.push_back(end);
                for (size_t i = 0; i < records.size(); ++i)
                    model.entries.push_back({end + static_cast<Offset>(i), records[i].key,
                                             records[i].null_value, transaction});
            }
        }
        CHECK(succeeded > 20);
    }
}
