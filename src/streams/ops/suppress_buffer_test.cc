#include "streams/ops/suppress_buffer.h"

#include <doctest/doctest.h>

#include "streams/errors.h"
#include "streams/state/testing.h"

using namespace millrace::streams;
using millrace::TimestampMs;
using ops::DirtyKeys;
using ops::SuppressBuffer;

namespace {

Bytes unhex(std::string_view hex) {
    Bytes bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
    return bytes;
}
Bytes number(int64_t n) {
    Bytes bytes;
    append_be(bytes, n);
    return bytes;
}

struct Fixture {
    testing::FakeStoreContext context;
    StoreSpec spec{.name = "buffer", .kind = StoreKind::internal};
    SuppressBuffer buffer{spec};
    Headers headers;

    Fixture() { buffer.init(context); }
    void put(TimestampMs time, const Bytes& key, NullableBytes old_value, NullableBytes new_value,
             TimestampMs timestamp, int64_t offset) {
        const RecordContext from{.topic = "in",
                                 .partition = 0,
                                 .offset = offset,
                                 .timestamp = timestamp,
                                 .headers = &headers,
                                 .raw_key = std::nullopt,
                                 .raw_value = std::nullopt};
        buffer.put(time, key, std::move(old_value), std::move(new_value), from);
    }
    std::string evict() {
        std::string all;
        buffer.evict_first([&](const Bytes& key, SuppressBuffer::Entry& entry) {
            all = key + "=" + entry.new_value.value_or("-") + "/" + entry.old_value.value_or("-") +
                  "@" + std::to_string(context.record_context()->timestamp);
        });
        return all;
    }
};

}  // namespace

TEST_CASE("a suppression's changelog is Kafka's to the byte, and gives the buffer back") {
    Fixture f;
    // As Kafka's test kit recorded it of a windowed count that is suppressed (case s28).
    const Bytes key = unhex("610000000000000000");
    f.put(100, key, number(0), number(1), 10, 0);
    f.buffer.flush();
    f.put(100, key, number(1), number(2), 60, 1);
    f.buffer.flush();
    f.buffer.flush();
    REQUIRE(f.context.log.size() == 2);
    CHECK(f.context.log[0].key == key);
    CHECK(
        f.context.log[0].value ==
        unhex("000000000000000a000000000000000000000002696e0000000000000000000000080000000000000000"
              "fffffffe0000000800000000000000010000000000000064"));
    CHECK(f.context.log[1].value ==
          unhex("000000000000003c000000000000000100000002696e00000000000000000000000800000000000000"
                "000000000800000000000000010000000800000000000000020000000000000064"));
    CHECK_FALSE(f.context.log[1].timestamp.has_value());
    // Two counts of one-letter keys in windows take 118 bytes when the second came once.
    CHECK(f.buffer.bytes() == 63);
    f.put(100, unhex("620000000000000000"), number(0), number(1), 70, 2);
    CHECK(f.buffer.bytes() == 118);
    CHECK(f.buffer.records() == 2);

    SuppressBuffer again(f.spec);
    again.init(f.context);
    const Headers version{{"v", Bytes(1, '\3')}};
    for (const auto& change : f.context.log)
        again.restore(change.key, view_of(change.value), 0, version);
    REQUIRE(again.records() == 1);
    CHECK(again.bytes() == 63);
    CHECK(again.first_time() == 100);
    REQUIRE(again.find(key) != nullptr);
    CHECK(again.find(key)->prior == number(0));
    CHECK(again.find(key)->old_value == number(1));
    CHECK(again.find(key)->new_value == number(2));
    CHECK(again.find(key)->topic == "in");
    CHECK(again.find(key)->timestamp == 60);
    CHECK_THROWS_AS(again.restore(key, view_of(f.context.log[0].value), 0, {}),
                    ProcessorStateException);
    for (size_t size = 0; size < f.context.log[0].value->size(); ++size)
        CHECK_THROWS_AS(
            again.restore("x", BytesView(*f.context.log[0].value).substr(0, size), 0, version),
            ProcessorStateException);
    again.restore(key, std::nullopt, 0, {});
    CHECK(again.empty());
    CHECK(again.bytes() == 0);
}

TEST_CASE("headers of what waits are kept, and come back") {
    Fixture f;
    f.headers = {{"hh", "vvv"}, {"none", std::nullopt}};
    f.put(20, "b", std::nullopt, "2222", 20, 1);
    f.buffer.flush();
    CHECK(f.buffer.bytes() == 8 + 1 + 4 + 20 + 2 + 5 + 4);
    SuppressBuffer again(f.spec);
    again.init(f.context);
    again.restore("b", view_of(f.context.log[0].value), 0, {{"v", Bytes(1, '\3')}});
    REQUIRE(again.find("b") != nullptr);
    CHECK(again.find("b")->headers == f.headers);
    CHECK(again.bytes() == f.buffer.bytes());
}

TEST_CASE("changes leave by time, then key; a later change of a key keeps the place") {
    Fixture f;
    f.put(20, "b", std::nullopt, "1", 20, 0);
    f.put(10, "c", std::nullopt, "2", 10, 1);
    f.put(10, "a", "0", "3", 10, 2);
    f.put(30, "c", "2", "4", 30, 3);
    CHECK(f.buffer.first_time() == 10);
    CHECK(f.evict() == "a=3/0@10");
    CHECK(f.evict() == "c=4/2@30");
    CHECK(f.evict() == "b=1/-@20");
    CHECK(f.buffer.empty());
    CHECK(f.buffer.bytes() == 0);
    f.buffer.flush();
    for (const auto& change : f.context.log) CHECK_FALSE(change.value.has_value());
}

TEST_CASE("what changed is written in the order of Java's hash table") {
    DirtyKeys keys;
    // As recorded: the order of changes, and that of the changelog's records.
    for (const char* key :
         {"6300000000000001910000000000000191", "6300000000000000410000000000000041",
          "62000000000000004f000000000000004f", "620000000000000051000000000000004f",
          "61000000000000005a000000000000005a", "62000000000000005c000000000000004f"})
        keys.add(unhex(key));
    const std::vector<Bytes> expected{
        unhex("6300000000000001910000000000000191"), unhex("6300000000000000410000000000000041"),
        unhex("62000000000000004f000000000000004f"), unhex("61000000000000005a000000000000005a"),
        unhex("62000000000000005c000000000000004f"), unhex("620000000000000051000000000000004f")};
    CHECK(keys.take() == expected);
    CHECK(keys.take().empty());
}
