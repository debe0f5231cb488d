#include "controller/topics.h"

#include "controller/test_cluster.h"
#include "controller/topic_names.h"

namespace millrace::controller {
namespace {

using protocol::CreateTopicsRequest;

TEST_CASE("topic names") {
    const std::string long_name(249, 'x');
    for (std::string_view good : std::initializer_list<std::string_view>{
             "a", "A-1_b.c", "...", "-", "__consumer_offsets", long_name})
        CHECK(check_topic_name(good));
    for (std::string_view bad : {"", ".", "..", "a b", "a/b", "\xc3\xa4", "a\n", "a:b"})
        CHECK(check_topic_name(bad).code() == ErrorCode::invalid_topic_exception);
    CHECK(check_topic_name(long_name + "x").code() == ErrorCode::invalid_topic_exception);
}

struct CreateCase {
    const char* what;
    std::string name;
    int32_t partitions;
    int16_t replication;
    std::vector<std::pair<int32_t, std::vector<int32_t>>> assignments;
    std::vector<std::pair<std::string, std::optional<std::string>>> configs;
    ErrorCode wanted;
};

CreateTopicsRequest request_of(const CreateCase& c) {
    CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = protocol::Str(c.name);
    topic.num_partitions = c.partitions;
    topic.replication_factor = c.replication;
    for (const auto& [index, brokers] : c.assignments) {
        auto& a = topic.assignments.emplace_back();
        a.partition_index = index;
        a.broker_ids = brokers;
    }
    for (const auto& [name, value] : c.configs) {
        auto& config = topic.configs.emplace_back();
        config.name = protocol::Str(name);
        config.value.reset();
        if (value) config.value = protocol::Str(*value);
    }
    return request;
}

TEST_CASE("CreateTopics answers as Apache Kafka does") {
    const CreateCase cases[] = {
        {"plain", "new", 3, 1, {}, {}, ErrorCode::none},
        {"defaults", "new", -1, -1, {}, {}, ErrorCode::none},
        {"exists", "old.topic", 1, 1, {}, {}, ErrorCode::topic_already_exists},
        {"collides", "old_topic", 1, 1, {}, {}, ErrorCode::invalid_topic_exception},
        {"bad name", "a b", 1, 1, {}, {}, ErrorCode::invalid_topic_exception},
        {"no name", "", 1, 1, {}, {}, ErrorCode::invalid_topic_exception},
        {"metadata log", "__cluster_metadata", 1, 1, {}, {}, ErrorCode::invalid_request},
        {"no partitions", "new", 0, 1, {}, {}, ErrorCode::invalid_partitions},
        {"negative partitions", "new", -2, 1, {}, {}, ErrorCode::invalid_partitions},
        {"no replicas", "new", 1, 0, {}, {}, ErrorCode::invalid_replication_factor},
        {"negative replicas", "new", 1, -2, {}, {}, ErrorCode::invalid_replication_factor},
        {"too many replicas", "new", 1, 2, {}, {}, ErrorCode::invalid_replication_factor},
        {"manual", "new", -1, -1, {{0, {1}}, {1, {1}}}, {}, ErrorCode::none},
        {"manual, other order", "new", -1, -1, {{1, {1}}, {0, {1}}}, {}, ErrorCode::none},
        {"manual with count", "new", 1, -1, {{0, {1}}}, {}, ErrorCode::invalid_request},
        {"manual with replication", "new", -1, 1, {{0, {1}}}, {}, ErrorCode::invalid_request},
        {"manual twice",
         "new",
         -1,
         -1,
         {{0, {1}}, {0, {1}}},
         {},
         ErrorCode::invalid_replica_assignment},
        {"manual with a gap",
         "new",
         -1,
         -1,
         {{0, {1}}, {2, {1}}},
         {},
         ErrorCode::invalid_replica_assignment},
        {"manual, unknown broker",
         "new",
         -1,
         -1,
         {{0, {2}}},
         {},
         ErrorCode::invalid_replica_assignment},
        {"manual, broker twice",
         "new",
         -1,
         -1,
         {{0, {1, 1}}},
         {},
         ErrorCode::invalid_replica_assignment},
        {"manual, empty", "new", -1, -1, {{0, {}}}, {}, ErrorCode::invalid_replica_assignment},
        {"config", "new", 1, 1, {}, {{"retention.ms", "5"}}, ErrorCode::none},
        {"unknown config", "new", 1, 1, {}, {{"retention", "5"}}, ErrorCode::invalid_config},
        {"bad config", "new", 1, 1, {}, {{"retention.ms", "x"}}, ErrorCode::invalid_config},
        {"null config",
         "new",
         1,
         1,
         {},
         {{"retention.ms", std::nullopt}},
         ErrorCode::invalid_config},
        {"too many partitions", "new", 10'001, 1, {}, {}, ErrorCode::policy_violation},
    };
    for (const CreateCase& c : cases) {
        CAPTURE(c.what);
        auto cluster = TestCluster::with_broker();
        cluster.create("old.topic");
        auto response = cluster.run(create_topics, request_of(c), 7);
        REQUIRE(response.topics.size() == 1);
        CHECK(code(response.topics[0].error_code) == c.wanted);
        CHECK(response.topics[0].error_message.has_value() == (c.wanted != ErrorCode::none));
        const auto topic = cluster.state->topic(std::string_view("new"));
        CHECK((topic != nullptr) == (c.wanted == ErrorCode::none));
        if (!topic) CHECK(cluster.last_records.empty());
        if (topic)
            CHECK(static_cast<size_t>(response.topics[0].num_partitions) ==
                  topic->partitions.size());
    }
}

TEST_CASE("a created topic has Kafka's records") {
    auto cluster = TestCluster::with_broker();
    CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    topic.configs.push_back({.name = "min.insync.replicas", .value = protocol::Str("1")});
    topic.configs.push_back({.name = "cleanup.policy", .value = protocol::Str("compact")});
    auto response = cluster.run(create_topics, request, 7);
    const std::string id = response.topics[0].topic_id.to_string();
    const std::string directory = kTestDirectory.to_string();
    const std::string wanted = fmt::format(
        R"(TopicRecord {{"name":"t","topicId":"{0}"}}
ConfigRecord {{"resourceType":2,"resourceName":"t","name":"cleanup.policy","value":"compact"}}
ConfigRecord {{"resourceType":2,"resourceName":"t","name":"min.insync.replicas","value":"1"}}
ClearElrRecord {{"topicName":"t"}}
PartitionRecord {{"partitionId":0,"topicId":"{0}","replicas":[1],"isr":[1],)"
        R"("removingReplicas":[],"addingReplicas":[],"leader":1,"leaderEpoch":0,)"
        R"("partitionEpoch":0,"directories":["{1}"]}}
)",
        id, directory);
    CHECK(cluster.records_text() == wanted);
    CHECK(response.topics[0].configs->size() > 20);
    CHECK(response.topics[0].replication_factor == 1);
}

TEST_CASE("in one request duplicates fail, the others do not, and validate_only changes nothing") {
    auto cluster = TestCluster::with_broker();
    CreateTopicsRequest request;
    for (const char* name : {"a", "twice", "b b", "twice", "c"}) {
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.num_partitions = 1;
        topic.replication_factor = 1;
    }
    request.validate_only = true;
    auto dry = cluster.run(create_topics, request, 7);
    CHECK(cluster.state->topics_by_name.empty());
    request.validate_only = false;
    auto response = cluster.run(create_topics, request, 7);
    REQUIRE(response.topics.size() == 4);
    REQUIRE(dry.topics.size() == 4);
    const std::map<std::string, ErrorCode> wanted{{"a", ErrorCode::none},
                                                  {"twice", ErrorCode::invalid_request},
                                                  {"b b", ErrorCode::invalid_topic_exception},
                                                  {"c", ErrorCode::none}};
    for (size_t i = 0; i < 4; ++i) {
        CHECK(code(response.topics[i].error_code) == wanted.at(response.topics[i].name.str()));
        CHECK(dry.topics[i].error_code == response.topics[i].error_code);
    }
    CHECK(cluster.state->topics_by_name.size() == 2);
}

TEST_CASE("without a broker that is up no topic can be made") {
    TestCluster cluster;
    CHECK(code(cluster.create("t").topics[0].error_code) == ErrorCode::invalid_replication_factor);
    cluster.run(register_broker, cluster.registration(1), 4);
    CHECK(code(cluster.create("t").topics[0].error_code) == ErrorCode::invalid_replication_factor);
    cluster.run(broker_heartbeat, cluster.heartbeat(), 2);
    CHECK(code(cluster.create("t").topics[0].error_code) == ErrorCode::none);
}

TEST_CASE("old metadata versions get old records") {
    for (int16_t level : std::initializer_list<int16_t>{7, 14, 17, 23, 30}) {
        CAPTURE(level);
        auto cluster = TestCluster::with_broker(level);
        CHECK(code(cluster.create("t", 2).topics[0].error_code) == ErrorCode::none);
        const bool directories = level >= 17;
        CHECK(cluster.state->partition("t", 0)->directories.empty() != directories);
    }
}

TEST_CASE("DeleteTopics by name and by id") {
    auto cluster = TestCluster::with_broker();
    for (const char* name : {"a", "b", "c", "d"}) cluster.create(name);
    const Uuid a = cluster.state->topic(std::string_view("a"))->id;
    const Uuid c = cluster.state->topic(std::string_view("c"))->id;
    protocol::DeleteTopicsRequest request;
    auto add = [&](std::optional<std::string_view> name, Uuid id) {
        auto& t = request.topics.emplace_back();
        if (name) t.name = protocol::Str(*name);
        t.topic_id = id;
    };
    add(std::nullopt, a);
    add("b", {});
    add("b", {});
    add("none", {});
    add(std::nullopt, Uuid{3, 3});
    add(std::nullopt, {});
    add("c", c);
    add("d", {});
    auto response = cluster.run(delete_topics, request, 6);
    const std::vector<std::pair<std::string, ErrorCode>> wanted{
        {"a", ErrorCode::none},
        {"b", ErrorCode::invalid_request},
        {"none", ErrorCode::unknown_topic_or_partition},
        {"", ErrorCode::unknown_topic_id},
        {"", ErrorCode::invalid_request},
        {"c", ErrorCode::invalid_request},
        {"d", ErrorCode::none}};
    REQUIRE(response.responses.size() == wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
        CAPTURE(i);
        CHECK((response.responses[i].name ? response.responses[i].name->str() : "") ==
              wanted[i].first);
        CHECK(code(response.responses[i].error_code) == wanted[i].second);
    }
    CHECK(cluster.state->topics_by_name.size() == 2);
    CHECK(cluster.state->topics_by_id.size() == 2);

    protocol::DeleteTopicsRequest old;
    old.topic_names = {protocol::Str("b"), protocol::Str("zzz")};
    auto names = cluster.run(delete_topics, old, 3);
    CHECK(code(names.responses[0].error_code) == ErrorCode::none);
    CHECK(code(names.responses[1].error_code) == ErrorCode::unknown_topic_or_partition);
}

TEST_CASE("a deleted topic takes its configs along, and frees its name and those that collided") {
    auto cluster = TestCluster::with_broker();
    CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "a.b";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    topic.configs.push_back({.name = "retention.ms", .value = protocol::Str("5")});
    cluster.run(create_topics, request, 7);
    CHECK(code(cluster.create("a_b").topics[0].error_code) == ErrorCode::invalid_topic_exception);
    protocol::DeleteTopicsRequest remove;
    remove.topics.emplace_back().name = protocol::Str("a.b");
    cluster.run(delete_topics, remove, 6);
    CHECK(cluster.state->overrides(metadata::ResourceType::topic, "a.b").empty());
    CHECK(code(cluster.create("a_b").topics[0].error_code) == ErrorCode::none);
}

TEST_CASE("topics cannot be deleted where that is turned off") {
    auto cluster = TestCluster::with_broker();
    cluster.create("a");
    cluster.config = config::BrokerConfig::load("", "test", {"delete.topic.enable=false"})->config;
    protocol::DeleteTopicsRequest request;
    request.topics.emplace_back().name = protocol::Str("a");
    request.topic_names = {protocol::Str("a")};
    CHECK(code(cluster.run(delete_topics, request, 6).responses[0].error_code) ==
          ErrorCode::topic_deletion_disabled);
    CHECK(code(cluster.run(delete_topics, request, 2).responses[0].error_code) ==
          ErrorCode::invalid_request);
}

TEST_CASE("CreatePartitions") {
    struct Case {
        const char* name;
        int32_t count;
        std::optional<std::vector<std::vector<int32_t>>> assignments;
        ErrorCode wanted;
    };
    const Case cases[] = {
        {"t", 5, std::nullopt, ErrorCode::none},
        {"t", 3, std::nullopt, ErrorCode::invalid_partitions},
        {"t", 2, std::nullopt, ErrorCode::invalid_partitions},
        {"t", -1, std::nullopt, ErrorCode::invalid_partitions},
        {"none", 5, std::nullopt, ErrorCode::unknown_topic_or_partition},
        {"t", 4, {{{1}}}, ErrorCode::none},
        {"t", 5, {{{1}}}, ErrorCode::invalid_replica_assignment},
        {"t", 4, {{{9}}}, ErrorCode::invalid_replica_assignment},
        {"t", 4, {{{1, 1}}}, ErrorCode::invalid_replica_assignment},
        {"t", 20'000, std::nullopt, ErrorCode::policy_violation},
    };
    for (const Case& c : cases) {
        CAPTURE(c.count);
        auto cluster = TestCluster::with_broker();
        cluster.create("t", 3);
        protocol::CreatePartitionsRequest request;
        auto& topic = request.topics.emplace_back();
        topic.name = protocol::Str(c.name);
        topic.count = c.count;
        topic.assignments.reset();
        if (c.assignments) {
            topic.assignments.emplace();
            for (const auto& brokers : *c.assignments)
                topic.assignments->emplace_back().broker_ids = brokers;
        }
        auto response = cluster.run(create_partitions, request, 3);
        CHECK(code(response.results[0].error_code) == c.wanted);
        const auto size =
            static_cast<int32_t>(cluster.state->topic(std::string_view("t"))->partitions.size());
        CHECK(size == (c.wanted == ErrorCode::none ? c.count : 3));
    }
}

}  // namespace
}  // namespace millrace::controller
