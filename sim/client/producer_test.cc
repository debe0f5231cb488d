// The producer against a node that is killed, slow and cut off: what it reported as delivered is
// there, once and in order, and nothing else that it was not given.
#include "client/producer.h"

#include <set>

#include "sim/client/setting.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using client::Delivery;
using client::Producer;
using client::ProducerConfig;

namespace {

ProducerConfig producer_config() {
    ProducerConfig out;
    out.client = ClientSetting::config();
    return out;
}

// What was sent and what came of it; values count up for each partition.
struct Load {
    static constexpr int kPartitions = 3;
    std::vector<std::vector<Delivery>> sent{kPartitions};
    bool stopping = false;
    bool ended = false;
    bool gave_up = false;
};

Task<void> write(Producer& producer, Load& load, Loop& loop) {
    while (!load.stopping) {
        const auto partition = static_cast<PartitionIndex>(loop.rng().below(Load::kPartitions));
        auto& deliveries = load.sent[static_cast<size_t>(partition)];
        const std::string value =
            fmt::format("{}:{}", deliveries.size(), std::string(loop.rng().below(200), 'v'));
        auto delivery = co_await producer.send(
            {.topic = "t", .value = as_bytes(value), .partition = partition});
        if (delivery) {
            deliveries.push_back(*std::move(delivery));
        } else {
            // Only then may it refuse a record.
            CHECK_MESSAGE(delivery.code() == ErrorCode::deadline_exceeded,
                          delivery.error().describe());
        }
        if (loop.rng().chance(0.05)) co_await loop.sleep_for(10ms);
    }
    const auto closed = co_await producer.close();
    load.gave_up = !closed.has_value();
    load.ended = true;
}

// Every delivered record at the offset that was reported, each value at most once, in order.
void check(ClientSetting& s, const Load& load, bool all_delivered) {
    s.world.fabric.faults = {};
    for (PartitionIndex p = 0; p != Load::kPartitions; ++p) {
        const auto& deliveries = load.sent[static_cast<size_t>(p)];
        const auto stored = s.read_partition("t", p);
        REQUIRE_MESSAGE(stored.has_value(), stored.error().describe());
        std::map<size_t, Offset> at;
        size_t last = 0;
        for (const auto& record : *stored) {
            const size_t n = std::stoull(record.value);
            CHECK_MESSAGE(at.emplace(n, record.offset).second, "record " << n << " twice");
            if (!at.empty() && at.size() > 1) CHECK(n > last);
            last = n;
        }
        for (size_t n = 0; n != deliveries.size(); ++n) {
            REQUIRE(deliveries[n].done());
            const auto place = deliveries[n].result();
            if (all_delivered) CHECK_MESSAGE(place.has_value(), place.error().describe());
            if (!place) continue;
            CHECK(place->partition == p);
            REQUIRE(at.contains(n));
            if (place->offset >= 0) CHECK(at.at(n) == place->offset);
        }
    }
}

void live(ClientSetting& s, ProducerConfig config, int lives) {
    Load load;
    auto producer = std::make_unique<Producer>(s.context(), std::move(config));
    DroppingScope scope{s.world.client.loop()};
    scope.spawn(write(*producer, load, s.world.client.loop()));
    for (int life = 0; life != lives; ++life) {
        s.world.sim.run_for(s.world.sim.between(0ms, 1500ms));
        if (s.world.sim.rng().chance(0.5)) {
            s.world.fabric.isolate("server");
            s.world.sim.run_for(s.world.sim.between(0ms, 2s));
            s.world.fabric.heal();
        } else {
            s.world.server.kill();
            s.world.sim.run_for(s.world.sim.between(0ms, 500ms));
            s.world.start_server();
        }
    }
    load.stopping = true;
    CHECK(s.world.sim.run_until([&] { return load.ended; }, 10min));
    CHECK(!load.gave_up);
    size_t sent = 0;
    for (const auto& each : load.sent) sent += each.size();
    CHECK(sent > 10);
    check(s, load, true);
}

}  // namespace

SIM_TEST(
    "an idempotent producer loses, doubles and swaps nothing over kills and lost connections") {
    ClientSetting s(sim);
    s.world.fabric.faults.reset_chance = 0.002;
    CHECK(s.create_topic("t", Load::kPartitions).has_value());
    live(s, producer_config(), 6);
}

SIM_TEST("the same with small batches, little memory and compression") {
    ClientSetting s(sim);
    s.world.fabric.faults.reset_chance = 0.002;
    CHECK(s.create_topic("t", Load::kPartitions).has_value());
    ProducerConfig config = producer_config();
    config.batch_size = 400;
    config.buffer_memory = 20'000;
    config.compression = protocol::Codec::lz4;
    config.linger = 1ms;
    live(s, config, 4);
}

SIM_TEST("what is not delivered in time fails, and what comes after it goes on under a new epoch") {
    ClientSetting s(sim);
    CHECK(s.create_topic("t", Load::kPartitions).has_value());
    ProducerConfig config = producer_config();
    config.client.request_timeout = 1s;
    config.delivery_timeout = 2s;
    config.max_block = 1s;
    Load load;
    Producer producer{s.context(), config};
    DroppingScope scope{s.world.client.loop()};
    scope.spawn(write(producer, load, s.world.client.loop()));
    for (int i = 0; i != 3; ++i) {
        s.world.sim.run_for(s.world.sim.between(100ms, 1s));
        // One way only: the broker may get what the client never hears of.
        s.world.fabric.block("server", "client");
        s.world.sim.run_for(s.world.sim.between(1s, 5s));
        s.world.fabric.unblock("server", "client");
    }
    s.world.sim.run_for(5s);
    load.stopping = true;
    CHECK(s.world.sim.run_until([&] { return load.ended; }, 10min));
    check(s, load, false);
    // In the end it works again.
    size_t good = 0;
    for (const auto& each : load.sent)
        if (!each.empty() && each.back().result()) ++good;
    CHECK(good == Load::kPartitions);
}

SIM_TEST("a batch that the topic does not take is cut until its records fit") {
    ClientSetting s(sim);
    CHECK(s.create_topic("t", 1, {{"max.message.bytes", "1000"}}).has_value());
    ProducerConfig config = producer_config();
    config.batch_size = 16'000;
    Producer producer{s.context(), config};
    const auto produce = [](Producer& p) -> Task<Result<std::vector<Delivery>>> {
        std::vector<Delivery> out;
        for (int i = 0; i != 20; ++i) {
            // The tenth can never be stored.
            const std::string value =
                fmt::format("{}:{}", i, std::string(i == 9 ? 1500 : 150, 'v'));
            CO_TRY(auto delivery, co_await p.send({.topic = "t", .value = as_bytes(value)}));
            out.push_back(std::move(delivery));
        }
        co_await p.flush();
        co_return std::move(out);
    };
    const auto deliveries = s.run(produce(producer));
    REQUIRE_MESSAGE(deliveries.has_value(), deliveries.error().describe());
    for (size_t i = 0; i != deliveries->size(); ++i) {
        REQUIRE((*deliveries)[i].done());
        const auto place = (*deliveries)[i].result();
        CHECK(place.code() == (i == 9 ? ErrorCode::message_too_large : ErrorCode::none));
    }
    const auto stored = s.read_partition("t", 0);
    REQUIRE(stored.has_value());
    CHECK(stored->size() == 19);
    for (size_t i = 0; i != stored->size(); ++i)
        CHECK(std::stoull((*stored)[i].value) == (i < 9 ? i : i + 1));
}

SIM_TEST("a topic that cannot be is refused at once, one that is missing after max.block.ms") {
    ClientSetting s(sim);
    ProducerConfig config = producer_config();
    config.client.auto_create_topics = false;
    config.max_block = 3s;
    Producer producer{s.context(), config};
    CHECK(s.run(producer.send({.topic = "no such thing"})).code() ==
          ErrorCode::invalid_topic_exception);
    CHECK(s.run(producer.send({.topic = "missing"})).code() ==
          ErrorCode::unknown_topic_or_partition);
    CHECK(s.create_topic("t", 2).has_value());
    CHECK(s.run(producer.send({.topic = "t", .partition = 2})).code() ==
          ErrorCode::invalid_request);
    CHECK(s.run(producer.close()).has_value());
    CHECK(s.run(producer.send({.topic = "t"})).code() == ErrorCode::cancelled);
}

SIM_TEST("an append on condition is made where the log ends as expected, and only there") {
    ClientSetting s(sim);
    CHECK(s.create_topic("t", 1).has_value());
    Producer producer{s.context(), producer_config()};
    const auto attempt = [](Producer& p, Offset expected) -> Task<Result<client::RecordPlace>> {
        CO_TRY(
            const auto delivery,
            co_await p.send_if({.topic = "t", .value = as_bytes("x"), .partition = 0}, expected));
        co_return co_await delivery.wait();
    };
    CHECK(s.run(attempt(producer, 0))->offset == 0);
    CHECK(s.run(attempt(producer, 0)).code() == ErrorCode::append_condition_failed);
    CHECK(s.run(attempt(producer, 2)).code() == ErrorCode::append_condition_failed);
    CHECK(s.run(attempt(producer, 1))->offset == 1);
}
