// What happens to produced records. Every expected code was measured on Kafka 4.3.1 unless the case
// says that we differ.
#include "protocol/record_batch_validator.h"

#include <functional>

#include <doctest/doctest.h>

#include "base/random.h"
#include "protocol/record_batch_builder.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

using Bytes = std::vector<uint8_t>;
constexpr TimestampMs kNow = 1700000000000;
constexpr int64_t kHour = 3600000;

struct Input {
    Codec codec = Codec::none;
    BatchOptions options;
    std::vector<TimestampMs> timestamps = {kNow, kNow, kNow};
    std::vector<int> without_key;
    // Changes to the finished batch, before the CRC is set right again.
    std::function<void(Bytes&)> change;
    // Changes to the uncompressed records; only used through `raw`.
    std::function<void(Bytes&)> change_records;
};

Bytes make(const Input& in) {
    BatchOptions options = in.options;
    options.codec = Codec::none;
    BatchBuilder builder(options);
    for (size_t i = 0; i < in.timestamps.size(); ++i) {
        const bool bare =
            std::find(in.without_key.begin(), in.without_key.end(), i) != in.without_key.end();
        builder.append(in.timestamps[i],
                       bare ? std::nullopt : std::optional<ByteView>(as_bytes("k")),
                       as_bytes("value"));
    }
    Bytes bytes = *builder.finish();
    if (in.change_records) {
        Bytes records(bytes.begin() + kBatchHeaderBytes, bytes.end());
        in.change_records(records);
        bytes.resize(kBatchHeaderBytes);
        bytes.insert(bytes.end(), records.begin(), records.end());
    }
    if (in.codec != Codec::none) {
        const Bytes records(bytes.begin() + kBatchHeaderBytes, bytes.end());
        bytes.resize(kBatchHeaderBytes);
        REQUIRE(compress(in.codec, CompressionLevels{}.of(in.codec), records, bytes));
        bytes[22] = static_cast<uint8_t>(bytes[22] | static_cast<uint8_t>(in.codec));
    }
    store_be(bytes.data() + 8, static_cast<int32_t>(bytes.size() - 12));
    if (in.change) in.change(bytes);
    MutableBatchView batch = *MutableBatchView::parse_frame(bytes);
    batch.set_producer(batch.producer_id(), batch.producer_epoch(), batch.base_sequence());
    return bytes;
}

// Sets bytes of the batch.
std::function<void(Bytes&)> put(size_t at, Bytes bytes) {
    return [at, bytes](Bytes& batch) {
        std::copy(bytes.begin(), bytes.end(), batch.begin() + static_cast<long>(at));
    };
}

AppendRules rules() {
    return {.now = kNow};
}

ErrorCode code_of(Bytes bytes, const AppendRules& r) {
    const Bytes before = bytes;
    const auto result = validate_for_append(bytes, r);
    if (result) return ErrorCode::none;
    CHECK(bytes == before);
    CHECK(!result.error().detail.empty());
    return result.error().code;
}

}  // namespace

TEST_CASE("headers and records of one batch, for every codec") {
    struct Case {
        const char* name;
        ErrorCode code;
        Input input;
    };
    const ErrorCode ok = ErrorCode::none;
    const ErrorCode invalid = ErrorCode::invalid_record;
    // A record here is 13 bytes: length, attributes, timestamp delta, offset delta, key length,
    // 'k', value length, 5, headers.
    const Case cases[] = {
        {"sound", ok, {}},
        {"base offset 5", invalid, {.options = {.base_offset = 5}}},
        {"leader epoch 7", ok, {.options = {.leader_epoch = 7}}},
        {"count 0", invalid, {.change = put(57, {0, 0, 0, 0})}},
        {"count negative", invalid, {.change = put(57, {0xff})}},
        {"last offset delta negative", invalid, {.change = put(23, {0xff})}},
        {"last offset delta beyond the count", invalid, {.change = put(26, {5})}},
        {"count above the records",
         invalid,
         {.change =
              [](Bytes& b) {
                  b[26] = 3;
                  b[60] = 4;
              }}},
        {"count below the records",
         invalid,
         {.change =
              [](Bytes& b) {
                  b[26] = 1;
                  b[60] = 2;
              }}},
        {"control", invalid, {.options = {.control = true}}},
        {"producer id without sequence",
         invalid,
         {.options = {.producer_id = 5, .producer_epoch = 0}}},
        {"producer id without epoch", ok, {.options = {.producer_id = 5, .base_sequence = 0}}},
        {"sequence without producer id", ok, {.options = {.base_sequence = 3}}},
        {"producer id -2", ok, {.options = {.producer_id = -2, .base_sequence = 0}}},
        {"delete horizon bit", ok, {.change = put(22, {0x40})}},
        {"unused attribute bits", ok, {.change = put(21, {0x7f})}},
        {"record attributes", ok, {.change_records = put(1, {5})}},
        {"a byte after the last record",
         invalid,
         {.change_records = [](Bytes& b) { b.push_back(0); }}},
        {"record length negative", invalid, {.change_records = put(0, {0x05})}},
        {"header count 1 without header", invalid, {.change_records = put(12, {0x02})}},
        {"header count -1", invalid, {.change_records = put(12, {0x01})}},
        {"value length beyond the record", invalid, {.change_records = put(6, {0x7e})}},
        {"timestamp -1", ok, {.timestamps = {-1}}},
        // Kafka differs in the rest: it takes these uncompressed, answers -1 when it would keep the
        // codec, and renumbers when it changes the codec.
        {"offset deltas 0, 2, 1",
         invalid,
         {.change_records =
              [](Bytes& b) {
                  b[13 + 3] = 4;
                  b[26 + 3] = 2;
              }}},
        {"offset delta -1", invalid, {.timestamps = {kNow}, .change_records = put(3, {1})}},
        {"key length -2", invalid, {.change_records = put(4, {3})}},
        // Refused by Kafka when uncompressed, taken when compressed.
        {"record length one too large", invalid, {.change_records = put(0, {26})}},
        {"record length one too small", invalid, {.change_records = put(0, {22})}},
    };
    for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
        for (const Case& c : cases) {
            CAPTURE(codec_name(codec));
            CAPTURE(c.name);
            Input input = c.input;
            input.codec = codec;
            // Cases that set the attributes byte as a whole keep the codec in it.
            if (std::string_view(c.name) == "delete horizon bit") {
                input.change = [](Bytes& b) { b[22] = static_cast<uint8_t>(b[22] | 0x40); };
            }
            const Bytes bytes = make(input);
            CHECK(code_of(bytes, rules()) == c.code);
            AppendRules converting = rules();
            converting.compression = codec == Codec::gzip ? Codec::none : Codec::gzip;
            CHECK(code_of(bytes, converting) == c.code);
        }
    }
}

TEST_CASE("what surrounds the batch") {
    const Bytes batch = make({});
    const auto with = [&](Bytes tail) {
        Bytes out = batch;
        out.insert(out.end(), tail.begin(), tail.end());
        return out;
    };
    const auto changed = [&](size_t at, Bytes bytes) {
        Bytes out = batch;
        put(at, bytes)(out);
        return out;
    };
    struct Case {
        const char* name;
        Bytes bytes;
        ErrorCode code;
        bool message_on_wire = false;
    };
    const Case cases[] = {
        {"nothing", {}, ErrorCode::invalid_record},
        {"10 bytes", Bytes(batch.begin(), batch.begin() + 10), ErrorCode::invalid_record},
        {"16 bytes", Bytes(batch.begin(), batch.begin() + 16), ErrorCode::invalid_record},
        {"40 bytes", Bytes(batch.begin(), batch.begin() + 40), ErrorCode::invalid_record},
        {"cut", Bytes(batch.begin(), batch.end() - 1), ErrorCode::invalid_record},
        {"two batches", with(batch), ErrorCode::invalid_record},
        {"a cut second batch", with(Bytes(batch.begin(), batch.end() - 3)), ErrorCode::none},
        {"5 more bytes", with({1, 2, 3, 4, 5}), ErrorCode::none},
        {"magic 0", changed(16, {0}), ErrorCode::invalid_record},
        {"magic 1", changed(16, {1}), ErrorCode::invalid_record},
        {"magic 3", changed(16, {3}), ErrorCode::corrupt_message, true},
        {"magic -1", changed(16, {0xff}), ErrorCode::corrupt_message, true},
        {"length 0", changed(8, {0, 0, 0, 0}), ErrorCode::corrupt_message, true},
        {"length -1", changed(8, {255, 255, 255, 255}), ErrorCode::corrupt_message, true},
        {"length 13", changed(8, {0, 0, 0, 13}), ErrorCode::corrupt_message, true},
        {"length 14", changed(8, {0, 0, 0, 14}), ErrorCode::corrupt_message},
        {"length 48", changed(8, {0, 0, 0, 48}), ErrorCode::corrupt_message},
        {"length 49", changed(8, {0, 0, 0, 49}), ErrorCode::corrupt_message},
        {"length 2^31-1", changed(8, {127, 255, 255, 255}), ErrorCode::unknown_server_error},
        {"wrong CRC", changed(17, {1, 2, 3, 4}), ErrorCode::corrupt_message},
        {"wrong CRC and base offset", changed(7, {1}), ErrorCode::invalid_record},
    };
    for (const Case& c : cases) {
        CAPTURE(c.name);
        Bytes bytes = c.bytes;
        const auto result = validate_for_append(bytes, rules());
        CHECK((result ? ErrorCode::none : result.error().code) == c.code);
        if (result) CHECK(result->batch.bytes().size() == batch.size());
        if (!result) CHECK(result.error().wire_message.has_value() == c.message_on_wire);
    }
}

TEST_CASE("old magics and zstd, by version of Produce") {
    // One record of magic 1: offset 0, size 22 + 1, CRC, magic, attributes, timestamp, null key,
    // value "v".
    Bytes old = {0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,    23,   0, 0, 0, 0, 1,  0,
                 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 'v'};
    const Bytes zstd = make({.codec = Codec::zstd});
    for (const int16_t version : std::vector<int16_t>{3, 6, 7, 8, 13}) {
        AppendRules r = rules();
        r.produce_version = version;
        CHECK(code_of(old, r) == ErrorCode::invalid_record);
        CHECK(code_of(zstd, r) ==
              (version < 7 ? ErrorCode::unsupported_compression_type : ErrorCode::none));
    }
}

TEST_CASE("codecs that do not exist and blocks that do not decompress") {
    for (const uint8_t number : Bytes{5, 6, 7}) {
        CHECK(code_of(make({.change = put(22, {number})}), rules()) ==
              ErrorCode::unknown_server_error);
    }
    for (const uint8_t number : Bytes{1, 2, 3, 4}) {
        // Uncompressed records that claim a codec.
        CHECK(code_of(make({.change = put(22, {number})}), rules()) ==
              ErrorCode::unknown_server_error);
    }
}

TEST_CASE("sizes: the batch as sent, as recompressed, and decompressed") {
    const Bytes plain = make({.timestamps = std::vector<TimestampMs>(100, kNow)});
    AppendRules r = rules();
    r.batch_bytes_max = plain.size();
    CHECK(code_of(plain, r) == ErrorCode::none);
    r.batch_bytes_max = plain.size() - 1;
    CHECK(code_of(plain, r) == ErrorCode::message_too_large);
    Bytes packed = make({.codec = Codec::gzip, .timestamps = std::vector<TimestampMs>(100, kNow)});
    CHECK(code_of(packed, r) == ErrorCode::none);
    r.compression = Codec::none;
    CHECK(code_of(packed, r) == ErrorCode::message_too_large);
    r = rules();
    r.decompressed_bytes_max = 1000;
    CHECK(code_of(packed, r) == ErrorCode::message_too_large);
}

TEST_CASE("timestamps and keys, record by record") {
    AppendRules r = rules();
    SUBCASE("too far ahead") {
        Bytes bytes =
            make({.timestamps = {kNow, kNow + kHour, kNow + kHour + 1, kNow + 2 * kHour}});
        const auto result = validate_for_append(bytes, r);
        REQUIRE(!result);
        CHECK(result.error().code == ErrorCode::invalid_timestamp);
        CHECK(result.error().wire_message.has_value());
        REQUIRE(result.error().record_errors.size() == 2);
        CHECK(result.error().record_errors[0].batch_index == 2);
        CHECK(result.error().record_errors[1].batch_index == 3);
    }
    SUBCASE("too old") {
        r.timestamp_before_max_ms = 1000;
        CHECK(code_of(make({.timestamps = {kNow - 1000}}), r) == ErrorCode::none);
        CHECK(code_of(make({.timestamps = {kNow - 1001}}), r) == ErrorCode::invalid_timestamp);
        CHECK(code_of(make({.timestamps = {-1}}), r) == ErrorCode::none);
        r.log_append_time = true;
        CHECK(code_of(make({.timestamps = {5}}), r) == ErrorCode::none);
    }
    SUBCASE("extreme values do not overflow") {
        r.timestamp_before_max_ms = std::numeric_limits<int64_t>::max();
        r.timestamp_after_max_ms = std::numeric_limits<int64_t>::max();
        (void)code_of(make({.timestamps = {std::numeric_limits<int64_t>::min(),
                                           std::numeric_limits<int64_t>::max()}}),
                      r);
    }
    SUBCASE("no key in a compacted topic") {
        r.compacted = true;
        Bytes bytes = make({.without_key = {1, 2}});
        const auto result = validate_for_append(bytes, r);
        REQUIRE(!result);
        CHECK(result.error().code == ErrorCode::invalid_record);
        CHECK(result.error().wire_message.has_value());
        REQUIRE(result.error().record_errors.size() == 2);
        CHECK(result.error().record_errors[0].batch_index == 1);
        CHECK(code_of(make({}), r) == ErrorCode::none);
    }
    SUBCASE("a wrong timestamp outranks a missing key") {
        r.compacted = true;
        Bytes bytes = make({.timestamps = {kNow, kNow + 2 * kHour}, .without_key = {0}});
        const auto result = validate_for_append(bytes, r);
        REQUIRE(!result);
        CHECK(result.error().code == ErrorCode::invalid_timestamp);
        CHECK(result.error().record_errors.size() == 2);
    }
    SUBCASE("log append time is not the producer's to set, where the topic has it") {
        const Input input{.options = {.log_append_time = kNow}};
        CHECK(code_of(make(input), r) == ErrorCode::none);
        r.log_append_time = true;
        CHECK(code_of(make(input), r) == ErrorCode::invalid_timestamp);
    }
}

TEST_CASE("what the leader writes into the batch") {
    for (const Codec codec : {Codec::none, Codec::lz4}) {
        CAPTURE(codec_name(codec));
        AppendRules r = rules();
        const Input input{.codec = codec, .timestamps = {kNow + 5, kNow + 9, kNow + 9, kNow}};
        SUBCASE("a sound batch stays as it is") {
            Bytes bytes = make(input);
            const Bytes before = bytes;
            const auto result = validate_for_append(bytes, r);
            REQUIRE(result.has_value());
            CHECK(bytes == before);
            CHECK(result->rewritten.empty());
            CHECK(result->max_timestamp == kNow + 9);
            CHECK(result->max_timestamp_delta == 1);
        }
        SUBCASE("a wrong max timestamp is set right") {
            for (const uint8_t wrong : Bytes{0, 255}) {
                Input spoilt = input;
                spoilt.change = put(42, {wrong});
                Bytes bytes = make(spoilt);
                const auto result = validate_for_append(bytes, r);
                REQUIRE(result.has_value());
                CHECK(result->batch.max_timestamp() == kNow + 9);
                CHECK(BatchView::parse(bytes)->verify_crc());
            }
        }
        SUBCASE("log append time") {
            r.log_append_time = true;
            r.now = kNow + 77;
            Bytes bytes = make(input);
            const auto result = validate_for_append(bytes, r);
            REQUIRE(result.has_value());
            const BatchView batch = *BatchView::parse(bytes);
            CHECK(batch.timestamp_type() == TimestampType::log_append_time);
            CHECK(batch.max_timestamp() == kNow + 77);
            CHECK(batch.base_timestamp() == kNow + 5);
            CHECK(batch.verify_crc());
            CHECK(result->max_timestamp_delta == 3);
        }
        SUBCASE("the topic's codec") {
            for (const Codec target : {Codec::none, Codec::gzip, Codec::zstd, codec}) {
                r.compression = target;
                r.log_append_time = target == Codec::zstd;
                Bytes bytes = make(input);
                const auto result = validate_for_append(bytes, r);
                REQUIRE(result.has_value());
                CHECK(result->rewritten.empty() == (target == codec));
                CHECK(*result->batch.codec() == target);
                CHECK(result->batch.verify_crc());
                CHECK(result->batch.record_count() == 4);
                Bytes scratch;
                std::vector<TimestampMs> timestamps;
                REQUIRE(for_each_record(result->batch, scratch, [&](const RecordView& record) {
                    timestamps.push_back(record.timestamp);
                }));
                CHECK(timestamps ==
                      (r.log_append_time ? std::vector<TimestampMs>(4, kNow) : input.timestamps));
            }
        }
    }
}

TEST_CASE("the coordinator may write control records and any base offset") {
    AppendRules r = rules();
    r.origin = AppendOrigin::coordinator;
    CHECK(code_of(make({.options = {.base_offset = 5, .control = true}}), r) == ErrorCode::none);
}

TEST_CASE("random damage never crashes, and what passes can be read") {
    Rng rng(5);
    for (int round = 0; round < 4000; ++round) {
        const auto codec = static_cast<Codec>(rng.below(5));
        Bytes bytes = make(
            {.codec = codec, .timestamps = {kNow, kNow + 1, kNow - 5}, .change = [&](Bytes& b) {
                 for (uint64_t i = 0; i <= rng.below(3); ++i) {
                     b[21 + rng.below(b.size() - 21)] = static_cast<uint8_t>(rng.next());
                 }
             }});
        AppendRules r = rules();
        if (rng.chance(0.3)) r.compression = static_cast<Codec>(rng.below(5));
        const auto result = validate_for_append(bytes, r);
        if (!result) continue;
        CHECK(result->batch.verify_crc());
        Bytes scratch;
        CHECK(for_each_record(result->batch, scratch, [](const RecordView&) {}).has_value());
    }
}
