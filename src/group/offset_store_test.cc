#include "group/offset_store.h"

#include <doctest/doctest.h>

namespace millrace::group {
namespace {

void apply(OffsetStore& store, const coordinator::Record& record, Offset at) {
    coordinator::RecordView view{at, record.key, {}};
    if (record.value) view.value = ByteView{*record.value};
    CHECK(store.apply(view).has_value());
}

OffsetEntry entry(Offset offset, uint64_t topic) {
    return {.offset = offset, .topic_id = {0, topic}};
}

TEST_CASE("the later record wins, in whatever order they are applied") {
    OffsetStore store;
    apply(store, OffsetStore::to_record("g", "t", 0, entry(6, 1)), 11);
    apply(store, OffsetStore::to_record("g", "t", 0, entry(5, 1)), 10);
    CHECK(store.find("g", "t", 0)->offset == 6);
    apply(store, OffsetStore::tombstone("g", "t", 0), 9);
    CHECK(store.find("g", "t", 0)->offset == 6);
    apply(store, OffsetStore::tombstone("g", "t", 0), 12);
    CHECK(!store.has("g"));
}

TEST_CASE("topics are counted by name and id") {
    OffsetStore store;
    using Counts = OffsetStore::TopicCounts;
    apply(store, OffsetStore::to_record("g", "t", 0, entry(1, 1)), 0);
    apply(store, OffsetStore::to_record("g", "t", 1, entry(1, 1)), 1);
    apply(store, OffsetStore::to_record("h", "t", 0, entry(1, 1)), 2);
    CHECK(store.topics() == Counts{{{"t", {0, 1}}, 3}});
    apply(store, OffsetStore::to_record("g", "t", 0, entry(2, 2)), 3);  // the topic was made anew
    CHECK(store.topics() == Counts{{{"t", {0, 1}}, 2}, {{"t", {0, 2}}, 1}});
    apply(store, OffsetStore::tombstone("g", "t", 0), 4);
    apply(store, OffsetStore::tombstone("g", "t", 0), 5);
    apply(store, OffsetStore::tombstone("g", "t", 1), 6);
    apply(store, OffsetStore::tombstone("h", "t", 0), 7);
    CHECK(store.topics().empty());
    CHECK(store.size() == 0);
}

void apply_pending(OffsetStore& store, const coordinator::Record& record, Offset at,
                   ProducerId producer) {
    const coordinator::RecordView view{at, record.key, ByteView{*record.value}, producer};
    CHECK(store.apply(view).has_value());
}

TEST_CASE("offsets of a transaction count from its marker on, or never") {
    OffsetStore store;
    apply(store, OffsetStore::to_record("g", "t", 0, entry(1, 1)), 0);
    apply_pending(store, OffsetStore::to_record("g", "t", 0, entry(5, 1)), 1, 77);
    apply_pending(store, OffsetStore::to_record("h", "t", 0, entry(6, 1)), 2, 77);
    apply_pending(store, OffsetStore::to_record("g", "t", 1, entry(7, 1)), 3, 78);
    CHECK(store.find("g", "t", 0)->offset == 1);
    CHECK(store.has_pending("g", "t", 0));
    CHECK(store.has_pending("g", "t", 1));
    CHECK_FALSE(store.has_pending("g", "t", 2));
    CHECK(store.has("h"));
    store.apply({.producer_id = 78, .commit = false});
    CHECK_FALSE(store.has_pending("g", "t", 1));
    CHECK(store.find("g", "t", 1) == nullptr);
    store.apply({.producer_id = 77, .commit = true});
    CHECK(store.find("g", "t", 0)->offset == 5);
    CHECK(store.find("h", "t", 0)->offset == 6);
    CHECK_FALSE(store.has_pending("g"));
    CHECK(store.size() == 2);
    store.apply({.producer_id = 77, .commit = false});  // of a transaction without offsets
    CHECK(store.size() == 2);
}

TEST_CASE("what was committed since is not overwritten by a transaction's older record") {
    OffsetStore store;
    apply_pending(store, OffsetStore::to_record("g", "t", 0, entry(5, 1)), 1, 77);
    apply(store, OffsetStore::to_record("g", "t", 0, entry(9, 1)), 2);
    store.apply({.producer_id = 77, .commit = true});
    CHECK(store.find("g", "t", 0)->offset == 9);
}

TEST_CASE("a deleted offset is deleted in open transactions too") {
    OffsetStore store;
    apply_pending(store, OffsetStore::to_record("g", "t", 0, entry(5, 1)), 1, 77);
    apply_pending(store, OffsetStore::to_record("g", "t", 1, entry(6, 1)), 2, 77);
    std::vector<PartitionIndex> pending;
    store.each_pending("g", [&](std::string_view, PartitionIndex p) { pending.push_back(p); });
    CHECK(pending == std::vector<PartitionIndex>{0, 1});
    apply(store, OffsetStore::tombstone("g", "t", 0), 3);
    CHECK_FALSE(store.has_pending("g", "t", 0));
    apply(store, OffsetStore::tombstone("g", "t", 1), 4);
    CHECK_FALSE(store.has("g"));
    store.apply({.producer_id = 77, .commit = true});
    CHECK(store.size() == 0);
}

TEST_CASE("records that are cut are refused") {
    OffsetStore store;
    coordinator::Record record = OffsetStore::to_record("g", "t", 0, entry(1, 1));
    for (size_t size = 0; size < record.value->size(); size++) {
        coordinator::RecordView view{0, record.key, ByteView{*record.value}.first(size)};
        CHECK(!store.apply(view).has_value());
    }
}

}  // namespace
}  // namespace millrace::group
