// Telemetry (KIP-714): when a client asks and pushes, what it sends, and what refusals do.
#include "client/admin_client.h"
#include "client/share_consumer.h"
#include "sim/client/cluster/share_cluster.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

constexpr auto kInterval = 10s;

struct World {
    explicit World(Simulation& s) : sim(s), cluster(s, fabric, 1, 1) {
        machine.start([this](Context&) -> Task<void> { co_await ended.wait(); });
        auto& said = cluster.telemetry.subscription;
        cluster.telemetry.served = true;
        said.subscription_id = 7;
        said.push_interval_ms = 10'000;
        said.telemetry_max_bytes = 1 << 20;
        said.delta_temporality = true;
        said.requested_metrics.emplace_back("org.apache.kafka.consumer.request");
        said.requested_metrics.emplace_back("org.apache.kafka.consumer.node.");
    }
    client::ShareConsumer& start(bool enabled = true) {
        client::ShareConsumerConfig config;
        config.client.bootstrap_servers = *client::parse_bootstrap_servers("share-0:9092");
        config.client.metrics_push = enabled;
        config.client.request_timeout = 5s;
        config.group_id = "g";
        consumer.emplace(machine.context(), config);
        CHECK(consumer->subscribe({"jobs"}).has_value());
        return *consumer;
    }
    bool pushed(size_t count) {
        return sim.run_until([&] { return cluster.telemetry.pushes.size() >= count; }, 1min);
    }
    void close() { CHECK(sim.run(machine.loop(), consumer->close()).has_value()); }
    TelemetryDesk& desk() { return cluster.telemetry; }

    Simulation& sim;
    SimFabric fabric{sim};
    ShareCluster cluster;
    Event ended;
    SimNode machine{sim, fabric, "client"};
    std::optional<client::ShareConsumer> consumer;
};

bool names(const TelemetryDesk::Push& push, std::string_view name) {
    return as_text(push.metrics).contains(name);
}

}  // namespace

SIM_TEST("pushes come at the interval, and a last one at the end") {
    World w(sim);
    const auto began = sim.now();
    auto& consumer = w.start();
    REQUIRE(w.pushed(1));
    CHECK(w.desk().asked == 1);
    CHECK(sim.now() - began >= kInterval / 2);
    CHECK(sim.now() - began <= kInterval * 3 / 2 + 1s);
    REQUIRE(w.pushed(3));
    CHECK(w.desk().pushes[2].at - w.desk().pushes[1].at >= kInterval);
    CHECK(w.desk().pushes[2].at - w.desk().pushes[1].at < kInterval + 1s);
    CHECK(consumer.telemetry().instance_id().has_value());
    for (const auto& push : w.desk().pushes) {
        CHECK(push.subscription_id == 7);
        CHECK_FALSE(push.terminating);
        CHECK(names(push, "org.apache.kafka.consumer.request.total"));
        CHECK_FALSE(names(push, "org.apache.kafka.consumer.outgoing"));
        CHECK(names(push, "group_member_id"));
    }
    w.close();
    REQUIRE(w.desk().pushes.size() == 4);
    CHECK(w.desk().pushes.back().terminating);
    CHECK(w.desk().asked == 1);
}

SIM_TEST("a subscription that has changed is asked for anew") {
    World w(sim);
    w.desk().refusals = {ErrorCode::none, ErrorCode::unknown_subscription_id};
    w.start();
    REQUIRE(w.pushed(1));
    w.desk().subscription.subscription_id = 8;
    REQUIRE(w.pushed(3));
    CHECK(w.desk().asked == 2);
    CHECK(w.desk().pushes[2].subscription_id == 8);
    // Too large, or too often: it goes on as before.
    w.desk().refusals = {ErrorCode::telemetry_too_large, ErrorCode::throttling_quota_exceeded};
    REQUIRE(w.pushed(6));
    CHECK(w.desk().asked == 2);
    w.close();
}

SIM_TEST("what is final ends it") {
    World w(sim);
    w.desk().refusals = {ErrorCode::invalid_request};
    w.start();
    REQUIRE(w.pushed(1));
    sim.run_for(2min);
    CHECK(w.desk().pushes.size() == 1);
    w.close();
}

SIM_TEST("nothing is pushed that nobody wants") {
    World w(sim);
    w.desk().subscription.requested_metrics.clear();
    w.start();
    sim.run_for(35s);
    CHECK(w.desk().asked >= 3);
    CHECK(w.desk().pushes.empty());
    w.desk().subscription.requested_metrics.emplace_back("*");
    REQUIRE(w.pushed(1));
    CHECK(names(w.desk().pushes[0], "org.apache.kafka.consumer.share.fetch.manager.fetch.total"));
    w.close();
    CHECK(w.desk().pushes.back().terminating);
}

SIM_TEST("what does not fit is left out, or not sent") {
    World w(sim);
    auto& said = w.desk().subscription;
    said.telemetry_max_bytes = 4'000;
    w.start();
    REQUIRE(w.pushed(1));
    CHECK(w.desk().pushes[0].metrics.size() <= 4'000);
    CHECK(names(w.desk().pushes[0], "org.apache.kafka.consumer.request.total"));
    CHECK_FALSE(names(w.desk().pushes[0], "org.apache.kafka.consumer.node."));
    w.close();

    World small(sim);
    small.desk().subscription.telemetry_max_bytes = 10;
    small.start();
    sim.run_for(1min);
    CHECK(small.desk().pushes.empty());
    small.close();
}

SIM_TEST("compressed as the broker likes it") {
    for (const auto codec : {protocol::Codec::gzip, protocol::Codec::zstd, protocol::Codec::lz4}) {
        World w(sim);
        w.desk().subscription.accepted_compression_types = {static_cast<int8_t>(codec), 0};
        w.start();
        REQUIRE(w.pushed(1));
        const auto& push = w.desk().pushes[0];
        CHECK(push.compression == static_cast<int8_t>(codec));
        std::vector<uint8_t> scratch;
        const auto plain = protocol::decompress(codec, push.metrics, scratch, 1 << 20);
        REQUIRE(plain.has_value());
        CHECK(as_text(*plain).contains("org.apache.kafka.consumer.request.total"));
        w.close();
    }
}

SIM_TEST("off, or unknown to the cluster: nothing happens") {
    World off(sim);
    off.start(false);
    sim.run_for(1min);
    CHECK(off.desk().asked == 0);
    off.close();
    World old(sim);
    old.desk().served = false;
    old.start();
    sim.run_for(10min);
    CHECK(old.desk().asked == 0);
    old.close();
    CHECK(old.desk().pushes.empty());
}

SIM_TEST("an administrator says what goes over its connections, if it is to") {
    for (const std::string_view push : {"true", "false"}) {
        World w(sim);
        w.desk().subscription.requested_metrics.emplace_back("org.apache.kafka.admin.");
        const auto config = client::ClientConfig::for_admin(
            {{"bootstrap.servers", "share-0:9092"}, {"enable.metrics.push", std::string(push)}});
        client::AdminClient admin{w.machine.context(), *config};
        CHECK(w.pushed(2) == (push == "true"));
        CHECK(sim.run(w.machine.loop(), admin.close()).has_value());
        CHECK(admin.telemetry().instance_id().has_value() == (push == "true"));
        if (push == "false") {
            CHECK(w.desk().asked == 0);
            continue;
        }
        REQUIRE(w.desk().pushes.size() == 3);
        CHECK(w.desk().pushes.back().terminating);
        CHECK(names(w.desk().pushes[1], "org.apache.kafka.admin.client.request.total"));
        CHECK(names(w.desk().pushes[1], "org.apache.kafka.admin.client.node.request.latency.avg"));
        const client::MetricList metrics = admin.metrics();
        const auto value = [&](std::string_view name) {
            const client::Metric* metric = metrics.find("admin-client-metrics", name);
            REQUIRE_MESSAGE(metric != nullptr, name);
            return metric->value;
        };
        CHECK(value("request-total") >= 5);
        CHECK(value("network-io-total") == value("request-total") + value("response-total"));
        CHECK(value("network-io-rate") > 0);
        CHECK(value("connection-close-rate") >= 0);
    }
}
