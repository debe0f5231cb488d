#include "client/partition_table.h"

#include <doctest/doctest.h>

namespace millrace::client {
namespace {

FetchedChunk chunk_of(size_t bytes) {
    static const std::vector<uint8_t> memory(1000);
    return {
        .memory = nullptr, .left = ByteView(memory).first(bytes), .aborted = {}, .aborting = {}};
}

TEST_CASE("partitions that stay assigned keep all they have") {
    PartitionTable table;
    table.assign(std::vector<TopicPartition>{{"a", 0}, {"b", 1}});
    const PartitionPtr stays = table.find({"a", 0});
    const PartitionPtr goes = table.find({"b", 1});
    table.jump(*stays, {5, -1});
    table.add(stays, chunk_of(100));
    table.add(goes, chunk_of(10));
    CHECK(table.buffered_bytes() == 110);
    table.assign(std::vector<TopicPartition>{{"a", 0}, {"c", 2}});
    CHECK(table.find({"a", 0}) == stays);
    CHECK(stays->position.offset == 5);
    CHECK(stays->chunks.size() == 1);
    CHECK_FALSE(goes->assigned);
    CHECK_FALSE(table.find({"b", 1}));
    CHECK(table.buffered_bytes() == 100);
    CHECK(table.ready().size() == 1);
    CHECK(table.find({"c", 2})->need == PartitionState::Need::committed);
}

TEST_CASE("a jump forgets what was fetched, and what is still to come") {
    PartitionTable table;
    table.assign(std::vector<TopicPartition>{{"a", 0}});
    const PartitionPtr p = table.find({"a", 0});
    CHECK_FALSE(p->fetchable());
    table.jump(*p, {5, -1});
    CHECK(p->fetchable());
    table.add(p, chunk_of(100));
    p->fetch_offset = 50;
    const uint64_t version = p->version;
    table.jump(*p, {7, 3});
    CHECK(p->version != version);
    CHECK(p->fetch_offset == 7);
    CHECK(p->chunks.empty());
    CHECK(table.ready().empty());
    CHECK(table.buffered_bytes() == 0);
    // An epoch that is known is checked against the leader first.
    CHECK(p->need == PartitionState::Need::validation);
    CHECK_FALSE(p->fetchable());
    table.lose(*p, PartitionState::Need::reset, -2);
    CHECK(p->position.offset == -1);
    CHECK(p->reset_to == -2);
    CHECK_FALSE(p->fetchable());
}

TEST_CASE("errors wait for the application, each once and so many") {
    PartitionTable table;
    CHECK_FALSE(table.take_error());
    for (int i = 0; i < 3; i++) table.raise(fail(ErrorCode::corrupt_message, "same"));
    CHECK(table.take_error()->message == "same");
    CHECK_FALSE(table.take_error());
    for (int i = 0; i < 1000; i++) table.raise(fail(ErrorCode::corrupt_message, std::to_string(i)));
    int taken = 0;
    while (table.take_error()) taken++;
    CHECK(taken < 100);
}

}  // namespace
}  // namespace millrace::client
