// Idempotent producers against brokers that die, come back, stall, hand their partitions over, and
// answer with every retriable error before or after they have done what was asked.
#include "client/producer.h"
#include "sim/client/cluster/upheaval.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using client::Delivery;
using client::Producer;
using client::ProducerConfig;

namespace {

constexpr int kPartitions = 3;

struct Load {
    std::map<TopicPartition, std::vector<Delivery>> sent;  // the value says its place
    bool stopping = false;
    bool ended = false;
    bool gave_up = false;
};

ProducerConfig producer_config(const StandInCluster& cluster) {
    ProducerConfig out;
    out.client.bootstrap_servers = *client::parse_bootstrap_servers(cluster.bootstrap_servers());
    out.client.request_timeout = 3s;
    out.client.metadata_max_age = 10s;
    out.delivery_timeout = 5min;
    out.max_block = 5min;
    return out;
}

Task<void> write(Producer& producer, Load& load, std::vector<std::string> topics, Loop& loop) {
    while (!load.stopping) {
        const TopicPartition place{topics[loop.rng().below(topics.size())],
                                   static_cast<PartitionIndex>(loop.rng().below(kPartitions))};
        auto& deliveries = load.sent[place];
        const std::string value =
            fmt::format("{}:{}", deliveries.size(), std::string(loop.rng().below(200), 'v'));
        auto delivery = co_await producer.send(
            {.topic = place.topic, .value = as_bytes(value), .partition = place.partition});
        if (delivery) {
            deliveries.push_back(*std::move(delivery));
        } else {
            CHECK_MESSAGE(delivery.code() == ErrorCode::deadline_exceeded,
                          delivery.error().describe());
        }
        if (loop.rng().chance(0.2)) co_await loop.sleep_for(10ms);
    }
    load.gave_up = !(co_await producer.close()).has_value();
    load.ended = true;
}

// Each record that was acked is there, where the ack says; no record is there twice; and those
// that are there stand in the order of the calls.
void check(StandInCluster& cluster, const Load& load, bool all_delivered) {
    for (const auto& [place, deliveries] : load.sent) {
        std::map<size_t, Offset> at;
        for (const auto& record : cluster.find(place.topic, place.partition)->log.records()) {
            const size_t n = std::stoull(record.value);
            CHECK_MESSAGE((at.empty() || n > at.rbegin()->first),
                          place.topic << "-" << place.partition << ": record " << n << " after "
                                      << at.rbegin()->first);
            at.emplace(n, record.offset);
        }
        for (size_t n = 0; n != deliveries.size(); ++n) {
            REQUIRE(deliveries[n].done());
            const auto result = deliveries[n].result();
            if (all_delivered) CHECK_MESSAGE(result.has_value(), result.error().describe());
            if (!result) continue;
            REQUIRE_MESSAGE(at.contains(n), place.topic << "-" << place.partition << ": record "
                                                        << n << " is lost");
            if (result->offset >= 0) CHECK(at.at(n) == result->offset);
        }
    }
}

StandInFaults faults_of(Simulation& sim) {
    // Some runs with few of them, so that long stretches of success come between.
    const double scale = static_cast<double>(sim.rng().below(4)) / 3;
    return {.error = 0.15 * scale,
            .performed = 0.5,
            .drop = 0.04 * scale,
            .slow = 0.05 * scale,
            .throttle = 0.02};
}

size_t count(const Load& load) {
    size_t out = 0;
    for (const auto& [place, deliveries] : load.sent) out += deliveries.size();
    return out;
}

void live(Simulation& sim, StandInCluster& cluster, ProducerConfig config, bool all_delivered,
          Duration length = 10s) {
    cluster.create_topic("a", kPartitions);
    cluster.create_topic("b", kPartitions);
    Load load;
    auto producer = std::make_unique<Producer>(cluster.client(), std::move(config));
    DroppingScope scope{cluster.client().loop};
    scope.spawn(write(*producer, load, {"a", "b"}, cluster.client().loop));
    cluster.faults = faults_of(sim);
    cluster.fabric.faults.reset_chance = 0.001;
    Upheaval upheaval(cluster, {});
    sim.run_for(length);
    // In spite of it all.
    CHECK(sim.run_until([&] { return count(load) > 10; }, 2min));
    upheaval.stop();
    sim.run_for(500ms);
    load.stopping = true;
    CHECK(sim.run_until([&] { return load.ended; }, 10min));
    if (all_delivered) CHECK(!load.gave_up);
    check(cluster, load, all_delivered);
}

}  // namespace

SIM_TEST("an idempotent producer loses, doubles and swaps nothing while brokers fail") {
    StandInCluster cluster(sim, {});
    live(sim, cluster, producer_config(cluster), true);
}

SIM_TEST("an idempotent producer with an older cluster, small batches and compression") {
    StandInCluster cluster(sim, {.brokers = 5, .old = true});
    ProducerConfig config = producer_config(cluster);
    config.batch_size = 400;
    config.buffer_memory = 20'000;
    config.compression = protocol::Codec::lz4;
    config.linger = 1ms;
    live(sim, cluster, std::move(config), true);
}

SIM_TEST(
    "what an idempotent producer gives up while brokers fail leaves no double and no disorder") {
    StandInCluster cluster(sim, {.brokers = 4});
    ProducerConfig config = producer_config(cluster);
    config.batch_size = 500;
    config.client.request_timeout = 1s;
    config.delivery_timeout = 1500ms;
    config.max_block = 1s;
    live(sim, cluster, std::move(config), false, 20s);
}
