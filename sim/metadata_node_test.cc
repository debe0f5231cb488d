// The metadata node under crashes: what was acked is there after every kill and power cut, and an
// image rebuilt from the disk is the image that was live.
#include <map>

#include "base/log.h"
#include "controller/test_node.h"
#include "raft/snapshot_file.h"
#include "sim/sim_test.h"

using namespace millrace;
using namespace millrace::sim;
using namespace std::chrono_literals;
using controller::MetadataNode;
using runtime::Context;
using runtime::Task;

namespace {

const std::string kDirectory = "/data";

// What the test knows of a topic. Between a request and its answer it may be so or so.
enum class Known : uint8_t { absent, present, unsure };

// One life after the other of the same directory.
struct Machine {
    explicit Machine(Simulation& s) : sim(s), rng(s.seed() * 7919 + 1) {}

    void boot() {
        node = nullptr;
        ready = false;
        sim_node.start([this](Context& context) -> Task<void> { co_await live(context); });
    }

    Task<void> live(Context& context) {
        // In this order, so that a crash destroys the tasks first.
        storage::Shard shard{context.disk, {}};
        std::unique_ptr<MetadataNode> owner;
        runtime::Scope background{context.loop};
        runtime::Scope scope{context.loop};
        auto started = co_await start(context, shard, owner);
        CHECK_MESSAGE(started.has_value(), (started ? std::string() : started.error().describe()));
        if (!started) co_return;
        background.spawn(node->run());
        for (int i = 0; i < 4; ++i) scope.spawn(work(i));
        ready = true;
        co_await stop_asked.wait();
        co_await scope.join();
        CHECK((co_await node->stop()).has_value());
        co_await background.join();
        final_dump = controller::dump(node->image());
    }

    Task<Result<void>> start(Context& context, storage::Shard& shard,
                             std::unique_ptr<MetadataNode>& owner) {
        controller::TestNode place{context.disk, shard, context.loop, kDirectory, config};
        CO_TRY_OK(co_await place.format(true));
        CO_TRY(owner, co_await place.start());
        node = owner.get();
        check_image();
        start_dump = controller::dump(node->image());
        co_return co_await place.join(*node);
    }

    // Everything that was acked, and nothing that was refused.
    void check_image() {
        const metadata::ImagePtr& image = node->image();
        for (auto& [name, known] : topics) {
            const auto topic = image->topic(name);
            if (known == Known::present) CHECK_MESSAGE(topic != nullptr, "lost the topic ", name);
            if (known == Known::absent)
                CHECK_MESSAGE(topic == nullptr, "the deleted topic ", name, " is back");
            if (known == Known::unsure) known = topic ? Known::present : Known::absent;
            if (!topic) continue;
            CHECK(topic->partitions.size() == 3);
            const auto& overrides = image->overrides(metadata::ResourceType::topic, name);
            CHECK(overrides.contains("retention.ms"));
        }
        CHECK(image->topics_by_name.size() <= topics.size());
        CHECK(image->next_producer_id >= next_producer_id);
        protocol::DescribeQuorumRequest request;
        request.topics.emplace_back().topic_name = "__cluster_metadata";
        request.topics[0].partitions.emplace_back();
        const LeaderEpoch now = node->describe_quorum(request).topics[0].partitions[0].leader_epoch;
        CHECK(now > epoch);
        epoch = now;
    }

    Task<void> work(int worker) {
        while (!stop_asked.is_set()) {
            switch (rng.below(4)) {
                case 0:
                    co_await remove(worker);
                    break;
                case 1:
                    co_await allocate();
                    break;
                default:
                    co_await create(worker);
                    break;
            }
            const bool idle = rng.chance(0.05);
            co_await node_loop().sleep_for(std::chrono::milliseconds(rng.below(idle ? 1500 : 60)));
        }
    }

    Task<void> create(int worker) {
        const std::string name = fmt::format("topic-{}-{}", worker, next_name++);
        protocol::CreateTopicsRequest request;
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.num_partitions = 3;
        topic.replication_factor = 1;
        topic.configs.push_back({.name = "retention.ms", .value = protocol::Str("1000")});
        topics[name] = Known::unsure;
        auto response = co_await node->create_topics(request, 7);
        CHECK(response.has_value());
        if (!response) co_return;
        CHECK(response->topics[0].error_code == 0);
        CHECK(node->image()->topic(name) != nullptr);
        topics[name] = Known::present;
    }

    Task<void> remove(int worker) {
        std::string name;
        for (const auto& [candidate, known] : topics)
            if (known == Known::present &&
                candidate.starts_with(fmt::format("topic-{}-", worker)) && rng.chance(0.3))
                name = candidate;
        if (name.empty()) co_return;
        protocol::DeleteTopicsRequest request;
        request.topics.emplace_back().name = protocol::Str(name);
        topics[name] = Known::unsure;
        auto response = co_await node->delete_topics(request, 6);
        CHECK(response.has_value());
        if (!response) co_return;
        CHECK(response->responses[0].error_code == 0);
        topics[name] = Known::absent;
    }

    Task<void> allocate() {
        protocol::AllocateProducerIdsRequest request;
        request.broker_id = 1;
        request.broker_epoch = node->image()->broker(1)->epoch;
        auto response = co_await node->allocate_producer_ids(request, 0);
        CHECK(response.has_value());
        if (!response) co_return;
        CHECK(response->error_code == 0);
        CHECK_MESSAGE(!blocks.contains(response->producer_id_start),
                      "a block was handed out twice");
        blocks.insert(response->producer_id_start);
        next_producer_id = std::max<ProducerId>(
            next_producer_id, response->producer_id_start + response->producer_id_len);
    }

    runtime::Loop& node_loop() { return sim_node.loop(); }

    Simulation& sim;
    SimFabric fabric{sim};
    SimNode sim_node{sim, fabric, "node"};
    std::shared_ptr<const config::BrokerConfig> config =
        std::make_shared<const config::BrokerConfig>(
            config::BrokerConfig::load("", "test",
                                       {"metadata.log.max.record.bytes.between.snapshots=6000",
                                        "metadata.max.retention.bytes=40000"})
                ->config);
    Rng rng;

    MetadataNode* node = nullptr;
    bool ready = false;
    runtime::Event stop_asked;
    std::string start_dump;
    std::string final_dump;
    LeaderEpoch epoch = 0;

    std::map<std::string, Known> topics;
    std::set<ProducerId> blocks;
    ProducerId next_producer_id = -1;
    int next_name = 0;
};

}  // namespace

SIM_TEST("acked metadata survives kills and power cuts") {
    Machine machine{sim};
    for (int life = 0; life < 8; ++life) {
        machine.boot();
        sim.run_for(sim.between(0ms, 400ms));
        if (sim.rng().chance(0.1)) sim.run_for(sim.between(0s, 3s));
        if (sim.rng().chance(0.6)) {
            machine.sim_node.power_cut();
        } else {
            machine.sim_node.kill();
        }
    }
}

SIM_TEST("after a clean stop the next start finds the same state") {
    Machine machine{sim};
    for (int life = 0; life < 4; ++life) {
        machine.boot();
        CHECK(sim.run_until([&] { return machine.ready; }, 10s));
        if (life > 0)
            CHECK(machine.start_dump.substr(machine.start_dump.find("TopicRecord")) ==
                  machine.final_dump.substr(machine.final_dump.find("TopicRecord")));
        sim.run_for(sim.between(100ms, 3s));
        machine.stop_asked.set();
        CHECK(sim.run_until([&] { return !machine.sim_node.running(); }, 30s));
        machine.stop_asked.reset();
        machine.sim_node.kill();
    }
    // The limits of the configuration are small, so snapshots were taken, and old ones dropped.
    std::vector<raft::SnapshotId> snapshots;
    for (const auto& entry : *machine.sim_node.disk().list(kDirectory + "/__cluster_metadata-0"))
        if (auto id = raft::parse_snapshot_file_name(entry.name)) snapshots.push_back(*id);
    REQUIRE_FALSE(snapshots.empty());
    CHECK(snapshots.back().end_offset > 0);
    CHECK(snapshots.size() < 20);
}
