#include "cli/kafka/replica_check.h"

#include <doctest/doctest.h>

#include "protocol/record_batch_builder.h"

using namespace millrace;
using namespace millrace::cli::kafka;

namespace {

using Bytes = std::vector<uint8_t>;

// A batch of so many records from an offset on.
Bytes batch(Offset base, int count, std::string_view value) {
    protocol::BatchBuilder builder({.base_offset = base});
    for (int i = 0; i != count; ++i) builder.append(1, {}, as_bytes(value));
    const auto built = builder.finish();
    REQUIRE(built);
    return Bytes(built->begin(), built->end());
}

Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

ReplicaCheck check(const std::vector<ReplicaPiece>& pieces) {
    const auto done = check_replicas({"t", 0}, 0, pieces);
    REQUIRE(done);
    return *done;
}

}  // namespace

TEST_CASE("replicas agree as far as all of them have it") {
    const Bytes two = batch(0, 3, "a") + batch(3, 2, "b");
    const Bytes one = batch(0, 3, "a");
    CHECK(check({{1, 5, two}, {2, 5, two}}).next == 5);
    CHECK(check({{1, 5, two}, {2, 5, one}}).next == 3);
    CHECK(check({{1, 5, two}, {2, 4, two}}).next == 3);  // not replicated yet
    CHECK(check({{1, 5, two}, {2, 5, {}}}).next == 0);
    CHECK(check({{1, 5, two}}).next == 5);
    Bytes cut = two;
    cut.pop_back();
    CHECK(check({{1, 5, two}, {2, 5, cut}}).next == 3);
    CHECK(check({}).next == 0);
}

TEST_CASE("replicas that differ") {
    const Bytes left = batch(0, 3, "a") + batch(3, 2, "b");
    const auto other = check({{1, 5, left}, {2, 5, batch(0, 3, "x") + batch(3, 2, "b")}});
    REQUIRE(other.complaints.size() == 1);
    CHECK(other.complaints[0].starts_with(
        "partition t-0 has unmatched checksum at offset 2; replica 1's checksum "));
    CHECK(other.next == 5);
    CHECK(!other.parted);
    const auto parted = check({{1, 9, left}, {2, 9, batch(0, 3, "a") + batch(3, 4, "b")}});
    REQUIRE(parted.complaints.size() == 1);
    CHECK(parted.complaints[0] ==
          "partition t-0: replica 1's offset 4 doesn't match replica 2's offset 6");
    CHECK(parted.next == 3);
    CHECK(parted.parted);
}

TEST_CASE("what is no batch is an error") {
    const Bytes noise(100, 7);
    const std::vector<ReplicaPiece> pieces{{1, 5, noise}};
    CHECK(!check_replicas({"t", 0}, 0, pieces));
}
