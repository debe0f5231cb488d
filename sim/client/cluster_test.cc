// The client's view of its cluster: found through the bootstrap addresses, kept through restarts of
// the node.
#include "client/cluster.h"

#include "protocol/messages/create_topics.h"
#include "protocol/messages/describe_cluster.h"
#include "sim/node/node_world.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

client::ClientConfig config_of(std::string servers) {
    client::ClientConfig out;
    out.bootstrap_servers = *client::parse_bootstrap_servers(servers);
    return out;
}

Task<Result<void>> create_topic(client::Cluster& cluster, std::string name, int partitions) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    CO_TRY(const auto reply, co_await cluster.call_controller(request, cluster.after(60s)));
    const auto code = static_cast<ErrorCode>(reply->topics.at(0).error_code);
    if (code != ErrorCode::none && code != ErrorCode::topic_already_exists) co_return fail(code);
    co_return {};
}

// What one test has: the world, and a cluster on the clients' machine.
struct Setting {
    explicit Setting(Simulation& sim, std::string servers = "nowhere:9092,server:9092")
        : world(sim) {
        world.start_server();
        cluster.emplace(world.client.context(), config_of(std::move(servers)));
    }
    template <typename T>
    Result<T> run(Task<Result<T>> task, Duration limit = 5min) {
        auto out = world.sim.run(world.client.loop(), std::move(task), limit);
        if (!out) return fail(ErrorCode::deadline_exceeded, "the task never ended");
        return *std::move(out);
    }
    NodeWorld world;
    std::optional<client::Cluster> cluster;
};

}  // namespace

SIM_TEST("a client finds its cluster, also behind an address where nobody is") {
    Setting s(sim);
    auto& cluster = *s.cluster;
    CHECK(s.run(create_topic(cluster, "orders", 3)).has_value());
    const auto topic = s.run(cluster.topic("orders", cluster.after(60s)));
    REQUIRE_MESSAGE(topic.has_value(), topic.error().describe());
    CHECK((*topic)->partitions.size() == 3);
    CHECK((*topic)->leader(2) == 1);
    CHECK((*topic)->leader(3) == -1);
    CHECK(!(*topic)->id.is_zero());
    CHECK(cluster.metadata().brokers().size() == 1);
    const auto group =
        s.run(cluster.coordinator(client::CoordinatorType::group, "g", cluster.after(60s)));
    REQUIRE_MESSAGE(group.has_value(), group.error().describe());
    CHECK(*group == 1);
}

SIM_TEST("a topic that nobody made is said to be missing, at the deadline") {
    Setting s(sim);
    auto without = config_of("server:9092");
    without.auto_create_topics = false;
    auto& cluster = s.cluster.emplace(s.world.client.context(), without);
    const auto began = sim.now();
    const auto missing = s.run(cluster.topic("nobodys", cluster.after(5s)));
    CHECK(missing.code() == ErrorCode::unknown_topic_or_partition);
    CHECK(sim.now() >= began + 3s);
    const auto invalid = s.run(cluster.topic("nobody's", cluster.after(60s)));
    CHECK(invalid.code() == ErrorCode::invalid_topic_exception);
}

SIM_TEST("calls go on over restarts of the node") {
    Setting s(sim);
    auto& cluster = *s.cluster;
    CHECK(s.run(create_topic(cluster, "orders", 1)).has_value());
    for (int life = 0; life != 5; ++life) {
        s.world.server.kill();
        s.world.sim.run_for(s.world.sim.between(0ms, 3s));
        s.world.start_server();
        const auto reply =
            s.run(cluster.call_any(protocol::DescribeClusterRequest{}, cluster.after(60s)));
        REQUIRE_MESSAGE(reply.has_value(), reply.error().describe());
        CHECK((*reply)->brokers.size() == 1);
    }
}

SIM_TEST("answers belong to their requests when many are under way and the network is bad") {
    Setting s(sim);
    auto& cluster = *s.cluster;
    CHECK(s.run(create_topic(cluster, "orders", 1)).has_value());
    s.world.fabric.faults.reset_chance = 0.02;
    int answered = 0;
    Scope scope{s.world.client.loop()};
    const auto ask = [](client::Cluster& c, std::string name, int partitions,
                        int& count) -> Task<void> {
        for (int i = 0; i != 10; ++i) {
            const auto made = co_await create_topic(c, name, partitions);
            CHECK_MESSAGE(made.has_value(), (made ? "" : made.error().describe()));
            const auto topic = co_await c.topic(name, c.after(60s));
            CHECK_MESSAGE(topic.has_value(), (topic ? "" : topic.error().describe()));
            if (topic) CHECK((*topic)->partitions.size() == static_cast<size_t>(partitions));
            ++count;
        }
    };
    for (int i = 1; i <= 5; ++i) scope.spawn(ask(cluster, fmt::format("t{}", i), i, answered));
    CHECK(s.world.sim.run_until([&] { return scope.size() == 0; }, 10min));
    CHECK(answered == 50);
}

SIM_TEST("a cluster that moved to other addresses is found again through the bootstrap servers") {
    Setting s(sim, "server:9092");
    auto& cluster = *s.cluster;
    CHECK(s.run(create_topic(cluster, "orders", 1)).has_value());
    // No broker at the advertised address any more, for longer than the trigger.
    s.world.fabric.isolate("server");
    const auto none =
        s.run(cluster.call_any(protocol::DescribeClusterRequest{}, cluster.after(2min)));
    CHECK(none.code() == ErrorCode::deadline_exceeded);
    s.world.sim.run_for(10min);
    s.world.fabric.heal();
    const auto again =
        s.run(cluster.call_any(protocol::DescribeClusterRequest{}, cluster.after(2min)));
    CHECK_MESSAGE(again.has_value(), again.error().describe());
}
