#include "controller/configs.h"

#include "controller/test_cluster.h"

namespace millrace::controller {
namespace {

using metadata::ResourceType;

constexpr int8_t kTopic = 2, kBroker = 4, kLogger = 8, kMetrics = 16, kGroup = 32;

struct Change {
    const char* name;
    int8_t operation;  // 0 set, 1 delete, 2 append, 3 subtract
    std::optional<std::string> value;
};

struct Case {
    const char* what;
    int8_t type;
    const char* resource;
    std::vector<Change> changes;
    ErrorCode wanted;
    config::Overrides after;
};

protocol::IncrementalAlterConfigsRequest request_of(const Case& c) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = c.type;
    resource.resource_name = c.resource;
    for (const Change& change : c.changes) {
        auto& config = resource.configs.emplace_back();
        config.name = change.name;
        config.config_operation = change.operation;
        config.value.reset();
        if (change.value) config.value = protocol::Str(*change.value);
    }
    return request;
}

TEST_CASE("IncrementalAlterConfigs answers as Apache Kafka does") {
    const Case cases[] = {
        {"set", kTopic, "t", {{"retention.ms", 0, "5"}}, ErrorCode::none, {{"retention.ms", "5"}}},
        {"delete what is not set",
         kTopic,
         "t",
         {{"retention.ms", 1, std::nullopt}},
         ErrorCode::none,
         {}},
        {"append",
         kTopic,
         "t",
         {{"cleanup.policy", 2, "compact"}},
         ErrorCode::none,
         {{"cleanup.policy", "delete,compact"}}},
        {"subtract",
         kTopic,
         "t",
         {{"cleanup.policy", 2, "compact"}, {"retention.ms", 0, "7"}},
         ErrorCode::none,
         {{"cleanup.policy", "delete,compact"}, {"retention.ms", "7"}}},
        {"append to a number",
         kTopic,
         "t",
         {{"retention.ms", 2, "5"}},
         ErrorCode::invalid_config,
         {}},
        {"unknown operation",
         kTopic,
         "t",
         {{"retention.ms", 9, "5"}},
         ErrorCode::invalid_request,
         {}},
        {"null", kTopic, "t", {{"retention.ms", 0, std::nullopt}}, ErrorCode::invalid_request, {}},
        {"twice",
         kTopic,
         "t",
         {{"retention.ms", 0, "5"}, {"retention.ms", 0, "6"}},
         ErrorCode::invalid_request,
         {}},
        {"unknown name", kTopic, "t", {{"nope", 0, "5"}}, ErrorCode::invalid_config, {}},
        {"bad value", kTopic, "t", {{"retention.ms", 0, "five"}}, ErrorCode::invalid_config, {}},
        {"unknown topic",
         kTopic,
         "none",
         {{"retention.ms", 0, "5"}},
         ErrorCode::unknown_topic_or_partition,
         {}},
        {"bad topic",
         kTopic,
         "a b",
         {{"retention.ms", 0, "5"}},
         ErrorCode::invalid_topic_exception,
         {}},
        {"no topic", kTopic, "", {{"retention.ms", 0, "5"}}, ErrorCode::invalid_request, {}},
        {"this broker",
         kBroker,
         "1",
         {{"log.cleaner.threads", 0, "2"}},
         ErrorCode::none,
         {{"log.cleaner.threads", "2"}}},
        {"all brokers",
         kBroker,
         "",
         {{"log.cleaner.threads", 0, "2"}},
         ErrorCode::none,
         {{"log.cleaner.threads", "2"}, {"min.insync.replicas", "1"}}},
        {"another broker",
         kBroker,
         "2",
         {{"log.cleaner.threads", 0, "2"}},
         ErrorCode::invalid_request,
         {}},
        {"no broker",
         kBroker,
         "x",
         {{"log.cleaner.threads", 0, "2"}},
         ErrorCode::invalid_request,
         {}},
        {"read only", kBroker, "1", {{"node.id", 0, "2"}}, ErrorCode::invalid_request, {}},
        {"metrics",
         kMetrics,
         "m",
         {{"interval.ms", 0, "60000"}},
         ErrorCode::none,
         {{"interval.ms", "60000"}}},
        {"no metrics", kMetrics, "", {{"interval.ms", 0, "60000"}}, ErrorCode::invalid_request, {}},
        {"group",
         kGroup,
         "g",
         {{"share.auto.offset.reset", 0, "earliest"}},
         ErrorCode::none,
         {{"share.auto.offset.reset", "earliest"}}},
        {"no group",
         kGroup,
         "",
         {{"share.auto.offset.reset", 0, "earliest"}},
         ErrorCode::invalid_request,
         {}},
        {"loggers are the broker's",
         kLogger,
         "1",
         {{"root", 0, "INFO"}},
         ErrorCode::invalid_request,
         {}},
        {"unknown type", 77, "x", {{"root", 0, "INFO"}}, ErrorCode::invalid_request, {}},
    };
    for (const Case& c : cases) {
        CAPTURE(std::string(c.what));
        auto cluster = TestCluster::with_broker();
        cluster.apply({protocol::ConfigRecord{.resource_type = kBroker,
                                              .resource_name = "",
                                              .name = "min.insync.replicas",
                                              .value = protocol::Str("1")}});
        cluster.create("t");
        auto request = request_of(c);
        request.validate_only = true;
        auto dry = cluster.run(incremental_alter_configs, request, 1);
        CHECK(cluster.last_records.empty());
        request.validate_only = false;
        auto response = cluster.run(incremental_alter_configs, request, 1);
        REQUIRE(response.responses.size() == 1);
        const auto& result = response.responses[0];
        INFO((result.error_message ? result.error_message->str() : ""));
        CHECK(code(result.error_code) == c.wanted);
        CHECK(dry.responses[0].error_code == result.error_code);
        CHECK(result.error_message.has_value() == (c.wanted != ErrorCode::none));
        if (c.wanted == ErrorCode::none)
            CHECK(cluster.state->overrides(static_cast<ResourceType>(c.type), c.resource) ==
                  c.after);
        if (c.wanted != ErrorCode::none) CHECK(cluster.last_records.empty());
    }
}

TEST_CASE("AlterConfigs replaces all that was set") {
    auto cluster = TestCluster::with_broker();
    cluster.create("t");
    protocol::AlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kTopic;
    resource.resource_name = "t";
    resource.configs.push_back({.name = "retention.ms", .value = protocol::Str("5")});
    resource.configs.push_back({.name = "segment.ms", .value = protocol::Str("6000000")});
    CHECK(cluster.run(alter_configs, request, 2).responses[0].error_code == 0);
    CHECK(cluster.last_records.size() == 2);
    CHECK(cluster.run(alter_configs, request, 2).responses[0].error_code == 0);
    CHECK(cluster.last_records.empty());
    request.resources[0].configs = {{.name = "retention.ms", .value = protocol::Str("7")}};
    CHECK(cluster.run(alter_configs, request, 2).responses[0].error_code == 0);
    CHECK(cluster.state->overrides(ResourceType::topic, "t") ==
          config::Overrides{{"retention.ms", "7"}});
    request.resources[0].configs.clear();
    CHECK(cluster.run(alter_configs, request, 2).responses[0].error_code == 0);
    CHECK(cluster.state->configs.find(metadata::ConfigResource{ResourceType::topic, "t"}) ==
          nullptr);

    request.resources.push_back(request.resources[0]);
    auto twice = cluster.run(alter_configs, request, 2);
    REQUIRE(twice.responses.size() == 2);
    for (const auto& r : twice.responses) CHECK(code(r.error_code) == ErrorCode::invalid_request);
}

TEST_CASE("a change of min.insync.replicas clears the eligible leaders that it decided on") {
    auto cluster = TestCluster::with_broker();
    cluster.create("t");
    const Uuid id = cluster.state->topic(std::string_view("t"))->id;
    protocol::PartitionChangeRecord change;
    change.partition_id = 0;
    change.topic_id = id;
    change.eligible_leader_replicas = std::vector<int32_t>{1};
    change.last_known_elr = std::vector<int32_t>{1};
    auto alter = [&](int8_t type, const char* resource) {
        cluster.apply({change});
        CHECK(cluster.state->partition("t", 0)->eligible_leader_replicas.size() == 1);
        const Case c{"", type, resource, {{"min.insync.replicas", 0, "2"}}, ErrorCode::none, {}};
        CHECK(cluster.run(incremental_alter_configs, request_of(c), 1).responses[0].error_code ==
              0);
        CHECK(cluster.state->partition("t", 0)->eligible_leader_replicas.empty());
        CHECK(cluster.state->partition("t", 0)->last_known_elr.empty());
    };
    alter(kTopic, "t");
    alter(kBroker, "");
}

}  // namespace
}  // namespace millrace::controller
