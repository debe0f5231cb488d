#include "controller/brokers.h"

#include "controller/test_cluster.h"

namespace millrace::controller {
namespace {

TEST_CASE("a broker registers fenced, and is unfenced by a heartbeat that is caught up") {
    TestCluster cluster;
    const Offset offset = cluster.next_offset;
    auto response = cluster.run(register_broker, cluster.registration(1), 4);
    CHECK(response.error_code == 0);
    CHECK(response.broker_epoch == offset);
    REQUIRE(cluster.state->broker(1));
    CHECK(cluster.state->broker(1)->fenced);
    CHECK(cluster.state->broker(1)->log_dirs == std::vector<Uuid>{kTestDirectory});

    auto behind = cluster.heartbeat();
    behind.current_metadata_offset = offset - 1;
    auto beat = cluster.run(broker_heartbeat, behind, 2);
    CHECK_FALSE(beat.is_caught_up);
    CHECK(beat.is_fenced);
    CHECK(cluster.last_records.empty());

    auto stale = cluster.heartbeat();
    stale.broker_epoch -= 1;
    CHECK(code(cluster.run(broker_heartbeat, stale, 2).error_code) ==
          ErrorCode::stale_broker_epoch);
    auto stranger = cluster.heartbeat();
    stranger.broker_id = 2;
    CHECK(code(cluster.run(broker_heartbeat, stranger, 2).error_code) ==
          ErrorCode::broker_id_not_registered);

    auto caught_up = cluster.heartbeat();
    caught_up.cordoned_log_dirs = std::vector<Uuid>{};
    beat = cluster.run(broker_heartbeat, caught_up, 2);
    CHECK(beat.is_caught_up);
    CHECK_FALSE(beat.is_fenced);
    CHECK_FALSE(cluster.state->broker(1)->fenced);
    CHECK(cluster.state->broker(1)->cordoned_log_dirs == std::vector<Uuid>{});
    cluster.run(broker_heartbeat, caught_up, 2);
    CHECK(cluster.last_records.empty());

    auto fence = cluster.heartbeat();
    fence.want_fence = true;
    CHECK(cluster.run(broker_heartbeat, fence, 2).is_fenced);
    CHECK(cluster.state->broker(1)->fenced);
}

TEST_CASE("registrations that do not fit are refused") {
    struct Case {
        const char* what;
        std::function<void(protocol::BrokerRegistrationRequest&)> spoil;
        ErrorCode wanted;
    };
    const Case cases[] = {
        {"cluster id", [](auto& r) { r.cluster_id = "other"; }, ErrorCode::inconsistent_cluster_id},
        {"another node", [](auto& r) { r.broker_id = 2; },
         ErrorCode::duplicate_broker_registration},
        {"no listener", [](auto& r) { r.listeners.clear(); }, ErrorCode::invalid_registration},
        {"no directory", [](auto& r) { r.log_dirs.clear(); }, ErrorCode::invalid_registration},
        {"reserved directory", [](auto& r) { r.log_dirs = {Uuid{0, 1}}; },
         ErrorCode::invalid_registration},
        {"directory twice", [](auto& r) { r.log_dirs.push_back(r.log_dirs[0]); },
         ErrorCode::invalid_registration},
        {"feature missing", [](auto& r) { r.features.pop_back(); }, ErrorCode::unsupported_version},
        {"feature too old", [](auto& r) { r.features.back().max_supported_version = 1; },
         ErrorCode::unsupported_version},
    };
    for (const Case& c : cases) {
        CAPTURE(std::string(c.what));
        TestCluster cluster;
        auto request = cluster.registration(1);
        c.spoil(request);
        CHECK(code(cluster.run(register_broker, request, 4).error_code) == c.wanted);
        CHECK(cluster.last_records.empty());
    }
}

TEST_CASE("a broker that crashed gets new leader epochs, one that stopped cleanly does not") {
    auto cluster = TestCluster::with_broker();
    cluster.create("t", 2);
    const int64_t epoch = cluster.state->broker(1)->epoch;
    cluster.run(register_broker, cluster.registration(2, epoch), 4);
    CHECK(cluster.state->partition("t", 0)->leader_epoch == 0);
    cluster.run(register_broker, cluster.registration(3, -1), 4);
    for (PartitionIndex p : {0, 1}) {
        CHECK(cluster.state->partition("t", p)->leader_epoch == 1);
        CHECK(cluster.state->partition("t", p)->leader == 1);
        CHECK(cluster.state->partition("t", p)->isr.contains(1));
    }
    // The same life again: nothing was lost.
    cluster.run(register_broker, cluster.registration(3, -1), 4);
    CHECK(cluster.state->partition("t", 0)->leader_epoch == 1);
}

TEST_CASE("a log directory that fails takes the leaders of its partitions only, until it is back") {
    const Uuid second{7, 8};
    TestCluster cluster;
    auto registration = cluster.registration(1);
    registration.log_dirs.push_back(second);
    cluster.run(register_broker, registration, 4);
    cluster.run(broker_heartbeat, cluster.heartbeat(), 2);
    cluster.create("t", 2);
    const Uuid id = cluster.state->topic(std::string_view("t"))->id;
    CHECK(cluster.state->partition("t", 0)->directory_of(1) == metadata::kDirectoryUnassigned);
    const auto assign = [&](PartitionIndex index, const Uuid& directory) {
        protocol::AssignReplicasToDirsRequest request;
        request.broker_id = 1;
        request.broker_epoch = cluster.state->broker(1)->epoch;
        auto& to = request.directories.emplace_back();
        to.id = directory;
        auto& topic = to.topics.emplace_back();
        topic.topic_id = id;
        topic.partitions.emplace_back().partition_index = index;
        cluster.run(assign_replicas_to_dirs, request, 0);
    };
    assign(0, kTestDirectory);
    assign(1, second);
    const auto leader = [&](PartitionIndex p) { return cluster.state->partition("t", p)->leader; };

    auto failed = cluster.heartbeat();
    failed.offline_log_dirs = {second};
    cluster.run(broker_heartbeat, failed, 2);
    CHECK(leader(0) == 1);
    CHECK(leader(1) == -1);
    CHECK(cluster.state->broker(1)->log_dirs == std::vector<Uuid>{kTestDirectory});
    cluster.run(broker_heartbeat, failed, 2);
    CHECK(cluster.last_records.empty());

    SUBCASE("back at the next start") {
        auto again = registration;
        again.incarnation_id = Uuid{1, 2};
        cluster.run(register_broker, again, 4);
        cluster.run(broker_heartbeat, cluster.heartbeat(), 2);
        CHECK(leader(1) == 1);
    }
    SUBCASE("a start without it, then it was taken out and the partition begins elsewhere") {
        cluster.run(register_broker, cluster.registration(2), 4);
        cluster.run(broker_heartbeat, cluster.heartbeat(), 2);
        CHECK(leader(0) == 1);
        CHECK(leader(1) == -1);
        assign(1, kTestDirectory);
        CHECK(leader(1) == 1);
    }
    CHECK(leader(0) == 1);
}

TEST_CASE("a broker whose log directories are all cordoned gets no new partitions") {
    auto cluster = TestCluster::with_broker();
    auto cordon = cluster.heartbeat();
    cordon.cordoned_log_dirs = std::vector<Uuid>{kTestDirectory};
    cluster.run(broker_heartbeat, cordon, 2);
    CHECK(code(cluster.create("t").topics.at(0).error_code) ==
          ErrorCode::invalid_replication_factor);
    cordon.cordoned_log_dirs = std::vector<Uuid>{};
    cluster.run(broker_heartbeat, cordon, 2);
    CHECK(code(cluster.create("t").topics.at(0).error_code) == ErrorCode::none);
}

protocol::PartitionChangeRecord change_of(const TestCluster& cluster) {
    protocol::PartitionChangeRecord r;
    r.partition_id = 0;
    r.topic_id = cluster.state->topic(std::string_view("t"))->id;
    return r;
}

// What Apache Kafka writes at a clean stop (tests/data/metadata_log), and who leads after the next
// start.
TEST_CASE("partitions without a leader get one when the broker is unfenced") {
    struct Case {
        const char* what;
        std::vector<int32_t> isr, elr, last_known;
        bool elected;
        int8_t recovery;
    };
    const Case cases[] = {
        {"in sync", {1}, {}, {}, true, 0},
        {"eligible", {}, {1}, {1}, true, 0},
        {"led last", {}, {}, {1}, true, 0},
        {"nobody knows", {}, {}, {}, false, 0},
    };
    for (const Case& c : cases) {
        CAPTURE(std::string(c.what));
        auto cluster = TestCluster::with_broker();
        cluster.create("t");
        auto fence = cluster.heartbeat();
        fence.want_fence = true;
        cluster.run(broker_heartbeat, fence, 2);
        auto change = change_of(cluster);
        change.isr = c.isr;
        change.leader = -1;
        change.eligible_leader_replicas = c.elr;
        change.last_known_elr = c.last_known;
        cluster.apply({change});
        cluster.run(broker_heartbeat, cluster.heartbeat(), 2);
        const auto* p = cluster.state->partition("t", 0);
        CHECK(p->leader == (c.elected ? 1 : -1));
        CHECK(p->leader_epoch == (c.elected ? 2 : 1));
        CHECK(p->isr.contains(1) == c.elected);
        CHECK(p->leader_recovery_state == c.recovery);
        if (c.elected) CHECK(p->eligible_leader_replicas.empty());
        if (c.elected) CHECK(p->last_known_elr.empty());
    }
}

TEST_CASE("producer ids come in blocks of a thousand, each once") {
    auto cluster = TestCluster::with_broker();
    protocol::AllocateProducerIdsRequest request;
    request.broker_id = 1;
    request.broker_epoch = cluster.state->broker(1)->epoch;
    for (ProducerId start : {0, 1000, 2000}) {
        auto response = cluster.run(allocate_producer_ids, request, 0);
        CHECK(response.error_code == 0);
        CHECK(response.producer_id_start == start);
        CHECK(response.producer_id_len == 1000);
    }
    request.broker_epoch += 1;
    CHECK(code(cluster.run(allocate_producer_ids, request, 0).error_code) ==
          ErrorCode::stale_broker_epoch);
    request.broker_id = 5;
    CHECK(code(cluster.run(allocate_producer_ids, request, 0).error_code) ==
          ErrorCode::broker_id_not_registered);
}

TEST_CASE("ElectLeaders") {
    auto cluster = TestCluster::with_broker();
    cluster.create("t", 2);
    auto change = change_of(cluster);
    change.isr = std::vector<int32_t>{};
    change.leader = -1;
    cluster.apply({change});
    protocol::ElectLeadersRequest request;
    auto& topics = request.topic_partitions.emplace();
    topics.push_back({.topic = "t", .partitions = {0, 1, 7}});
    topics.push_back({.topic = "none", .partitions = {0}});
    auto errors = [](const protocol::ElectLeadersResponse& response) {
        std::vector<ErrorCode> all;
        for (const auto& topic : response.replica_election_results)
            for (const auto& p : topic.partition_result) all.push_back(code(p.error_code));
        return all;
    };
    using E = ErrorCode;
    CHECK(errors(cluster.run(elect_leaders, request, 2)) ==
          std::vector{E::preferred_leader_not_available, E::election_not_needed,
                      E::unknown_topic_or_partition, E::unknown_topic_or_partition});
    CHECK(cluster.last_records.empty());
    request.election_type = 1;
    request.topic_partitions.reset();
    CHECK(errors(cluster.run(elect_leaders, request, 2)) == std::vector{E::none});
    CHECK(cluster.state->partition("t", 0)->leader == 1);
    CHECK(errors(cluster.run(elect_leaders, request, 2)).empty());
    request.election_type = 9;
    CHECK(code(cluster.run(elect_leaders, request, 2).error_code) == E::invalid_request);
}

TEST_CASE("AssignReplicasToDirs") {
    auto cluster = TestCluster::with_broker();
    cluster.create("t", 2);
    const Uuid other{8, 8};
    protocol::AssignReplicasToDirsRequest request;
    request.broker_id = 1;
    request.broker_epoch = cluster.state->broker(1)->epoch;
    auto& directory = request.directories.emplace_back();
    directory.id = other;
    auto& topic = directory.topics.emplace_back();
    topic.topic_id = change_of(cluster).topic_id;
    for (int32_t p : {1, 9}) topic.partitions.emplace_back().partition_index = p;
    auto& unknown = directory.topics.emplace_back();
    unknown.topic_id = Uuid{1, 2};
    unknown.partitions.emplace_back();
    auto response = cluster.run(assign_replicas_to_dirs, request, 0);
    CHECK(code(response.error_code) == ErrorCode::none);
    const auto& topics = response.directories[0].topics;
    CHECK(code(topics[0].partitions[0].error_code) == ErrorCode::none);
    CHECK(code(topics[0].partitions[1].error_code) == ErrorCode::unknown_topic_or_partition);
    CHECK(code(topics[1].partitions[0].error_code) == ErrorCode::unknown_topic_id);
    CHECK(cluster.state->partition("t", 0)->directory_of(1) == kTestDirectory);
    CHECK(cluster.state->partition("t", 1)->directory_of(1) == other);
    CHECK(cluster.state->partition("t", 1)->leader_epoch == 0);
}

}  // namespace
}  // namespace millrace::controller
