// A consume-transform-produce loop with transactions, over kills of the node, lost connections and
// aborts at random, in both versions of the protocol: whoever reads committed sees each record of
// the input once.
#include "client/consumer.h"
#include "client/producer.h"
#include "protocol/messages/update_features.h"
#include "sim/client/setting.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using client::Consumer;
using client::ConsumerConfig;
using client::Producer;
using client::ProducerConfig;

namespace {

constexpr int kRecords = 200;

ProducerConfig copier_config() {
    ProducerConfig out;
    out.client = ClientSetting::config();
    out.transactional_id = "copier";
    out.transaction_timeout = 10s;
    return out;
}

ConsumerConfig reader_config(std::string group) {
    ConsumerConfig out;
    out.client = ClientSetting::config();
    out.group_id = std::move(group);
    out.auto_commit = false;
    out.isolation = client::IsolationLevel::read_committed;
    out.offset_reset.kind = client::OffsetReset::Kind::earliest;
    out.max_poll_records = 10;
    return out;
}

Task<Result<void>> set_transaction_version(client::Cluster& cluster, int16_t level) {
    protocol::UpdateFeaturesRequest request;
    auto& update = request.feature_updates.emplace_back();
    update.feature = "transaction.version";
    update.max_version_level = level;
    update.upgrade_type = 2;
    CO_TRY(const auto reply, co_await cluster.call_controller(request, cluster.after(1min)));
    if (reply->error_code != 0) co_return fail(static_cast<ErrorCode>(reply->error_code));
    co_return {};
}

Task<Result<void>> fill(Producer& producer) {
    for (int i = 0; i != kRecords; ++i) {
        const std::string value = fmt::format("{}", i);
        CO_TRY_OK(co_await producer.send({.topic = "in", .value = as_bytes(value)}));
    }
    co_return co_await producer.close();
}

// One transaction: what one poll gives, and its offsets.
Task<Result<void>> copy_some(Consumer& consumer, Producer& producer, Loop& loop) {
    CO_TRY(auto batches, co_await consumer.poll(200ms));
    if (batches.empty()) co_return {};
    CO_TRY_OK(producer.begin_transaction());
    client::CommittedOffsets offsets;
    for (client::RecordBatch& batch : batches) {
        client::RecordView record;
        for (;;) {
            CO_TRY(const bool more, batch.next(record));
            if (!more) break;
            CO_TRY_OK(co_await producer.send({.topic = "out", .value = record.value}));
        }
        offsets[batch.place()].offset = batch.next_offset();
    }
    CO_TRY_OK(co_await producer.send_offsets(std::move(offsets), consumer.group_metadata()));
    if (loop.rng().chance(0.2)) co_return fail(ErrorCode::cancelled, "at random");
    co_return co_await producer.commit_transaction();
}

// The life of one copier: until something fails that only another one mends.
Task<bool> copy(ClientSetting& s, const bool& stopping) {
    Loop& loop = s.world.client.loop();
    Producer producer{s.context(), copier_config()};
    Consumer consumer{s.context(), reader_config("g")};
    if (!consumer.assign({{"in", 0}, {"in", 1}})) co_return false;
    bool usable = (co_await producer.init_transactions()).has_value();
    while (usable && !stopping) {
        const auto copied = co_await copy_some(consumer, producer, loop);
        if (copied) continue;
        if (!(co_await producer.abort_transaction()).has_value()) usable = false;
        // Back to what is committed.
        const auto committed = co_await consumer.committed({{"in", 0}, {"in", 1}});
        if (!committed) break;
        for (const PartitionIndex p : {0, 1}) {
            const auto at = committed->find({"in", p});
            if (!consumer.seek({"in", p}, at == committed->end() ? 0 : at->second.offset)) break;
        }
    }
    (void)co_await consumer.close();
    co_return usable;
}

Task<void> copy_on(ClientSetting& s, const bool& stopping, bool& ended) {
    while (!stopping) co_await copy(s, stopping);
    ended = true;
}

Task<Result<std::multiset<int>>> read_output(ClientSetting& s, int wanted) {
    Consumer consumer{s.context(), reader_config("")};
    std::multiset<int> out;
    CO_TRY_OK(consumer.assign({{"out", 0}, {"out", 1}}));
    const auto deadline = s.world.client.loop().now() + 2min;
    while (static_cast<int>(out.size()) < wanted && s.world.client.loop().now() < deadline) {
        CO_TRY(auto batches, co_await consumer.poll(500ms));
        for (client::RecordBatch& batch : batches)
            CO_TRY_OK(batch.for_each([&](const client::RecordView& record) {
                out.insert(std::stoi(std::string(as_text(*record.value))));
            }));
    }
    CO_TRY_OK(co_await consumer.close());
    co_return std::move(out);
}

void live(Simulation& sim, int16_t version) {
    ClientSetting s(sim, {"group.initial.rebalance.delay.ms=0"});
    CHECK(s.create_topic("in", 2).has_value());
    CHECK(s.create_topic("out", 2).has_value());
    {
        client::Cluster cluster{s.context(), ClientSetting::config()};
        const auto set = s.run(set_transaction_version(cluster, version));
        CHECK_MESSAGE(set.has_value(), set.error().describe());
        ProducerConfig config;
        config.client = ClientSetting::config();
        Producer producer{s.context(), config};
        const auto filled = s.run(fill(producer));
        CHECK_MESSAGE(filled.has_value(), filled.error().describe());
    }
    bool stopping = false;
    bool ended = false;
    DroppingScope scope{s.world.client.loop()};
    s.world.fabric.faults.reset_chance = 0.002;
    scope.spawn(copy_on(s, stopping, ended));
    for (int life = 0; life != 3; ++life) {
        s.world.sim.run_for(s.world.sim.between(0ms, 3s));
        s.world.server.kill();
        s.world.sim.run_for(s.world.sim.between(0ms, 500ms));
        s.world.start_server();
    }
    s.world.fabric.faults = {};
    const auto seen = s.run(read_output(s, kRecords), 10min);
    REQUIRE_MESSAGE(seen.has_value(), seen.error().describe());
    std::multiset<int> wanted;
    for (int i = 0; i != kRecords; ++i) wanted.insert(i);
    CHECK(*seen == wanted);
    stopping = true;
    CHECK(s.world.sim.run_until([&] { return ended; }, 10min));
}

}  // namespace

SIM_TEST("a transactional copier loses and doubles nothing, version 1") {
    live(sim, 1);
}

SIM_TEST("a transactional copier loses and doubles nothing, version 2") {
    live(sim, 2);
}

SIM_TEST("a record that fails ends its transaction, and the next one begins anew") {
    ClientSetting s(sim);
    CHECK(s.create_topic("t", 1, {{"max.message.bytes", "1000"}}).has_value());
    {
        client::Cluster cluster{s.context(), ClientSetting::config()};
        const auto version = static_cast<int16_t>(sim.rng().below(2) + 1);
        CHECK(s.run(set_transaction_version(cluster, version)).has_value());
    }
    ProducerConfig config = copier_config();
    config.batch_size = 100;
    Producer producer{s.context(), config};
    CHECK(s.run(producer.init_transactions()).has_value());
    for (int i = 0; i != 3; ++i) {
        CHECK(producer.begin_transaction().has_value());
        const std::string small = fmt::format("{}", i);
        const std::string large(5000, 'x');
        std::vector<client::Delivery> deliveries;
        for (const std::string& value : {small, i == 1 ? large : small, small}) {
            auto sent = s.run(producer.send({.topic = "t", .value = as_bytes(value)}));
            // The failure of the one before may be known by now.
            CHECK(sent.code() ==
                  (i == 1 && !sent ? ErrorCode::message_too_large : ErrorCode::none));
            if (sent) deliveries.push_back(*std::move(sent));
        }
        const auto committed = s.run(producer.commit_transaction());
        CHECK(committed.code() == (i == 1 ? ErrorCode::message_too_large : ErrorCode::none));
        for (const auto& delivery : deliveries) CHECK(delivery.done());
        if (i == 1) CHECK(s.run(producer.abort_transaction()).has_value());
    }
    Consumer consumer{s.context(), reader_config("")};
    CHECK(consumer.assign({{"t", 0}}).has_value());
    std::string seen;
    for (int i = 0; i != 10; ++i) {
        auto batches = s.run(consumer.poll(500ms));
        REQUIRE(batches.has_value());
        for (client::RecordBatch& batch : *batches)
            CHECK(batch
                      .for_each(
                          [&](const client::RecordView& record) { seen += as_text(*record.value); })
                      .has_value());
    }
    CHECK(seen == "000222");
    CHECK(s.run(consumer.close()).has_value());
}

SIM_TEST("a producer is fenced by the next one of its transactional id") {
    ClientSetting s(sim);
    CHECK(s.create_topic("t", 1).has_value());
    Producer first{s.context(), copier_config()};
    CHECK(s.run(first.init_transactions()).has_value());
    CHECK(first.begin_transaction().has_value());
    CHECK(first.begin_transaction().code() == ErrorCode::invalid_txn_state);
    CHECK(s.run(first.send({.topic = "t", .value = as_bytes("x")})).has_value());
    Producer second{s.context(), copier_config()};
    CHECK(s.run(second.send({.topic = "t"})).code() == ErrorCode::invalid_txn_state);
    CHECK(s.run(second.init_transactions()).has_value());
    CHECK(!s.run(first.commit_transaction()).has_value());
    CHECK(!s.run(first.abort_transaction()).has_value());
    CHECK(!first.begin_transaction().has_value());
    CHECK(second.begin_transaction().has_value());
    CHECK(s.run(second.commit_transaction()).has_value());
    CHECK(second.begin_transaction().has_value());
    CHECK(s.run(second.send({.topic = "t", .value = as_bytes("y")})).has_value());
    CHECK(s.run(second.commit_transaction()).has_value());
}
