#include "client/consumer_config.h"

#include <doctest/doctest.h>

#include "client/classic_protocol.h"
#include "client/topic_pattern.h"

namespace millrace::client {
namespace {

Result<ConsumerConfig> read(std::initializer_list<const char*> pairs) {
    Settings settings;
    settings.set("bootstrap.servers", "h:1");
    for (const char* pair : pairs) CHECK(settings.set_pair(pair).has_value());
    auto out = ConsumerConfig::from(settings);
    if (out) CHECK(settings.unused().empty());
    return out;
}

TEST_CASE("what is not set has Kafka's defaults") {
    const auto config = read({"group.id=g"});
    REQUIRE(config.has_value());
    CHECK(config->auto_commit);
    CHECK(config->offset_reset.kind == OffsetReset::Kind::latest);
    CHECK(config->assignors == std::vector<std::string>{"range", "cooperative-sticky"});
    CHECK(config->max_poll_records == 500);
    CHECK_FALSE(read({})->auto_commit);
}

TEST_CASE("properties by Kafka's names") {
    const auto config =
        read({"group.id=g", "group.protocol=CONSUMER", "isolation.level=read_committed",
              "partition.assignment.strategy=sticky, "
              "org.apache.kafka.clients.consumer.RoundRobinAssignor",
              "auto.offset.reset=by_duration:PT1H30M", "enable.auto.commit=false"});
    REQUIRE_MESSAGE(config.has_value(), config.error().describe());
    CHECK(config->group_protocol == GroupProtocol::consumer);
    CHECK(config->isolation == IsolationLevel::read_committed);
    CHECK(config->assignors.size() == 2);
    CHECK(config->offset_reset.kind == OffsetReset::Kind::by_duration);
    CHECK(config->offset_reset.duration == std::chrono::minutes(90));
    CHECK_FALSE(config->auto_commit);
}

TEST_CASE("what does not fit is refused") {
    for (const auto& pairs : {std::initializer_list<const char*>{"enable.auto.commit=true"},
                              {"group.protocol=consumer"},
                              {"group.instance.id=x"},
                              {"group.id=g", "auto.offset.reset=sometime"},
                              {"group.id=g", "auto.offset.reset=by_duration:-PT1H"},
                              {"group.id=g", "partition.assignment.strategy=best"},
                              {"group.id=g", "heartbeat.interval.ms=50000"},
                              {"group.id=g", "max.poll.records=0"}}) {
        CAPTURE(*(pairs.end() - 1));
        CHECK(read(pairs).code() == ErrorCode::invalid_config);
    }
}

TEST_CASE("patterns match whole names") {
    const auto pattern = TopicPattern::parse("or.*s");
    REQUIRE(pattern.has_value());
    CHECK(pattern->matches("orders"));
    CHECK_FALSE(pattern->matches("orders2"));
    CHECK(TopicPattern::parse("(?<").code() == ErrorCode::invalid_regular_expression);
}

TEST_CASE("subscriptions and assignments come back as they went") {
    GroupMember member{.topics = {"a", "b"}, .owned = {{"a", 0}, {"a", 2}, {"b", 1}}};
    member.generation = 7;
    member.rack = "r";
    member.user_data = {1, 2, 3};
    auto bytes = encode_subscription(member);
    const auto back = decode_subscription(bytes);
    REQUIRE(back.has_value());
    CHECK(back->topics == member.topics);
    CHECK(back->owned == member.owned);
    CHECK(back->generation == 7);
    CHECK(back->rack == "r");
    CHECK(back->user_data == member.user_data);
    // A version to come, with more behind: read as far as it is known.
    store_be(bytes.data(), int16_t{9});
    CHECK(decode_subscription(bytes).has_value());
    for (size_t cut = 0; cut < bytes.size(); cut++)
        CHECK(decode_subscription(ByteView(bytes).first(cut)).code() == ErrorCode::malformed);

    CHECK(*decode_assignment(encode_assignment(member.owned)) == member.owned);
    CHECK(decode_assignment({})->empty());
}

}  // namespace
}  // namespace millrace::client
