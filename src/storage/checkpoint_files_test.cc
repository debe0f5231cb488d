#include "storage/checkpoint_files.h"

#include <doctest/doctest.h>

#include "base/crc32c.h"
#include "storage/epoch_cache.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"
#include "storage/producer_state.h"

using namespace millrace;
using namespace millrace::storage;

TEST_CASE("offset checkpoints: Kafka's text, and what is refused") {
    OffsetCheckpointText text;
    text.add({"orders", 0}, 130);
    text.add({"a.b_c-d", 12}, 0);
    CHECK(text.finish() == "0\n2\norders 0 130\na.b_c-d 12 0\n");
    const auto parsed = parse_offset_checkpoint(text.finish());
    REQUIRE(parsed.has_value());
    CHECK(parsed->size() == 2);
    CHECK(parsed->at({"a.b_c-d", 12}) == 0);
    CHECK(parse_offset_checkpoint("")->empty());
    CHECK(parse_offset_checkpoint("0\n0\n")->empty());
    for (const char* bad :
         {"1\n0\n", "0\n", "0\nx\n", "0\n1\n", "0\n1\nt 0\n", "0\n1\nt 0 -1\n", "0\n1\nt -1 5\n",
          "0\n1\nt 0 5x\n", "0\n2\nt 0 5\n", "0\n1\nt 0 99999999999999999999\n", "\n"}) {
        CAPTURE(bad);
        CHECK(parse_offset_checkpoint(bad).code() == ErrorCode::malformed);
    }
}

TEST_CASE("epoch checkpoints ascend") {
    const std::vector<EpochStart> entries{{0, 0}, {3, 120}};
    CHECK(format_epoch_checkpoint(entries) == "0\n2\n0 0\n3 120\n");
    CHECK(*parse_epoch_checkpoint("0\n2\n0 0\n3 120\n") == entries);
    for (const char* bad : {"0\n2\n0 0\n", "0\n2\n3 0\n0 5\n", "0\n2\n0 7\n1 5\n", "0\n1\n0\n"})
        CHECK(parse_epoch_checkpoint(bad).code() == ErrorCode::malformed);
}

TEST_CASE("the other small files") {
    const Uuid id = *Uuid::parse("1fsMMVl-TKKFN__LTbtwCg");
    const std::string text = format_partition_metadata(id);
    CHECK(text.size() == 43);
    CHECK(*parse_partition_metadata(text) == id);
    CHECK(parse_partition_metadata("version: 1\ntopic_id: 1fsMMVl-TKKFN__LTbtwCg").code() ==
          ErrorCode::malformed);
    CHECK(parse_partition_metadata("").code() == ErrorCode::malformed);
    CHECK(*parse_clean_shutdown(format_clean_shutdown(77)) == 77);
    CHECK(*parse_clean_shutdown("") == -1);
    MetaProperties meta{.cluster_id = "c-1", .node_id = 3, .directory_id = id};
    const auto back = MetaProperties::parse(meta.format());
    REQUIRE(back.has_value());
    CHECK(back->cluster_id == "c-1");
    CHECK(back->node_id == 3);
    CHECK(back->directory_id == id);
    CHECK(MetaProperties::parse("version=7\n").code() == ErrorCode::malformed);
    // As Java writes it: what would end the key, or the line, is escaped.
    meta = {.cluster_id = "a=b\r", .node_id = 1};
    CHECK(MetaProperties::parse(meta.format())->cluster_id == meta.cluster_id);
    CHECK(MetaProperties::parse("cluster.id=a\\=b\r\nnode.id=1")->cluster_id == "a=b");
}

TEST_CASE("a producer snapshot that contradicts itself is refused, and changes nothing") {
    // Header (version, CRC, count), then entries of 46 bytes: producer id first, at the end the
    // first offset of its open transaction.
    const auto snapshot = [](std::initializer_list<std::pair<ProducerId, Offset>> entries) {
        std::vector<uint8_t> bytes(10 + 46 * entries.size());
        store_be<int16_t>(bytes.data(), 1);
        store_be<int32_t>(bytes.data() + 6, static_cast<int32_t>(entries.size()));
        uint8_t* entry = bytes.data() + 10;
        for (const auto& [id, start] : entries) {
            store_be<int64_t>(entry, id);
            store_be<int64_t>(entry + 38, start);
            entry += 46;
        }
        store_be<uint32_t>(bytes.data() + 2, crc32c(ByteView{bytes}.subspan(6)));
        return bytes;
    };
    ProducerState state;
    REQUIRE(state.load_snapshot(snapshot({{1, 7}, {2, -1}}), 0, INT64_MAX));
    CHECK(state.active().size() == 2);
    CHECK(state.first_unstable() == 7);
    for (const auto& bad : {snapshot({{3, 9}, {3, 5}}), snapshot({{3, 9}, {4, 9}})}) {
        CHECK(state.load_snapshot(bad, 0, INT64_MAX).code() == ErrorCode::malformed);
        CHECK(state.active().size() == 2);
        CHECK(state.first_unstable() == 7);
    }
}

TEST_CASE("names of files and directories") {
    CHECK(offset_file_path("d", 42, kLogSuffix) == "d/00000000000000000042.log");
    const auto swap = parse_offset_file("00000000000000000042.timeindex.swap");
    REQUIRE(swap.has_value());
    CHECK(swap->offset == 42);
    CHECK(swap->kind == kTimeIndexSuffix);
    CHECK(swap->mark == kSwapSuffix);
    for (const char* other : {"00000000000000000042", "42.log", "00000000000000000042.log.x",
                              "99999999999999999999.log", "leader-epoch-checkpoint"})
        CHECK_FALSE(parse_offset_file(other).has_value());
    const TopicPartition tp{"a-b", 7};
    CHECK(partition_directory_name(tp) == "a-b-7");
    CHECK(parse_partition_directory("a-b-7") == tp);
    for (const char* other : {"a", "-1", "a-", "a-01", "a-x", "a b-1", "..-1", "a-99999999999"})
        CHECK_FALSE(parse_partition_directory(other).has_value());
    const std::string deleted =
        marked_directory_name({std::string(249, 't'), 10}, Uuid{1, 2}, "-delete");
    CHECK(deleted.size() == 255);
    CHECK(is_marked_directory(deleted, "-delete"));
    CHECK_FALSE(is_marked_directory(deleted, "-stray"));
    CHECK_FALSE(parse_partition_directory(deleted).has_value());
}

TEST_CASE("the epoch cache answers as KIP-101 asks") {
    EpochCache cache;
    CHECK(cache.end_of(0, 0) == EpochEnd{});
    cache.assign(2, 10);
    cache.assign(4, 20);
    cache.assign(3, 25);  // older than the latest: ignored
    CHECK(cache.end_of(4, 30) == EpochEnd{4, 30});
    CHECK(cache.end_of(3, 30) == EpochEnd{2, 20});
    CHECK(cache.end_of(2, 30) == EpochEnd{2, 20});
    CHECK(cache.end_of(1, 30) == EpochEnd{1, 10});
    CHECK(cache.end_of(5, 30) == EpochEnd{});
    CHECK(cache.epoch_at(19) == 2);
    CHECK(cache.epoch_at(9) == -1);
    cache.truncate_from_start(15);
    CHECK(cache.entries() == std::vector<EpochStart>{{2, 15}, {4, 20}});
    cache.assign(6, 20);  // nothing was written in epoch 4
    CHECK(cache.entries() == std::vector<EpochStart>{{2, 15}, {6, 20}});
    cache.truncate_from_end(15);
    CHECK(cache.entries().empty());
}
