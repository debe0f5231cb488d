// Batches that Kafka and other libraries have written (tests/data/golden/batches), against ours.
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include "base/crc32c.h"
#include "protocol/record_batch_builder.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

struct Vector {
    std::string name;
    std::vector<uint8_t> bytes;
    std::vector<std::string> expected;
};

std::vector<uint8_t> from_base64(std::string_view text) {
    std::vector<uint8_t> out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::string_view alphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const size_t at = alphabet.find(c);
        if (at == std::string_view::npos) break;
        bits = bits << 6 | static_cast<uint32_t>(at);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out.push_back(static_cast<uint8_t>(bits >> count));
        }
    }
    return out;
}

std::vector<Vector> load(const char* path) {
    std::ifstream in(path);
    REQUIRE_MESSAGE(in, "run in the project's top folder: ", path);
    std::vector<Vector> out;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("name ")) {
            out.push_back({.name = line.substr(5)});
        } else if (line.starts_with("bytes ")) {
            out.back().bytes = from_base64(std::string_view(line).substr(6));
        } else if (!line.empty() && line[0] != '#') {
            out.back().expected.push_back(line);
        }
    }
    return out;
}

std::string render(std::optional<ByteView> bytes) {
    if (!bytes) return "-";
    if (bytes->size() > 48) return fmt::format("{}:{:08x}", bytes->size(), crc32c(*bytes));
    std::string out = "0x";
    for (const uint8_t byte : *bytes) out += fmt::format("{:02x}", byte);
    return out;
}

std::string render(BatchView b) {
    std::string flags;
    if (b.is_transactional()) flags += 'T';
    if (b.is_control()) flags += 'C';
    if (b.has_delete_horizon()) flags += 'H';
    if (flags.empty()) flags = "-";
    return fmt::format(
        "batch {} {} {} {} {} {} {} {} {} {} {} {} {} {}", b.base_offset(), b.last_offset(),
        b.bytes().size(), codec_name(*b.codec()),
        b.timestamp_type() == TimestampType::create_time ? "CreateTime" : "LogAppendTime",
        b.base_timestamp(), b.max_timestamp(), b.leader_epoch(), b.producer_id(),
        b.producer_epoch(), b.base_sequence(), b.last_sequence(), b.record_count(), flags);
}

std::string render(const RecordView& r) {
    std::string out = fmt::format("record {} {} {} {} {}", r.offset, r.timestamp, r.sequence,
                                  render(r.key), render(r.value));
    for (const RecordHeader& header : r.headers) {
        out += fmt::format(" {}={}", render(as_bytes(header.key)), render(header.value));
    }
    return out;
}

// Everything a reader sees in the bytes, in the notation of the files.
Result<std::vector<std::string>> read_all(ByteView bytes) {
    std::vector<std::string> lines;
    std::vector<uint8_t> scratch;
    auto used = for_each_batch(bytes, [&](BatchView batch) -> Result<void> {
        if (!batch.verify_crc()) return fail(ErrorCode::corrupt_message);
        TRY_OK(batch.codec());
        lines.push_back(render(batch));
        return for_each_record(batch, scratch,
                               [&](const RecordView& record) { lines.push_back(render(record)); });
    });
    if (!used) return used.error();
    if (*used != bytes.size()) lines.push_back(fmt::format("trailing {}", bytes.size() - *used));
    return lines;
}

// Reads a batch and writes it anew, record by record.
std::vector<uint8_t> rebuild(BatchView batch) {
    BatchOptions options{.codec = *batch.codec(),
                         .base_offset = batch.base_offset(),
                         .leader_epoch = batch.leader_epoch(),
                         .producer_id = batch.producer_id(),
                         .producer_epoch = batch.producer_epoch(),
                         .base_sequence = batch.base_sequence(),
                         .transactional = batch.is_transactional(),
                         .control = batch.is_control(),
                         .delete_horizon = batch.delete_horizon(),
                         .last_offset = batch.last_offset()};
    if (batch.timestamp_type() == TimestampType::log_append_time) {
        options.log_append_time = batch.max_timestamp();
    }
    if (batch.record_count() == 0) options.emptied_max_timestamp = batch.max_timestamp();
    BatchBuilder builder(options);
    std::vector<uint8_t> scratch;
    REQUIRE(for_each_record(batch, scratch, [&](const RecordView& r) { builder.append_at(r); }));
    return *builder.finish();
}

}  // namespace

TEST_CASE("batches written by Kafka read as Kafka reads them") {
    const auto vectors = load("tests/data/golden/batches/kafka.txt");
    CHECK(vectors.size() > 60);
    for (const Vector& v : vectors) {
        CAPTURE(v.name);
        const auto lines = read_all(v.bytes);
        if (v.expected[0] == "old") {
            CHECK(lines.code() == ErrorCode::unsupported_for_message_format);
        } else if (v.expected[0].starts_with("corrupt")) {
            CHECK(lines.code() == ErrorCode::corrupt_message);
        } else {
            REQUIRE(lines.has_value());
            CHECK(*lines == v.expected);
        }
    }
}

TEST_CASE("batches of other libraries are read or refused as Kafka does") {
    const auto vectors = load("tests/data/golden/batches/foreign.txt");
    CHECK(vectors.size() > 20);
    for (const Vector& v : vectors) {
        CAPTURE(v.name);
        const auto lines = read_all(v.bytes);
        if (v.expected[0] == "corrupt refused") {
            CHECK(lines.code() == ErrorCode::corrupt_message);
        } else {
            REQUIRE(lines.has_value());
            CHECK(v.expected[0] == fmt::format("records {}", lines->size() - 1));
        }
    }
}

TEST_CASE("a batch built anew has Kafka's bytes, or Kafka's content when compressed") {
    int same = 0;
    for (const Vector& v : load("tests/data/golden/batches/kafka.txt")) {
        // With log append time the records' own deltas are not visible, so they cannot be kept.
        if (v.expected[0] == "old" || v.expected[0].starts_with("corrupt")) continue;
        CAPTURE(v.name);
        std::vector<uint8_t> out;
        REQUIRE(for_each_batch(v.bytes, [&](BatchView batch) {
            const auto bytes = rebuild(batch);
            out.insert(out.end(), bytes.begin(), bytes.end());
        }));
        const auto original = *read_all(v.bytes);
        const auto lines = *read_all(out);
        if (!BatchView::parse(v.bytes)->is_compressed() &&
            v.name.find("logappend") == std::string::npos && !v.name.starts_with("v2-several")) {
            CHECK(std::equal(out.begin(), out.end(), v.bytes.begin()));
            ++same;
            continue;
        }
        for (size_t i = 0; i < lines.size(); ++i) {
            if (lines[i].starts_with("record")) CHECK(lines[i] == original[i]);
        }
    }
    CHECK(same > 15);
}

TEST_CASE("every proper prefix of a batch is seen as cut, never as something else") {
    for (const Vector& v : load("tests/data/golden/batches/kafka.txt")) {
        if (!v.expected[0].starts_with("batch") || v.bytes.size() > 1000) continue;
        CAPTURE(v.name);
        for (size_t size = 0; size < v.bytes.size(); ++size) {
            CHECK(BatchView::parse(ByteView{v.bytes}.first(size)).code() == ErrorCode::would_block);
        }
    }
}
