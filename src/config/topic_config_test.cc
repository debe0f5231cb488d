#include "config/topic_config.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::config;

TEST_CASE("without overrides a topic has the defaults") {
    CHECK(*TopicConfig::make({}, BrokerConfig::defaults()) == TopicConfig{});
}

TEST_CASE("a topic's value: override, broker, all brokers, file, default") {
    const auto file = BrokerConfig::load(
        "message.max.bytes=10\nlog.roll.hours=1\nlog.retention.ms=-7\n", "f", {});
    REQUIRE(file.has_value());
    const BrokerConfig& fixed = file->config;
    CHECK(TopicConfig::make({}, fixed)->max_message_bytes == 10);
    CHECK(TopicConfig::make({}, fixed)->segment_ms == 3'600'000);
    CHECK(TopicConfig::make({}, fixed)->retention_ms == -1);
    const BrokerConfig all = fixed.with_dynamic({}, {{"message.max.bytes", "20"}});
    CHECK(TopicConfig::make({}, all)->max_message_bytes == 20);
    const BrokerConfig one =
        fixed.with_dynamic({{"message.max.bytes", "30"}}, {{"message.max.bytes", "20"}});
    CHECK(TopicConfig::make({}, one)->max_message_bytes == 30);
    CHECK(TopicConfig::make({{"max.message.bytes", "40"}}, one)->max_message_bytes == 40);
    CHECK(TopicConfig::make({{"max.message.bytes", "forty"}}, one)->max_message_bytes == 30);
    CHECK(TopicConfig::make({}, fixed.with_dynamic({{"log.roll.ms", "5"}}, {}))->segment_ms == 5);
}

TEST_CASE("texts become enumerations and flags") {
    const BrokerConfig broker = BrokerConfig::defaults();
    const auto c = TopicConfig::make({{"cleanup.policy", "compact"},
                                      {"message.timestamp.type", "LogAppendTime"},
                                      {"compression.type", "lz4"},
                                      {"preallocate", "TRUE"},
                                      {"min.cleanable.dirty.ratio", "0x1p-2"},
                                      {"leader.replication.throttled.replicas", "0:1, 1:2"}},
                                     broker);
    CHECK(!c->cleanup_delete);
    CHECK(c->cleanup_compact);
    CHECK(c->timestamp_type == TimestampType::log_append_time);
    CHECK(c->compression_type == CompressionType::lz4);
    CHECK(c->preallocate);
    CHECK(c->min_cleanable_dirty_ratio == 0.25);
    CHECK(c->leader_throttled_replicas == std::vector<std::string>{"0:1", "1:2"});
    const auto both = TopicConfig::make({{"cleanup.policy", "compact,delete"}}, broker);
    CHECK((both->cleanup_delete && both->cleanup_compact));
    const auto none = TopicConfig::make({{"cleanup.policy", ""}}, broker);
    CHECK((!none->cleanup_delete && !none->cleanup_compact));
}

TEST_CASE("the hidden segment size wins, and is at least a byte") {
    const BrokerConfig broker = BrokerConfig::defaults();
    CHECK(TopicConfig::make({{"internal.segment.bytes", "2000"}, {"segment.bytes", "1048576"}},
                            broker)
              ->segment_bytes == 2000);
    CHECK(TopicConfig::make({{"internal.segment.bytes", "-5"}}, broker)->segment_bytes == 1);
}
