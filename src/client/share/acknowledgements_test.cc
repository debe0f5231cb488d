#include "client/share/acknowledgements.h"

#include <doctest/doctest.h>

#include "client/share/config.h"
#include "client/share/session.h"

using namespace millrace;
using namespace millrace::client;

namespace {

const TopicPartition kPlace{"t", 0};
const Uuid kTopic{1, 2};
using Range = DeliveredRecords::Range;
using Ranges = std::vector<AcknowledgedRange>;
constexpr auto kAccept = AcknowledgeType::accept;
constexpr auto kRelease = AcknowledgeType::release;
constexpr auto kRenew = AcknowledgeType::renew;

Settings settings(std::initializer_list<std::pair<const char*, const char*>> pairs) {
    Settings out;
    out.set("bootstrap.servers", "localhost:9092");
    for (const auto& [name, value] : pairs) out.set(name, value);
    return out;
}

}  // namespace

TEST_CASE("a whole delivery becomes one range") {
    DeliveredRecords records;
    records.add(kPlace, kTopic, 1, std::vector<Range>{{0, 4}, {5, 9}});
    records.add(kPlace, kTopic, 1, std::vector<Range>{{12, 12}});
    CHECK(records.open() == 11);
    CHECK(records.take().empty());
    CHECK_FALSE(records.acknowledge(kPlace, 3, kAccept));
    const auto parts = records.take_all(kAccept);
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].node == 1);
    CHECK(parts[0].ranges == Ranges{{0, 9, kAccept}, {12, 12, kAccept}});
    CHECK(records.open() == 0);
    CHECK(records.take_all(kAccept).empty());
}

TEST_CASE("records one by one, with gaps between them") {
    DeliveredRecords records;
    const std::vector<Offset> there{10, 12, 13};
    records.add_each(kPlace, kTopic, 1, std::vector<Range>{{10, 13}}, there);
    CHECK(records.open() == 3);
    CHECK_FALSE(records.acknowledge(kPlace, 11, kAccept));
    CHECK_FALSE(records.acknowledge({"t", 1}, 10, kAccept));
    CHECK(records.acknowledge(kPlace, 10, kAccept));
    CHECK(records.acknowledge(kPlace, 12, kAccept));
    CHECK(records.acknowledge(kPlace, 12, kRelease));
    auto parts = records.take();
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].ranges ==
          Ranges{{10, 10, kAccept}, {11, 11, AcknowledgeType::gap}, {12, 12, kRelease}});
    CHECK(records.open() == 1);
    CHECK_FALSE(records.acknowledge(kPlace, 10, kAccept));
    parts = records.take_all(kRelease);
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].ranges == Ranges{{13, 13, kRelease}});
}

TEST_CASE("a renewed record stays until its last word, or until the renewal failed") {
    DeliveredRecords records;
    const std::vector<Offset> there{0, 1};
    records.add_each(kPlace, kTopic, 1, std::vector<Range>{{0, 1}}, there);
    CHECK(records.acknowledge(kPlace, 0, kRenew));
    CHECK(records.acknowledge(kPlace, 1, kRenew));
    CHECK(records.open() == 0);
    const auto parts = records.take();
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].renews());
    CHECK(records.take().empty());
    CHECK(records.acknowledge(kPlace, 0, kAccept));
    records.forget(parts[0]);
    CHECK_FALSE(records.acknowledge(kPlace, 1, kAccept));
    CHECK(records.take()[0].ranges == Ranges{{0, 0, kAccept}});
}

TEST_CASE("of a record that came twice, the newer delivery counts") {
    DeliveredRecords records;
    const std::vector<Offset> there{5};
    records.add_each(kPlace, kTopic, 1, std::vector<Range>{{5, 5}}, there);
    CHECK(records.acknowledge(kPlace, 5, kRenew));
    (void)records.take();
    records.add_each(kPlace, kTopic, 2, std::vector<Range>{{5, 5}}, there);
    CHECK(records.acknowledge(kPlace, 5, kAccept));
    const auto parts = records.take();
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].node == 2);
}

TEST_CASE("a share session names what changes") {
    ShareSession session;
    protocol::ShareFetchRequest first;
    session.name(first, {{{"a", 0}, kTopic}, {{"a", 1}, kTopic}}, {});
    CHECK(first.share_session_epoch == 0);
    REQUIRE(first.topics.size() == 1);
    CHECK(first.topics[0].partitions.size() == 2);
    CHECK_FALSE(session.open());
    session.answered();
    REQUIRE(session.find(kTopic, 1) != nullptr);
    CHECK(session.find(kTopic, 1)->topic == "a");

    protocol::ShareFetchRequest second;
    std::vector<PartitionAcknowledgement> said;
    said.push_back({.place = {"a", 1}, .topic_id = kTopic, .node = 1, .ranges = {{3, 4, kAccept}}});
    session.name(second, {{{"a", 1}, kTopic}, {{"a", 2}, kTopic}}, said);
    CHECK(second.share_session_epoch == 1);
    REQUIRE(second.topics.size() == 1);
    REQUIRE(second.topics[0].partitions.size() == 2);
    CHECK(second.topics[0].partitions[0].acknowledgement_batches.size() == 1);
    CHECK(second.topics[0].partitions[1].partition_index == 2);
    REQUIRE(second.forgotten_topics_data.size() == 1);
    CHECK(second.forgotten_topics_data[0].partitions == std::vector<int32_t>{0});
    session.answered();
    session.forget();
    CHECK_FALSE(session.open());
    CHECK(session.find(kTopic, 1) == nullptr);
}

TEST_CASE("the properties of a share consumer") {
    const auto plain = ShareConsumerConfig::from(settings({{"group.id", "g"}}));
    REQUIRE(plain.has_value());
    CHECK(plain->acknowledgement == AcknowledgementMode::implicit_accept);
    CHECK(plain->acquire == AcquireMode::batch_optimized);
    CHECK(plain->max_poll_records == 500);
    const auto other =
        ShareConsumerConfig::from(settings({{"group.id", "g"},
                                            {"share.acknowledgement.mode", "explicit"},
                                            {"share.acquire.mode", "RECORD_LIMIT"},
                                            {"max.poll.records", "10"}}));
    REQUIRE(other.has_value());
    CHECK(other->acknowledgement == AcknowledgementMode::explicit_each);
    CHECK(other->acquire == AcquireMode::record_limit);
    CHECK(ShareConsumerConfig::from(settings({})).code() == ErrorCode::invalid_config);
    for (const char* name : {"auto.offset.reset", "enable.auto.commit", "group.instance.id",
                             "group.protocol", "isolation.level", "session.timeout.ms",
                             "partition.assignment.strategy", "heartbeat.interval.ms"})
        CHECK(ShareConsumerConfig::from(settings({{"group.id", "g"}, {name, "1"}})).code() ==
              ErrorCode::invalid_config);
    CHECK(ShareConsumerConfig::from(settings({{"group.id", "g"}, {"share.acquire.mode", "all"}}))
              .code() == ErrorCode::invalid_config);
}
