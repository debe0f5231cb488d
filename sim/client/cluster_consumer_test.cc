// Consumers against brokers that die, come back, stall, hand their partitions over, and answer with
// every retriable error: alone and in groups of both protocols, reading from followers, and from
// logs that were cut below what was committed.
#include "client/consumer.h"
#include "sim/client/cluster/upheaval.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using client::Consumer;
using client::ConsumerConfig;

namespace {

constexpr int kPartitions = 6;

ConsumerConfig consumer_config(const StandInCluster& cluster, std::string group = {}) {
    ConsumerConfig out;
    out.client.bootstrap_servers = *client::parse_bootstrap_servers(cluster.bootstrap_servers());
    out.client.request_timeout = 3s;
    out.client.metadata_max_age = 2s;
    out.group_id = std::move(group);
    out.offset_reset.kind = client::OffsetReset::Kind::earliest;
    out.session_timeout = 15s;
    out.heartbeat_interval = 500ms;
    out.auto_commit_interval = 500ms;
    out.max_poll_records = 20;
    return out;
}

struct Read {
    Offset offset;
    std::string value;
};
using History = std::map<TopicPartition, std::vector<Read>>;

// A reader, and what it was given since each partition became its own.
class Recorder final : public client::RebalanceListener {
public:
    Task<void> assigned(std::span<const TopicPartition> partitions) override {
        for (const auto& p : partitions) {
            CHECK(owned.insert(p).second);
            spell.erase(p);
        }
        co_return;
    }
    Task<void> revoked(std::span<const TopicPartition> partitions) override {
        for (const auto& p : partitions) CHECK(owned.erase(p) == 1);
        co_return;
    }
    void read(const TopicPartition& place, const client::RecordView& record) {
        CHECK(owned.contains(place));
        const auto last = spell.find(place);
        if (last != spell.end())
            CHECK_MESSAGE(record.offset == last->second + 1,
                          place.topic << "-" << place.partition << ": " << record.offset
                                      << " after " << last->second);
        spell[place] = record.offset;
        history[place].push_back({record.offset, std::string(as_text(*record.value))});
    }
    std::set<TopicPartition> owned;
    std::map<TopicPartition, Offset> spell;  // the last offset
    History history;
};

struct Member {
    Member(StandInCluster& cluster, ConsumerConfig config)
        : consumer(std::make_unique<Consumer>(cluster.client(), std::move(config))) {}
    std::shared_ptr<Recorder> recorder = std::make_shared<Recorder>();
    std::unique_ptr<Consumer> consumer;
    bool contiguous = true;  // that a record is read twice or left out is an error
    bool stop = false;
    bool stopped = false;
};

Task<void> live(Member& member) {
    Loop& loop = Loop::current();
    while (!member.stop) {
        // So that something waits in the buffers.
        if (loop.rng().chance(0.1))
            co_await loop.sleep_for(std::chrono::milliseconds(loop.rng().below(1500)));
        auto batches = co_await member.consumer->poll(100ms);
        CHECK_MESSAGE(batches.has_value(), batches.error().describe());
        if (!batches) continue;
        for (client::RecordBatch& batch : *batches) {
            const auto given = batch.for_each([&](const client::RecordView& record) {
                if (!member.contiguous) member.recorder->spell.erase(batch.place());
                member.recorder->read(batch.place(), record);
            });
            CHECK(given.has_value());
        }
    }
    member.stopped = true;
}

// Records come in all the time, some at once.
class Writer {
public:
    explicit Writer(StandInCluster& cluster) : cluster_(cluster) { next(); }
    ~Writer() { *alive_ = false; }
    void stop() { *alive_ = false; }

private:
    void next() {
        cluster_.sim.after(cluster_.sim.between(0ms, 40ms), [this, alive = alive_] {
            if (!*alive) return;
            const auto partition =
                static_cast<PartitionIndex>(cluster_.sim.rng().below(kPartitions));
            std::vector<std::string> values;
            for (uint64_t i = 0; i <= cluster_.sim.rng().below(5); ++i)
                values.push_back(fmt::format("value {}", written_++));
            cluster_.write(*cluster_.find("t", partition), values);
            next();
        });
    }
    StandInCluster& cluster_;
    int written_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The last that was read at each offset.
std::map<Offset, std::string> last_read(std::span<const Member* const> members,
                                        const TopicPartition& place) {
    std::map<Offset, std::string> out;
    for (const Member* member : members) {
        const auto found = member->recorder->history.find(place);
        if (found == member->recorder->history.end()) continue;
        for (const Read& read : found->second) out[read.offset] = read.value;
    }
    return out;
}

std::map<Offset, std::string> stored(StandInCluster& cluster, const TopicPartition& place) {
    std::map<Offset, std::string> out;
    for (const auto& record : cluster.find(place.topic, place.partition)->log.records())
        out[record.offset] = record.value;
    return out;
}

bool all_read(StandInCluster& cluster, std::span<const Member* const> members) {
    for (PartitionIndex p = 0; p != kPartitions; ++p) {
        const TopicPartition place{"t", p};
        auto read = last_read(members, place);
        const auto there = stored(cluster, place);
        // What an unclean election has cut off at the end was read all the same.
        read.erase(read.lower_bound(static_cast<Offset>(there.size())), read.end());
        if (read != there) return false;
    }
    return true;
}

void set_faults(StandInCluster& cluster) {
    const double scale = static_cast<double>(cluster.sim.rng().below(4)) / 3;
    cluster.faults = {.error = 0.1 * scale,
                      .performed = 0.5,
                      .drop = 0.02 * scale,
                      .slow = 0.03 * scale,
                      .throttle = 0.02};
    cluster.fabric.faults.reset_chance = 0.001;
}

void read_alone(Simulation& sim, StandInCluster& cluster, ConsumerConfig config, bool unclean) {
    cluster.create_topic("t", kPartitions);
    Member member(cluster, std::move(config));
    member.contiguous = !unclean;
    std::vector<TopicPartition> all;
    for (PartitionIndex p = 0; p != kPartitions; ++p) all.push_back({"t", p});
    CHECK(member.consumer->assign(all).has_value());
    member.recorder->owned.insert(all.begin(), all.end());
    DroppingScope scope{cluster.client().loop};
    scope.spawn(live(member));
    Writer writer(cluster);
    set_faults(cluster);
    Upheaval upheaval(cluster, {.unclean = unclean});
    sim.run_for(10s);
    upheaval.stop();
    sim.run_for(200ms);
    writer.stop();
    const Member* const members[] = {&member};
    CHECK(sim.run_until([&] { return all_read(cluster, members); }, 2min));
    member.stop = true;
    CHECK(sim.run_until([&] { return member.stopped; }, 1min));
}

struct Variant {
    std::vector<std::string> assignors;
    client::GroupProtocol protocol = client::GroupProtocol::classic;
};

bool shared_evenly(std::span<const Member* const> members) {
    std::set<TopicPartition> all;
    for (const Member* m : members) {
        const auto mine = m->consumer->assignment();
        if (mine.size() != kPartitions / members.size()) return false;
        if (m->recorder->owned != std::set<TopicPartition>(mine.begin(), mine.end())) return false;
        all.insert(mine.begin(), mine.end());
    }
    return all.size() == kPartitions;
}

// Two members all the time, and one that comes and goes.
void read_together(Simulation& sim, const Variant& variant) {
    StandInCluster cluster(
        sim, {.old = variant.protocol == client::GroupProtocol::classic && sim.rng().chance(0.3)});
    cluster.create_topic("t", kPartitions);
    auto config = consumer_config(cluster, "g");
    config.group_protocol = variant.protocol;
    if (!variant.assignors.empty()) config.assignors = variant.assignors;
    std::vector<std::unique_ptr<Member>> members;
    DroppingScope scope{cluster.client().loop};
    const auto join = [&] {
        Member& m = *members.emplace_back(std::make_unique<Member>(cluster, config));
        CHECK(m.consumer->subscribe({"t"}, m.recorder).has_value());
        scope.spawn(live(m));
    };
    Writer writer(cluster);
    join();
    join();
    set_faults(cluster);
    Upheaval upheaval(cluster, {});
    for (int round = 0; round != 2; ++round) {
        sim.run_for(sim.between(0ms, 4s));
        join();
        sim.run_for(sim.between(0ms, 4s));
        Member& last = *members.back();
        last.stop = true;
        CHECK(sim.run_until([&] { return last.stopped; }, 2min));
        const auto closed = sim.run(cluster.client_node().loop(), last.consumer->close(10s), 1min);
        CHECK(closed.has_value());
        CHECK(last.recorder->owned.empty());
    }
    upheaval.stop();
    sim.run_for(200ms);
    writer.stop();
    std::vector<const Member*> everybody;
    for (const auto& m : members) everybody.push_back(&*m);
    const std::vector<const Member*> staying{&*members[0], &*members[1]};
    CHECK(sim.run_until([&] { return shared_evenly(staying); }, 2min));
    CHECK(sim.run_until([&] { return all_read(cluster, everybody); }, 2min));
    for (int i : {0, 1}) members[static_cast<size_t>(i)]->stop = true;
    CHECK(sim.run_until([&] { return members[0]->stopped && members[1]->stopped; }, 1min));
}

}  // namespace

SIM_TEST_OF(2, "a consumer reads each record once while brokers fail") {
    StandInCluster cluster(sim, {.old = sim.rng().chance(0.3)});
    read_alone(sim, cluster, consumer_config(cluster), false);
}

SIM_TEST_OF(2, "a consumer reads each record once from followers in its rack while brokers fail") {
    StandInCluster cluster(sim, {.brokers = 4});
    auto config = consumer_config(cluster);
    config.client_rack = "rack-2";
    read_alone(sim, cluster, std::move(config), false);
}

SIM_TEST_OF(2, "a consumer notices that a log was cut below its position while brokers fail") {
    StandInCluster cluster(sim, {});
    read_alone(sim, cluster, consumer_config(cluster), true);
}

SIM_TEST_OF(2, "members of a classic group read everything while brokers fail, eager") {
    read_together(sim, {.assignors = {"range"}});
}

SIM_TEST_OF(2, "members of a classic group read everything while brokers fail, cooperative") {
    read_together(sim, {.assignors = {"cooperative-sticky"}});
}

SIM_TEST_OF(2, "members of the consumer protocol read everything while brokers fail") {
    read_together(sim, {.assignors = {}, .protocol = client::GroupProtocol::consumer});
}
