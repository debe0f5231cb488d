#include "protocol/record_batch.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "protocol/record_batch_builder.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

using Bytes = std::vector<uint8_t>;

// A record that owns its bytes: what was written, to compare with what is read.
struct Plain {
    Offset offset = 0;
    TimestampMs timestamp = 0;
    std::optional<Bytes> key;
    std::optional<Bytes> value;
    std::vector<std::pair<std::string, std::optional<Bytes>>> headers;
    bool operator==(const Plain&) const = default;
};

std::optional<Bytes> random_bytes(Rng& rng, uint64_t size_max) {
    if (rng.chance(0.1)) return std::nullopt;
    Bytes out(rng.below(size_max + 1));
    for (uint8_t& byte : out) byte = static_cast<uint8_t>('a' + rng.below(6));
    return out;
}

std::vector<Plain> random_records(Rng& rng, Offset base) {
    std::vector<Plain> out;
    Offset offset = base;
    for (uint64_t left = 1 + rng.below(40); left > 0; --left) {
        Plain record{.offset = offset,
                     .timestamp = static_cast<TimestampMs>(1700000000000 + rng.below(100000)),
                     .key = random_bytes(rng, 20),
                     .value = random_bytes(rng, rng.chance(0.05) ? 40000 : 300)};
        if (rng.chance(0.02)) record.timestamp = static_cast<TimestampMs>(rng.next());
        for (uint64_t i = rng.chance(0.5) ? 0 : rng.below(5); i > 0; --i) {
            record.headers.emplace_back(rng.chance(0.2) ? "" : "name", random_bytes(rng, 10));
        }
        out.push_back(std::move(record));
        offset += rng.chance(0.9) ? 1 : static_cast<Offset>(1 + rng.below(1000));
    }
    return out;
}

std::optional<ByteView> view(const std::optional<Bytes>& bytes) {
    if (!bytes) return std::nullopt;
    return ByteView{*bytes};
}

std::optional<Bytes> own(std::optional<ByteView> bytes) {
    if (!bytes) return std::nullopt;
    return Bytes(bytes->begin(), bytes->end());
}

Bytes build(BatchOptions options, const std::vector<Plain>& records) {
    BatchBuilder builder(std::move(options));
    for (const Plain& record : records) {
        std::vector<RecordHeader> headers;
        size_t value_bytes = record.value ? record.value->size() : 0;
        for (const auto& [key, value] : record.headers) headers.push_back({key, view(value)});
        const size_t before = builder.size_bytes();
        builder.append_at(record.offset, record.timestamp, view(record.key), view(record.value),
                          headers);
        CHECK(builder.size_bytes() - before <=
              BatchBuilder::record_size_max(record.key ? record.key->size() : 0, value_bytes,
                                            headers));
    }
    return *builder.finish();
}

Result<std::vector<Plain>> read(BatchView batch) {
    std::vector<Plain> out;
    Bytes scratch;
    TRY_OK(for_each_record(batch, scratch, [&](const RecordView& record) {
        Plain plain{record.offset, record.timestamp, own(record.key), own(record.value), {}};
        for (const RecordHeader& header : record.headers) {
            plain.headers.emplace_back(header.key, own(header.value));
        }
        out.push_back(std::move(plain));
    }));
    return out;
}

Bytes three_records(Codec codec = Codec::none) {
    BatchBuilder builder({.codec = codec, .base_offset = 100});
    for (const char* text : {"one", "two", "three"}) {
        builder.append(1000, as_bytes("k"), as_bytes(text));
    }
    return *builder.finish();
}

}  // namespace

TEST_CASE("what is built is read back, whatever the records, codec and header") {
    Rng rng(7);
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        BatchOptions options{.codec = static_cast<Codec>(rng.below(5)),
                             .base_offset = static_cast<Offset>(rng.below(1000000000000)),
                             .leader_epoch = static_cast<LeaderEpoch>(rng.below(100)) - 1,
                             .transactional = rng.chance(0.3)};
        if (rng.chance(0.5)) {
            options.producer_id = static_cast<ProducerId>(rng.below(1000));
            options.producer_epoch = 3;
            options.base_sequence = static_cast<int32_t>(0x7fffffff - rng.below(100));
        }
        auto records = random_records(rng, options.base_offset);
        if (rng.chance(0.2)) options.log_append_time = 1234567;
        if (rng.chance(0.2)) options.delete_horizon = 1700000000500;
        if (rng.chance(0.2)) options.last_offset = records.back().offset + 10;
        const Bytes bytes = build(options, records);
        const auto batch = BatchView::parse(bytes);
        REQUIRE(batch.has_value());
        CHECK(batch->bytes().size() == bytes.size());
        CHECK(batch->verify_crc());
        CHECK(*batch->codec() == options.codec);
        CHECK(batch->base_offset() == options.base_offset);
        CHECK(batch->last_offset() == options.last_offset.value_or(records.back().offset));
        CHECK(batch->leader_epoch() == options.leader_epoch);
        CHECK(batch->producer_id() == options.producer_id);
        CHECK(batch->is_transactional() == options.transactional);
        CHECK(batch->delete_horizon() == options.delete_horizon);
        CHECK(batch->record_count() == static_cast<int32_t>(records.size()));
        TimestampMs newest = records.front().timestamp;
        for (Plain& record : records) {
            newest = std::max(newest, record.timestamp);
            if (options.log_append_time) record.timestamp = *options.log_append_time;
        }
        CHECK(batch->max_timestamp() == options.log_append_time.value_or(newest));
        const auto again = read(*batch);
        REQUIRE(again.has_value());
        CHECK(*again == records);
    }
}

TEST_CASE("sequences wrap to 0 after the largest") {
    BatchBuilder builder({.producer_id = 1, .producer_epoch = 0, .base_sequence = 0x7ffffffe});
    for (int i = 0; i < 4; ++i) builder.append(5, std::nullopt, std::nullopt);
    const Bytes bytes = *builder.finish();
    std::vector<int32_t> sequences;
    Bytes scratch;
    const BatchView batch = *BatchView::parse(bytes);
    REQUIRE(for_each_record(batch, scratch,
                            [&](const RecordView& r) { sequences.push_back(r.sequence); }));
    CHECK(sequences == std::vector<int32_t>{0x7ffffffe, 0x7fffffff, 0, 1});
    CHECK(batch.last_sequence() == 1);
}

TEST_CASE("any changed byte from the CRC on is noticed") {
    for (const Codec codec : {Codec::none, Codec::lz4}) {
        const Bytes sound = three_records(codec);
        for (size_t at = 17; at < sound.size(); ++at) {
            for (const uint8_t flip : Bytes{0x01, 0x80}) {
                Bytes bytes = sound;
                bytes[at] ^= flip;
                const auto batch = BatchView::parse(bytes);
                CAPTURE(at);
                CHECK((!batch.has_value() || !batch->verify_crc()));
            }
        }
    }
}

TEST_CASE("records that contradict their batch are refused, even with a right CRC") {
    struct Case {
        const char* name;
        size_t at;  // in the batch
        uint8_t value;
    };
    // Three records of 61+: length, attributes, timestamp delta, offset delta, key length...
    const Case cases[] = {
        {"count above the records", 60, 4},
        {"count below the records", 60, 2},
        {"record length too large", 61, 0x16},
        {"record length too small", 61, 0x12},
        {"record length negative", 61, 0x13},
        {"key length beyond the record", 65, 0x40},
        {"key length -2", 65, 0x03},
        {"value length beyond the record", 67, 0x40},
        {"header count 1", 71, 0x02},
        {"header count negative", 71, 0x01},
        {"first offset negative", 64, 0x01},
        {"first offset after the second", 64, 0x08},
        {"last offset delta below the last", 26, 1},
    };
    for (const Case& c : cases) {
        CAPTURE(c.name);
        Bytes bytes = three_records();
        bytes[c.at] = c.value;
        MutableBatchView batch = *MutableBatchView::parse(bytes);
        batch.set_producer(-1, -1, -1);
        REQUIRE(batch.verify_crc());
        CHECK(read(batch).code() == ErrorCode::corrupt_message);
    }
}

TEST_CASE("random damage to the records is refused or read, within bounds") {
    Rng rng(11);
    for (int round = 0; round < 3000; ++round) {
        Bytes bytes = three_records(static_cast<Codec>(rng.below(5)));
        for (uint64_t i = 0; i <= rng.below(3); ++i) {
            bytes[21 + rng.below(bytes.size() - 21)] = static_cast<uint8_t>(rng.next());
        }
        const auto batch = BatchView::parse(bytes);
        if (batch) (void)read(*batch);
    }
}

TEST_CASE("the header tells old, unknown and impossible batches apart") {
    struct Case {
        const char* name;
        size_t at;
        std::vector<uint8_t> bytes;
        ErrorCode code;
    };
    const Case cases[] = {
        {"sound", 0, {}, ErrorCode::none},
        {"magic 0", 16, {0}, ErrorCode::unsupported_for_message_format},
        {"magic 1", 16, {1}, ErrorCode::unsupported_for_message_format},
        {"magic 3", 16, {3}, ErrorCode::corrupt_message},
        {"magic -1", 16, {0xff}, ErrorCode::corrupt_message},
        {"length 13", 8, {0, 0, 0, 13}, ErrorCode::corrupt_message},
        {"length 48", 8, {0, 0, 0, 48}, ErrorCode::corrupt_message},
        {"length negative", 8, {0xff, 0, 0, 0}, ErrorCode::corrupt_message},
        {"length beyond the bytes", 8, {0x7f, 0xff, 0xff, 0xff}, ErrorCode::would_block},
        {"count negative", 57, {0xff}, ErrorCode::corrupt_message},
        {"last offset delta negative", 23, {0xff}, ErrorCode::corrupt_message},
        {"no offset after the last",
         0,
         {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         ErrorCode::corrupt_message},
    };
    for (const Case& c : cases) {
        CAPTURE(c.name);
        Bytes bytes = three_records();
        std::copy(c.bytes.begin(), c.bytes.end(), bytes.begin() + static_cast<long>(c.at));
        CHECK(BatchView::parse(bytes).code() == c.code);
    }
    Bytes unknown_codec = three_records();
    unknown_codec[22] = 5;
    CHECK(BatchView::parse(unknown_codec)->codec().code() == ErrorCode::corrupt_message);
}

TEST_CASE("a header alone is enough to scan a file") {
    const Bytes bytes = three_records(Codec::zstd);
    const auto header = BatchHeaderView::parse(ByteView{bytes}.first(kBatchHeaderBytes));
    REQUIRE(header.has_value());
    CHECK(header->size_bytes() == bytes.size());
    CHECK(header->base_offset() == 100);
    CHECK(header->last_offset() == 102);
    CHECK(header->next_offset() == 103);
    CHECK(BatchHeaderView::parse(ByteView{bytes}.first(60)).code() == ErrorCode::would_block);
}

TEST_CASE("stamps change only what they say") {
    Bytes bytes = three_records();
    const Bytes before = bytes;
    MutableBatchView batch = *MutableBatchView::parse(bytes);
    batch.set_base_offset(500);
    batch.set_leader_epoch(9);
    CHECK(batch.verify_crc());
    CHECK(batch.base_offset() == 500);
    CHECK(batch.last_offset() == 502);
    CHECK(batch.leader_epoch() == 9);
    CHECK(std::equal(bytes.begin() + 16, bytes.end(), before.begin() + 16));

    batch.set_max_timestamp(TimestampType::log_append_time, 777);
    CHECK(batch.verify_crc());
    for (const Plain& record : *read(batch)) CHECK(record.timestamp == 777);
    batch.set_max_timestamp(TimestampType::create_time, 1000);
    CHECK(batch.verify_crc());
    CHECK(std::equal(bytes.begin() + 16, bytes.end(), before.begin() + 16));
}

TEST_CASE("a decompression bomb is refused") {
    BatchBuilder builder({.codec = Codec::zstd});
    const Bytes zeros(10000000);
    builder.append(1, std::nullopt, ByteView{zeros});
    const Bytes bytes = *builder.finish();
    CHECK(bytes.size() < 10000);
    Bytes scratch;
    const BatchView batch = *BatchView::parse(bytes);
    CHECK(batch.records(scratch, 1000000).code() == ErrorCode::record_list_too_large);
    CHECK(scratch.size() <= 1000000);
    CHECK(batch.records(scratch).has_value());
}

TEST_CASE("batches back to back, the last one cut") {
    Bytes bytes;
    for (int i = 0; i < 3; ++i) {
        const Bytes one = three_records();
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    const size_t size = bytes.size() / 3;
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        size_t seen = 0;
        const auto used = for_each_batch(ByteView{bytes}.first(cut), [&](BatchView) { ++seen; });
        REQUIRE(used.has_value());
        CHECK(seen == cut / size);
        CHECK(*used == seen * size);
    }
    bytes[size + 16] = 9;
    size_t seen = 0;
    CHECK(for_each_batch(bytes, [&](BatchView) { ++seen; }).code() == ErrorCode::corrupt_message);
    CHECK(seen == 1);
}

TEST_CASE("control records") {
    BatchBuilder builder({.base_offset = 7,
                          .producer_id = 4,
                          .producer_epoch = 1,
                          .transactional = true,
                          .control = true});
    builder.append_control(99, ControlType::commit, encode_end_txn_marker(21));
    const Bytes bytes = *builder.finish();
    const BatchView batch = *BatchView::parse(bytes);
    CHECK(batch.is_control());
    const auto records = *read(batch);
    REQUIRE(records.size() == 1);
    CHECK(*decode_control_key(*records[0].key) == ControlType::commit);
    CHECK(*decode_end_txn_marker(*records[0].value) == 21);
    CHECK(decode_control_key(Bytes{0, 0, 0}).code() == ErrorCode::corrupt_message);
    CHECK(decode_control_key(Bytes{0xff, 0xff, 0, 0}).code() == ErrorCode::corrupt_message);
    CHECK(decode_end_txn_marker(Bytes{0, 0, 0, 0, 0}).code() == ErrorCode::corrupt_message);
}

TEST_CASE("an emptied batch is a bare header that keeps its offsets and sequence") {
    BatchBuilder builder({.base_offset = 50,
                          .producer_id = 4,
                          .producer_epoch = 1,
                          .base_sequence = 10,
                          .last_offset = 59,
                          .emptied_max_timestamp = 333});
    const Bytes bytes = *builder.finish();
    CHECK(bytes.size() == kBatchHeaderBytes);
    const BatchView batch = *BatchView::parse(bytes);
    CHECK(batch.verify_crc());
    CHECK(batch.last_offset() == 59);
    CHECK(batch.last_sequence() == 19);
    CHECK(batch.base_timestamp() == -1);
    CHECK(batch.max_timestamp() == 333);
    CHECK(read(batch)->empty());
}
