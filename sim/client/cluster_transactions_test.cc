// Transactional producers, and readers of what they committed, against brokers that die, come back,
// stall, hand partitions and coordinators over, and answer with every retriable error; in both
// versions of the protocol.
#include "client/consumer.h"
#include "client/producer.h"
#include "sim/client/cluster/upheaval.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using client::Consumer;
using client::ConsumerConfig;
using client::Producer;
using client::ProducerConfig;

namespace {

constexpr int kRecords = 360;  // of the input, in each partition
constexpr PartitionIndex kPartitions = 2;

ProducerConfig copier_config(const StandInCluster& cluster) {
    ProducerConfig out;
    out.client.bootstrap_servers = *client::parse_bootstrap_servers(cluster.bootstrap_servers());
    out.client.request_timeout = 3s;
    out.client.metadata_max_age = 5s;
    out.transactional_id = "copier";
    out.transaction_timeout = 10s;
    out.max_block = 20s;
    out.delivery_timeout = 15s;
    return out;
}

ConsumerConfig reader_config(const StandInCluster& cluster, std::string group) {
    ConsumerConfig out;
    out.client.bootstrap_servers = *client::parse_bootstrap_servers(cluster.bootstrap_servers());
    out.client.request_timeout = 3s;
    out.client.metadata_max_age = 5s;
    out.group_id = std::move(group);
    out.auto_commit = false;
    out.isolation = client::IsolationLevel::read_committed;
    out.offset_reset.kind = client::OffsetReset::Kind::earliest;
    out.max_poll_records = 10;
    return out;
}

struct Copying {
    StandInCluster& cluster;
    bool stopping = false;
    bool ended = false;
    int committed = 0;
    std::map<ErrorCode, int> failures;
};

// One transaction: what one poll gives, and its offsets.
Task<Result<void>> copy_some(Copying& c, Consumer& consumer, Producer& producer) {
    CO_TRY(auto batches, co_await consumer.poll(200ms));
    if (batches.empty()) co_return {};
    CO_TRY_OK(producer.begin_transaction());
    client::CommittedOffsets offsets;
    for (client::RecordBatch& batch : batches) {
        client::RecordView record;
        for (;;) {
            CO_TRY(const bool more, batch.next(record));
            if (!more) break;
            CO_TRY_OK(co_await producer.send(
                {.topic = "out", .value = record.value, .partition = batch.partition()}));
        }
        offsets[batch.place()].offset = batch.next_offset();
    }
    // Perhaps before anything has left.
    Rng& rng = Loop::current().rng();
    if (rng.chance(0.1)) co_return fail(ErrorCode::cancelled, "at random");
    CO_TRY_OK(co_await producer.send_offsets(std::move(offsets), consumer.group_metadata()));
    if (rng.chance(0.1)) co_return fail(ErrorCode::cancelled, "at random");
    CO_TRY_OK(co_await producer.commit_transaction());
    ++c.committed;
    co_return {};
}

// The life of one copier: until something fails that only another one mends.
Task<void> copy(Copying& c) {
    Producer producer{c.cluster.client(), copier_config(c.cluster)};
    Consumer consumer{c.cluster.client(), reader_config(c.cluster, "g")};
    std::vector<TopicPartition> places;
    for (PartitionIndex p = 0; p != kPartitions; ++p) places.push_back({"in", p});
    const bool usable = (co_await producer.init_transactions()).has_value();
    // Only now: an earlier copier may commit until it is fenced.
    CHECK(consumer.assign(places).has_value());
    while (usable && !c.stopping) {
        const auto copied = co_await copy_some(c, consumer, producer);
        if (copied) continue;
        ++c.failures[copied.code()];
        if (!(co_await producer.abort_transaction()).has_value()) break;
        // Back to what is committed.
        const auto committed = co_await consumer.committed(places);
        if (!committed) break;
        for (const TopicPartition& place : places) {
            const auto at = committed->find(place);
            if (!consumer.seek(place, at == committed->end() ? 0 : at->second.offset)) break;
        }
    }
    (void)co_await consumer.close();
}

Task<void> copy_on(Copying& c) {
    while (!c.stopping) co_await copy(c);
    c.ended = true;
}

// Reads along, committed records only.
struct Reader {
    explicit Reader(StandInCluster& cluster)
        : consumer(cluster.client(), reader_config(cluster, "")) {}
    Consumer consumer;
    std::map<TopicPartition, std::vector<std::string>> seen;
    bool stop = false;
    bool stopped = false;
    size_t count() const {
        size_t out = 0;
        for (const auto& [place, values] : seen) out += values.size();
        return out;
    }
};

Task<void> read_along(Reader& reader) {
    while (!reader.stop) {
        auto batches = co_await reader.consumer.poll(200ms);
        CHECK_MESSAGE(batches.has_value(), batches.error().describe());
        if (!batches) continue;
        for (client::RecordBatch& batch : *batches)
            CHECK(batch
                      .for_each([&](const client::RecordView& record) {
                          reader.seen[batch.place()].emplace_back(as_text(*record.value));
                      })
                      .has_value());
    }
    reader.stopped = true;
}

// Until all replicas have it: before that, an election may cut off the end of it.
void write_input(StandInCluster& cluster, std::span<const std::string> values) {
    for (PartitionIndex p = 0; p != kPartitions; ++p) {
        StandInPartition& partition = *cluster.find("in", p);
        for (size_t i = 0; i != values.size(); i += 4)
            cluster.write(partition, values.subspan(i, 4));
        CHECK(
            cluster.sim.run_until([&] { return partition.log.high_watermark() == kRecords; }, 1s));
    }
}

void live(Simulation& sim, StandInCluster::Options options) {
    StandInCluster cluster(sim, options);
    cluster.create_topic("in", kPartitions);
    cluster.create_topic("out", kPartitions);
    std::vector<std::string> values;
    for (int i = 0; i != kRecords; ++i) values.push_back(fmt::format("{}", i));
    write_input(cluster, values);
    Copying copying{.cluster = cluster, .failures = {}};
    Reader reader(cluster);
    std::vector<TopicPartition> places;
    for (PartitionIndex p = 0; p != kPartitions; ++p) places.push_back({"out", p});
    CHECK(reader.consumer.assign(places).has_value());
    DroppingScope scope{cluster.client().loop};
    scope.spawn(copy_on(copying));
    scope.spawn(read_along(reader));
    const double scale = static_cast<double>(sim.rng().below(4)) / 3;
    cluster.faults = {.error = 0.08 * scale, .drop = 0.02 * scale, .slow = 0.02 * scale};
    cluster.fabric.faults.reset_chance = 0.001;
    UpheavalKinds kinds;
    if (options.transaction_version < 2) {
        // An EndTxn that is carried out long after it was given up ends the next transaction: what
        // version 2 is for (KIP-890).
        cluster.faults.slow = 0;
        kinds.pauses = kinds.links = false;
    }
    Upheaval upheaval(cluster, kinds);
    sim.run_for(15s);
    upheaval.stop();
    CHECK(sim.run_until([&] { return reader.count() >= kPartitions * kRecords; }, 10min));
    sim.run_for(3s);
    for (const TopicPartition& place : places) {
        CHECK(reader.seen[place] == values);
        std::vector<std::string> committed;
        for (const auto& record : cluster.find(place.topic, place.partition)->log.records())
            if (!record.aborted && !record.open) committed.push_back(record.value);
        CHECK(committed == values);
    }
    copying.stopping = reader.stop = true;
    CHECK(sim.run_until([&] { return copying.ended && reader.stopped; }, 5min));
}

}  // namespace

SIM_TEST_OF(2, "a transactional copier loses and doubles nothing while brokers fail, version 2") {
    live(sim, {.transaction_version = 2});
}

SIM_TEST_OF(2, "a transactional copier loses and doubles nothing while brokers fail, version 1") {
    live(sim, {.transaction_version = 1});
}

SIM_TEST_OF(2, "a transactional copier loses and doubles nothing while brokers fail, old brokers") {
    live(sim, {.brokers = 4, .transaction_version = 0, .old = true});
}
