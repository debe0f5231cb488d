// What the dump reads from files that Apache Kafka has written: tests/data/metadata_log.
#include <doctest/doctest.h>

#include <cstdlib>

#include "cli/dump/index_files.h"
#include "cli/dump/record_text.h"
#include "cli/dump/segment_walk.h"
#include "cli/kafka/tool.h"

namespace millrace::cli {
namespace {

const std::string kLog = "tests/data/metadata_log/00000000000000000000.log";

// What a tool prints, and its status.
std::pair<int, std::string> run(const char* program, const kafka::Words& words) {
    char* text = nullptr;
    size_t size = 0;
    std::FILE* out = open_memstream(&text, &size);
    std::FILE* err = std::fopen("/dev/null", "w");
    const int status = kafka::find_tool(program)->run({.out = out, .err = err}, words);
    std::fclose(out);
    std::fclose(err);
    std::string said{text, size};
    std::free(text);
    return {status, said};
}

}  // namespace

TEST_CASE("a log is walked batch by batch, up to a limit") {
    LocalDisk local;
    auto file = BatchFile::open(local, kLog);
    REQUIRE(file.has_value());
    uint64_t bytes = 0;
    Offset next = 0;
    const auto count = [&](protocol::BatchView batch, uint64_t position) -> Result<void> {
        CHECK(position == bytes);
        CHECK(batch.base_offset() >= next);
        CHECK(batch.verify_crc());
        next = batch.next_offset();
        bytes += batch.size_bytes();
        return {};
    };
    const auto whole = walk_batches(*file, UINT64_MAX, count);
    REQUIRE(whole.has_value());
    CHECK(*whole == file->size());
    const Offset end = next;
    bytes = 0;
    next = 0;
    const auto part = walk_batches(*file, 1000, count);
    CHECK(*part == bytes);
    CHECK(*part <= 1000);
    CHECK(next < end);
    // From the middle, and back.
    CHECK((*file->batch_at(0, UINT64_MAX))->base_offset() == 0);
    CHECK_FALSE(file->batch_at(file->size(), UINT64_MAX)->has_value());
    CHECK_FALSE(BatchFile::open(local, "tests/data/nosuch.log").has_value());
}

TEST_CASE("records of the metadata log are decoded, others are told as they are") {
    const auto [status, text] =
        run("kafka-dump-log.sh", {"--cluster-metadata-decoder", "--files", kLog});
    CHECK(status == 0);
    CHECK(text.starts_with("Dumping " + kLog + "\nLog starting offset: 0\nbaseOffset: 0 "));
    CHECK(text.contains(R"("type":"TOPIC_RECORD","version":0,"data":{"name":"orders")"));
    CHECK(text.contains("LeaderChange"));
    CHECK(text.contains("\"value\":1048576.0"));
    CHECK_FALSE(text.contains("isvalid: false"));
    CHECK_FALSE(text.contains("skipping"));
    const auto [missing, nothing] = run("kafka-dump-log.sh", {"--print-data-log"});
    CHECK(missing == 1);
    CHECK(nothing.empty());
    // Bytes that are none of its records.
    const ByteView odd = as_bytes("\x61\x62");
    const auto said = record_text(Decoder::metadata, {.offset = 4, .value = odd});
    CHECK(
        said->payload ==
        "Error at 4, skipping. Could not deserialize metadata record due to unknown frame version "
        "97(only frame version 1 is supported)");
    CHECK(record_text(Decoder::text, {.key = as_bytes("k"), .value = as_bytes("\xff")})->payload ==
          "\xef\xbf\xbd");
    CHECK_FALSE(record_text(Decoder::offsets, {.value = odd}).has_value());
    CHECK(record_text(Decoder::offsets, {.offset = 2, .key = odd, .value = odd})->key ==
          "Unknown record type 24930 at offset 2, skipping.");
}

TEST_CASE("names of files begin with an offset") {
    CHECK(*base_offset_of("/a/b/00000000000000000054.index") == 54);
    for (const auto wrong : {"a.log", "/a/.log", "12x.log"})
        CHECK_MESSAGE(!base_offset_of(wrong).has_value(), wrong);
    CHECK_FALSE(read_producer_snapshot(as_bytes("xx")).has_value());
    CHECK_FALSE(read_producer_snapshot(as_bytes(std::string(14, '\1'))).has_value());
}

}  // namespace millrace::cli
