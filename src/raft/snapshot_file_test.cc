#include "raft/snapshot_file.h"

#include <fstream>
#include <iterator>

#include <doctest/doctest.h>

namespace millrace::raft {
namespace {

std::string read_sample(const std::string& name) {
    std::ifstream in("tests/data/metadata_log/" + name, std::ios::binary);
    REQUIRE(in.good());
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Read {
    SnapshotContent content;
    std::vector<std::string> records;
};
Result<Read> read_all(std::string_view file) {
    Read out;
    TRY(out.content, read_snapshot(as_bytes(file), [&](ByteView record) -> Result<void> {
            out.records.emplace_back(as_text(record));
            return {};
        }));
    return out;
}

TEST_CASE("snapshot names") {
    struct Case {
        const char* name;
        std::optional<SnapshotId> id;
    };
    const Case cases[] = {
        {"00000000000000000000-0000000000.checkpoint", SnapshotId{0, 0}},
        {"00000000000000000266-0000000002.checkpoint", SnapshotId{266, 2}},
        {"09223372036854775807-2147483647.checkpoint", SnapshotId{INT64_MAX, INT32_MAX}},
        {"99999999999999999999-0000000000.checkpoint", std::nullopt},
        {"00000000000000000266-9999999999.checkpoint", std::nullopt},
        {"00000000000000000266-0000000002.checkpoint.part", std::nullopt},
        {"00000000000000000266_0000000002.checkpoint", std::nullopt},
        {"-0000000000000000266-0000000002.checkpoint", std::nullopt},
        {"bootstrap.checkpoint", std::nullopt},
        {"", std::nullopt},
    };
    for (const Case& c : cases) {
        CAPTURE(c.name);
        CHECK(parse_snapshot_file_name(c.name) == c.id);
        if (c.id) CHECK(snapshot_file_name(*c.id) == c.name);
    }
    CHECK(is_snapshot_leftover("00000000000000000266-0000000002123.checkpoint.part"));
    CHECK(is_snapshot_leftover("00000000000000000266-0000000002.checkpoint.deleted"));
    CHECK_FALSE(is_snapshot_leftover("00000000000000000266-0000000002.checkpoint"));
}

TEST_CASE("the snapshots of an Apache Kafka node are read, and written back byte for byte") {
    for (const char* name : {"bootstrap.checkpoint", "00000000000000000000-0000000000.checkpoint",
                             "00000000000000000266-0000000002.checkpoint"}) {
        CAPTURE(name);
        const std::string file = read_sample(name);
        auto read = read_all(file);
        REQUIRE(read);
        const auto id = parse_snapshot_file_name(name).value_or(SnapshotId{});
        SnapshotWriter writer({.epoch = id.epoch,
                               .now = 7,
                               .last_contained_timestamp = read->content.last_contained_timestamp,
                               .kraft_version = read->content.control.kraft_version,
                               .voters = read->content.control.voters});
        for (const std::string& record : read->records) writer.append(as_bytes(record));
        auto written = writer.finish();
        REQUIRE(written);
        CHECK(written->size() == file.size());  // but for timestamps and checksums
        auto again = read_all(*written);
        REQUIRE(again);
        CHECK(again->records == read->records);
        CHECK(again->content.control.voters == read->content.control.voters);
        CHECK(again->content.last_contained_timestamp == read->content.last_contained_timestamp);
    }
    auto first = read_all(read_sample("00000000000000000000-0000000000.checkpoint"));
    REQUIRE(first);
    CHECK(first->content.control.kraft_version == 1);
    REQUIRE(first->content.control.voters.size() == 1);
    const Voter& voter = first->content.control.voters[0];
    CHECK(voter.id == 1);
    CHECK(voter.directory_id.to_string() == "MhSPZ576TmONLIeIVJoEzA");
    CHECK(voter.endpoints == std::vector<VoterEndpoint>{{"CONTROLLER", "127.0.0.1", 27093}});
}

TEST_CASE("a snapshot that is not whole is refused") {
    const std::string file = read_sample("00000000000000000073-0000000001.checkpoint");
    for (size_t size = 0; size < file.size(); size += 7) {
        CAPTURE(size);
        CHECK_FALSE(read_all(std::string_view(file).substr(0, size)));
    }
    for (size_t at = 17; at < file.size(); at += 11) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        CAPTURE(at);
        auto read = read_all(damaged);
        // Base offsets and leader epochs are outside the checksum and of no meaning here.
        if (read) CHECK(read->records == read_all(file)->records);
    }
    CHECK_FALSE(read_all(file + file));
}

}  // namespace
}  // namespace millrace::raft
