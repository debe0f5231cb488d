// Log directories that Apache Kafka wrote, opened by us.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "storage/log_manager.h"
#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

constexpr TimestampMs kNow = 1795378600000;

LogConfig config_of_sample(const std::string& topic) {
    LogConfig config{.retention_ms = kUnlimited};
    if (topic == "orders" || topic == "compacted" || topic == "txn")
        config.index_interval_bytes = 128;
    if (topic == "codecs") config.index_interval_bytes = 0;
    config.cleanup_compact = topic == "compacted" || topic == "counts";
    return config;
}

struct Sample : TestPlace {
    explicit Sample(std::string_view name) {
        const std::string archive = fmt::format("tests/data/storage/{}.tar.gz", name);
        REQUIRE(std::system(fmt::format("tar xzf {} -C {}", archive, root).c_str()) == 0);
        std::ifstream dump(fmt::format("tests/data/storage/{}.dump.txt", name));
        for (std::string line; std::getline(dump, line);) {
            std::istringstream words(line);
            std::string kind;
            std::string directory;
            words >> kind >> directory;
            std::string rest;
            std::getline(words, rest);
            (kind == "batch" ? batches : aborts)[directory].push_back(rest);
        }
        REQUIRE(batches.size() > 10);
    }
    Result<std::unique_ptr<LogManager>> start() {
        const LogManagerConfig config{.directories = {root + "/d1", root + "/d2"},
                                      .producer_id_expiration_ms = INT64_MAX};
        return run(LogManager::start(disk, rng, config, config_of_sample, kNow));
    }
    // The files of partitions, by path.
    std::map<std::string, std::string> files() const {
        std::map<std::string, std::string> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
            const std::string path = entry.path().string();
            if (!entry.is_regular_file() || !path.contains("/0000")) continue;
            std::ifstream in(path, std::ios::binary);
            found[path.substr(root.size() + 1)] = {std::istreambuf_iterator<char>(in), {}};
        }
        return found;
    }

    Rng rng{1};
    std::map<std::string, std::vector<std::string>> batches;
    std::map<std::string, std::vector<std::string>> aborts;
};

// "<base> <last> <crc>" of each batch from the log's start on, as the dump has them.
std::vector<std::string> read_all(TestPlace& place, Log& log) {
    std::vector<std::string> lines;
    Offset from = log.start_offset();
    while (from < log.end_offset()) {
        auto result = place.run(log.read({from, log.end_offset(), 1000, true}));
        if (!result || result->records.empty()) break;
        const auto bytes = flatten(result->records);
        const auto all = protocol::for_each_batch(bytes, [&](protocol::BatchView batch) {
            CHECK(batch.verify_crc());
            lines.push_back(
                fmt::format(" {} {} {}", batch.base_offset(), batch.last_offset(), batch.crc()));
        });
        CHECK(*all == bytes.size());
        from = result->next_offset;
    }
    return lines;
}

void check_partition(Sample& sample, LogManager& logs, const TopicPartition& name) {
    const auto log = sample.run(logs.open(name, kNow));
    if (!log) FAIL(log.error().describe());
    const std::string directory = (*log)->directory().substr(sample.root.size() + 1);
    CAPTURE(directory);
    auto expected = sample.batches[directory];
    // Below the log start nothing is readable, though its file has it.
    std::erase_if(expected, [&](const std::string& line) {
        Offset base = 0;
        Offset last = 0;
        std::istringstream(line) >> base >> last;
        return last < (*log)->start_offset();
    });
    CHECK(read_all(sample, **log) == expected);
    CHECK((*log)->topic_id().has_value());
    const auto aborted =
        sample.run((*log)->aborted_transactions((*log)->start_offset(), (*log)->end_offset()));
    REQUIRE(aborted.has_value());
    std::vector<AbortedTransaction> told;
    for (const std::string& line : sample.aborts[directory]) {
        AbortedTransaction& row = told.emplace_back();
        std::istringstream(line) >> row.producer_id >> row.first_offset;
    }
    CHECK(*aborted == told);
}

}  // namespace

TEST_CASE("a directory that Kafka stopped cleanly is read in full and left as it was") {
    Sample sample("clean");
    const auto before = sample.files();
    auto logs = sample.start();
    if (!logs) FAIL(logs.error().describe());
    CHECK((*logs)->directories()[0].clean);
    CHECK((*logs)->directories()[0].meta.node_id == 1);
    CHECK((*logs)->partitions().size() > 15);
    for (const TopicPartition& name : (*logs)->partitions()) check_partition(sample, **logs, name);
    const Log& orders = **sample.run((*logs)->open({"orders", 0}, kNow));
    CHECK(orders.start_offset() == 33);
    CHECK(orders.end_offset() == 130);
    const Log& txn = **sample.run((*logs)->open({"txn", 0}, kNow));
    CHECK(txn.last_stable_offset() == 50);
    CHECK(txn.producers().size() == 2);
    REQUIRE(sample.run((*logs)->stop(42, kNow)).has_value());
    logs->reset();
    CHECK(sample.files() == before);
    auto again = sample.start();
    REQUIRE(again.has_value());
    CHECK((*again)->directories()[1].clean);
    CHECK((*again)->directories()[1].broker_epoch == 42);
    CHECK((*again)->find({"orders", 0}) == nullptr);
}

TEST_CASE(
    "a directory of a killed Kafka is recovered with all its batches, and indexed as Kafka would") {
    Sample sample("killed");
    const auto before = sample.files();
    auto logs = sample.start();
    if (!logs) FAIL(logs.error().describe());
    CHECK_FALSE((*logs)->directories()[0].clean);
    for (const TopicPartition& name : (*logs)->partitions()) check_partition(sample, **logs, name);
    REQUIRE(sample.run((*logs)->stop(1, kNow)).has_value());
    logs->reset();
    for (const auto& [path, after] : sample.files()) {
        const auto old = before.find(path);
        if (old == before.end() || path.contains("__cluster_metadata")) continue;
        CAPTURE(path);
        if (path.ends_with(".log")) CHECK(after == old->second);
        if (!path.ends_with(".index")) continue;
        // Kafka was restarted while these two grew, and began to count the interval anew.
        if (path.contains("orders-0/00000000000000000106") ||
            path.contains("txn-0/00000000000000000031"))
            continue;
        // What Kafka had written, without its preallocated zeros.
        CHECK(old->second.starts_with(after));
        CHECK(old->second.find_first_not_of('\0', after.size()) == std::string::npos);
    }
    auto again = sample.start();
    REQUIRE(again.has_value());
    CHECK((*again)->directories()[0].clean);
    for (const TopicPartition& name : (*again)->partitions())
        check_partition(sample, **again, name);
}

// For tests/interop/storage_kafka.sh: Kafka's sample with our records added, for Kafka to open.
TEST_CASE("a sample directory for Kafka is written when one is asked for") {
    const char* target = std::getenv("MILLRACE_SAMPLE_DIR");
    if (!target) return;
    Sample sample("killed");
    // A partition that never held a record has no segment files here.
    for (const char* suffix : {".log", ".index", ".timeindex"})
        std::filesystem::remove(sample.root + "/d1/empty-2/00000000000000000000" + suffix);
    std::filesystem::remove(sample.root + "/d1/empty-2/leader-epoch-checkpoint");
    auto logs = sample.start();
    REQUIRE(logs.has_value());
    for (const char* topic : {"orders", "codecs", "txn", "logappend"}) {
        Log& log = **sample.run((*logs)->open({topic, 0}, kNow));
        const LeaderEpoch epoch = log.latest_epoch() + 1;
        for (int i = 0; i < 200; ++i) {
            if (i % 90 == 50) REQUIRE(log.roll(kNow).has_value());
            auto batch = make_batch(1 + i % 3, fmt::format("ours {}", i),
                                    {.producer_id = 900,
                                     .producer_epoch = static_cast<ProducerEpoch>(i),
                                     .base_sequence = 0},
                                    kNow + i);
            auto done = log.append_as_leader(to_append(std::move(batch)),
                                             {.leader_epoch = epoch, .now = kNow});
            REQUIRE(done.has_value());
            log.set_high_watermark(log.end_offset());
        }
    }
    REQUIRE(sample.run((*logs)->stop(-1, kNow)).has_value());
    logs->reset();
    std::filesystem::copy(sample.root, target, std::filesystem::copy_options::recursive);
}
