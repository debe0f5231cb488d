// Share consumers on a cluster of brokers that lose connections and sessions, and move leaders:
// nothing is lost, and what was said of a record is what became of it.
#include "client/share_consumer.h"

#include "sim/client/cluster/share_cluster.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using client::AcknowledgeType;
using client::ShareBatch;
using client::ShareConsumer;

namespace {

using Place = std::pair<PartitionIndex, Offset>;

struct World {
    World(Simulation& s, int brokers, int partitions)
        : sim(s), cluster(s, fabric, brokers, partitions) {
        machine.start([this](Context&) -> Task<void> { co_await ended.wait(); });
    }
    client::ShareConsumerConfig config(bool explicit_mode = false) const {
        client::ShareConsumerConfig out;
        out.client.bootstrap_servers =
            *client::parse_bootstrap_servers("share-0:9092,share-1:9092");
        out.client.metadata_max_age = 5s;
        out.client.request_timeout = 5s;
        out.client.default_api_timeout = 10s;
        out.group_id = "g";
        if (explicit_mode) out.acknowledgement = client::AcknowledgementMode::explicit_each;
        return out;
    }
    template <typename T>
    Result<T> run(Task<Result<T>> task, Duration limit = 10min) {
        auto out = sim.run(machine.loop(), std::move(task), limit);
        if (!out) return fail(ErrorCode::deadline_exceeded, "the task never ended");
        return *std::move(out);
    }
    void append(PartitionIndex p, int records, protocol::Codec codec = protocol::Codec::none) {
        std::vector<std::string> values;
        for (int i = 0; i != records; ++i) values.push_back(fmt::format("value {}", next_value++));
        cluster.partitions[static_cast<size_t>(p)].append(values, codec);
    }
    const SharePartition::Slot& slot(PartitionIndex p, Offset at) const {
        return cluster.partitions[static_cast<size_t>(p)].slots().at(at);
    }

    Simulation& sim;
    SimFabric fabric{sim};
    ShareCluster cluster;
    Event ended;
    int next_value = 0;
    SimNode machine{sim, fabric, "client"};
};

struct Got {
    Place at;
    std::string value;
    int16_t count = 0;
};

Task<Result<std::vector<Got>>> poll(ShareConsumer& consumer, Duration patience = 5s) {
    CO_TRY(auto batches, co_await consumer.poll(patience));
    std::vector<Got> out;
    for (ShareBatch& batch : batches) {
        CO_TRY_OK(batch.for_each([&](const client::RecordView& record, int16_t count) {
            out.push_back(
                {{batch.partition(), record.offset}, std::string(as_text(*record.value)), count});
        }));
    }
    co_return out;
}

// Polls until that many records came.
std::vector<Got> poll_all(World& w, ShareConsumer& consumer, size_t records) {
    std::vector<Got> out;
    for (int i = 0; i != 20 && out.size() < records; ++i) {
        const auto more = w.run(poll(consumer));
        REQUIRE_MESSAGE(more.has_value(), more.error().describe());
        out.insert(out.end(), more->begin(), more->end());
    }
    return out;
}

TopicPartition place_of(PartitionIndex p) {
    return {"jobs", p};
}

constexpr auto kAcknowledged = SharePartition::State::acknowledged;
constexpr auto kAvailable = SharePartition::State::available;
constexpr auto kArchived = SharePartition::State::archived;
constexpr auto kAcquired = SharePartition::State::acquired;

}  // namespace

SIM_TEST("the next poll accepts what the last one gave") {
    World w(sim, 2, 2);
    w.append(0, 3);
    w.append(1, 2, protocol::Codec::lz4);
    ShareConsumer consumer(w.machine.context(), w.config());
    CHECK(w.run(poll(consumer)).code() == ErrorCode::invalid_request);
    CHECK(consumer.subscribe({""}).code() == ErrorCode::invalid_topic_exception);
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    const auto got = poll_all(w, consumer, 5);
    REQUIRE(got.size() == 5);
    std::set<std::string> values;
    for (const Got& g : got) {
        values.insert(g.value);
        CHECK(g.count == 1);
    }
    CHECK(values.size() == 5);
    CHECK(consumer.acknowledge(place_of(0), 0).code() == ErrorCode::invalid_request);
    CHECK(consumer.lock_timeout() == SharePartition::kLock);
    CHECK(w.run(poll(consumer, 1s))->empty());
    CHECK(w.cluster.settled());
    for (Offset at = 0; at != 3; ++at) CHECK(w.slot(0, at).state == kAcknowledged);
    CHECK(w.cluster.piggybacked > 0);
    CHECK(w.run(consumer.close()).has_value());
    CHECK(w.cluster.members.empty());
    CHECK(w.cluster.closed_sessions == 2);
    CHECK(w.cluster.wrong_epochs == 0);
}

SIM_TEST("each record becomes what was said of it") {
    World w(sim, 1, 1);
    w.append(0, 5);
    ShareConsumer consumer(w.machine.context(), w.config(true));
    std::map<Place, Result<void>> heard;
    consumer.on_acknowledged([&](const TopicPartition& place, auto ranges, const auto& result) {
        for (const auto& range : ranges)
            for (Offset at = range.first; at <= range.last; ++at)
                heard[{place.partition, at}] = result;
    });
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    REQUIRE(poll_all(w, consumer, 5).size() == 5);
    CHECK(consumer.acknowledge(place_of(0), 0).has_value());
    CHECK(consumer.acknowledge(place_of(0), 1, AcknowledgeType::reject).has_value());
    CHECK(consumer.acknowledge(place_of(0), 2, AcknowledgeType::accept).has_value());
    CHECK(consumer.acknowledge(place_of(0), 2, AcknowledgeType::release).has_value());
    CHECK(consumer.acknowledge(place_of(0), 3, AcknowledgeType::gap).code() ==
          ErrorCode::invalid_request);
    CHECK(consumer.acknowledge(place_of(0), 9).code() == ErrorCode::invalid_request);
    CHECK(consumer.acknowledge(place_of(1), 0).code() == ErrorCode::invalid_request);
    CHECK(w.run(poll(consumer)).code() == ErrorCode::invalid_request);  // 3 and 4 are open
    auto results = w.run(consumer.commit());
    REQUIRE(results.has_value());
    CHECK(results->at(place_of(0)).has_value());
    CHECK(heard.size() == 3);
    CHECK(w.cluster.alone == 1);
    CHECK(w.slot(0, 0).state == kAcknowledged);
    CHECK(w.slot(0, 1).state == kArchived);
    CHECK(w.slot(0, 2).state == kAvailable);
    CHECK(w.slot(0, 3).state == kAcquired);
    CHECK(consumer.acknowledge(place_of(0), 0).code() == ErrorCode::invalid_request);
    CHECK(consumer.acknowledge(place_of(0), 3).has_value());
    CHECK(consumer.acknowledge(place_of(0), 4, AcknowledgeType::release).has_value());
    const auto again = poll_all(w, consumer, 2);
    REQUIRE(again.size() == 2);
    for (const Got& g : again) {
        CHECK(g.count == 2);
        CHECK((g.at.second == 2 || g.at.second == 4));
        CHECK(consumer.acknowledge(place_of(0), g.at.second).has_value());
    }
    CHECK(w.run(consumer.close()).has_value());
    CHECK(w.cluster.settled());
}

SIM_TEST("a poll that is woken returns, and the next one goes on") {
    World w(sim, 1, 1);
    ShareConsumer consumer(w.machine.context(), w.config());
    CHECK(consumer.subscribe({"jobs"}).has_value());
    Scope scope{w.machine.loop()};
    const auto wake_later = [](ShareConsumer& c) -> Task<void> {
        co_await Loop::current().sleep_for(10s);
        c.wake();
    };
    scope.spawn(wake_later(consumer));
    const auto began = sim.now();
    CHECK(w.run(poll(consumer, 5min))->empty());
    CHECK(sim.now() - began < 11s);
    consumer.wake();  // before it waits
    CHECK(w.run(poll(consumer, 5min))->empty());
    CHECK(sim.now() - began < 12s);
    w.append(0, 3);
    CHECK(w.run(poll(consumer, 5min))->size() == 3);
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("nothing is locked for an application that did not ask") {
    World w(sim, 1, 1);
    ShareConsumer consumer(w.machine.context(), w.config(true));
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    std::vector<Got> got;
    for (int i = 0; i != 100 && got.empty(); ++i) {
        if (i == 20) w.append(0, 3);
        got = *w.run(poll(consumer, 50ms));  // much shorter than the fetch waits
    }
    REQUIRE(got.size() == 3);
    for (Offset at = 0; at != 3; ++at)
        CHECK(consumer.acknowledge(place_of(0), at, AcknowledgeType::release).has_value());
    CHECK(w.run(consumer.commit()).has_value());
    w.sim.run_for(5s);
    for (Offset at = 0; at != 3; ++at) {
        CHECK(w.slot(0, at).state == kAvailable);
        CHECK(w.slot(0, at).deliveries == 1);
    }
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("a renewed lock lasts, one that was not renewed ends") {
    World w(sim, 1, 1);
    w.append(0, 2);
    ShareConsumer consumer(w.machine.context(), w.config(true));
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    REQUIRE(poll_all(w, consumer, 2).size() == 2);
    for (int i = 0; i != 3; ++i) {
        w.sim.run_for(10s);
        CHECK(consumer.acknowledge(place_of(0), 0, AcknowledgeType::renew).has_value());
        auto renewed = w.run(consumer.commit());
        CHECK(renewed->at(place_of(0)).has_value());
    }
    CHECK(consumer.acknowledge(place_of(0), 0).has_value());
    CHECK(w.run(consumer.commit())->at(place_of(0)).has_value());
    CHECK(w.slot(0, 0).state == kAcknowledged);
    CHECK(consumer.acknowledge(place_of(0), 1).has_value());
    CHECK(w.run(consumer.commit())->at(place_of(0)).code() == ErrorCode::invalid_record_state);
    const auto again = poll_all(w, consumer, 1);
    REQUIRE(again.size() == 1);
    CHECK(again[0].count == 2);
    CHECK(w.run(consumer.close()).has_value());
    CHECK(w.slot(0, 1).state == kAvailable);  // close gives back
}

SIM_TEST("a broker that knows no renewal is not asked for one") {
    World w(sim, 1, 1);
    w.cluster.version_max = 1;
    w.append(0, 1);
    ShareConsumer consumer(w.machine.context(), w.config(true));
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    REQUIRE(poll_all(w, consumer, 1).size() == 1);
    CHECK(consumer.acknowledge(place_of(0), 0, AcknowledgeType::renew).has_value());
    auto refused = w.run(consumer.commit());
    CHECK(refused->at(place_of(0)).code() == ErrorCode::unsupported_version);
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("gaps and control records pass, a damaged batch is rejected") {
    World w(sim, 1, 1);
    auto& p = w.cluster.partitions[0];
    p.append_compacted({"a", "gone", "gone too", "b"});
    p.append_control();
    w.append(0, 2);
    p.damage();
    w.append(0, 1);
    for (const bool each : {false, true}) {
        ShareConsumer consumer(w.machine.context(), w.config(each));
        REQUIRE(consumer.subscribe({"jobs"}).has_value());
        int errors = 0;
        std::vector<Got> got;
        for (int i = 0; i != 4; ++i) {
            const auto more = w.run(poll(consumer, 2s));
            if (!more) {
                CHECK(more.code() == ErrorCode::corrupt_message);
                ++errors;
                continue;
            }
            for (const Got& g : *more) {
                if (each) CHECK(consumer.acknowledge(place_of(0), g.at.second).has_value());
                got.push_back(g);
            }
        }
        CHECK(errors == 1);
        CHECK(got.size() == 3);
        CHECK(w.run(consumer.close()).has_value());
        CHECK(w.cluster.settled());
        for (const auto& [offset, slot] : p.slots())
            if (slot.is_record)
                CHECK(slot.state == (p.is_damaged(offset) ? kArchived : kAcknowledged));
        // The same once more, with each record acknowledged.
        p = {};
        p.append_compacted({"a", "gone", "gone too", "b"});
        p.append_control();
        w.append(0, 2);
        p.damage();
        w.append(0, 1);
    }
}

SIM_TEST("a limit of records holds over all brokers") {
    World w(sim, 2, 4);
    for (PartitionIndex p = 0; p != 4; ++p) w.append(p, 20);
    auto config = w.config();
    config.acquire = client::AcquireMode::record_limit;
    config.max_poll_records = 7;
    ShareConsumer consumer(w.machine.context(), config);
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    size_t seen = 0;
    for (int i = 0; i != 60 && seen < 80; ++i) {
        const auto got = w.run(poll(consumer));
        REQUIRE(got.has_value());
        CHECK(got->size() <= 7);
        seen += got->size();
    }
    CHECK(seen == 80);
    CHECK(w.cluster.acquired_at_once_max <= 7);
    CHECK(w.run(consumer.commit()).has_value());
    CHECK(w.cluster.settled());
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("what is said to a broker that leads no longer fails, and the record comes again") {
    World w(sim, 2, 1);
    w.append(0, 1);
    ShareConsumer consumer(w.machine.context(), w.config(true));
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    REQUIRE(poll_all(w, consumer, 1).size() == 1);
    w.cluster.move_leader(0, 1 - w.cluster.partitions[0].leader);
    CHECK(consumer.acknowledge(place_of(0), 0).has_value());
    CHECK(w.run(consumer.commit())->at(place_of(0)).code() == ErrorCode::not_leader_or_follower);
    const auto again = poll_all(w, consumer, 1);
    REQUIRE(again.size() == 1);
    CHECK(again[0].count == 2);
    CHECK(consumer.acknowledge(place_of(0), 0).has_value());
    CHECK(w.run(consumer.commit())->at(place_of(0)).has_value());
    CHECK(w.run(consumer.close()).has_value());
    CHECK(w.cluster.settled());
}

SIM_TEST("a member that does not poll leaves, and comes back with the next poll") {
    World w(sim, 1, 1);
    auto config = w.config();
    config.max_poll_interval = 5s;
    ShareConsumer consumer(w.machine.context(), config);
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    CHECK(w.run(poll(consumer, 1s)).has_value());
    CHECK(w.cluster.members.size() == 1);
    w.sim.run_for(10s);
    CHECK(w.cluster.members.empty());
    CHECK(consumer.assignment().empty());
    w.append(0, 1);
    CHECK(poll_all(w, consumer, 1).size() == 1);
    CHECK(w.run(consumer.unsubscribe()).has_value());
    CHECK(w.cluster.members.empty());
    CHECK(w.slot(0, 0).state == kAvailable);
    REQUIRE(consumer.subscribe({"jobs"}).has_value());
    CHECK(poll_all(w, consumer, 1).size() == 1);
    CHECK(w.run(consumer.close()).has_value());
}

namespace {

// One application: what it got, and what it said of it.
struct App {
    App(World& w, bool each) : explicit_mode(each), consumer(w.machine.context(), w.config(each)) {}
    const bool explicit_mode;
    ShareConsumer consumer;
    std::set<Place> seen;
    std::map<Place, int> accepted;  // the broker said so
    std::map<Place, int> rejected;
    int16_t count_max = 0;
    bool stop = false;
    bool stopped = false;
};

Task<void> live(App& app, Rng& rng) {
    (void)app.consumer.subscribe({"jobs"});
    app.consumer.on_acknowledged([&app](const TopicPartition& place, auto ranges, const auto& r) {
        if (!r.has_value()) return;
        for (const auto& range : ranges) {
            for (Offset at = range.first; at <= range.last; ++at) {
                if (range.type == AcknowledgeType::accept) ++app.accepted[{place.partition, at}];
                if (range.type == AcknowledgeType::reject) ++app.rejected[{place.partition, at}];
            }
        }
    });
    while (!app.stop) {
        auto batches = co_await app.consumer.poll(1s);
        if (!batches) {
            CHECK_MESSAGE(batches.code() == ErrorCode::corrupt_message, batches.error().describe());
            continue;
        }
        std::vector<Place> renewed;
        for (ShareBatch& batch : *batches) {
            const auto read = batch.for_each([&](const client::RecordView& r, int16_t count) {
                app.seen.insert({batch.partition(), r.offset});
                app.count_max = std::max(app.count_max, count);
                if (!app.explicit_mode) return;
                const double what = rng.unit();
                const auto type = what < 0.7    ? AcknowledgeType::accept
                                  : what < 0.85 ? AcknowledgeType::release
                                  : what < 0.9  ? AcknowledgeType::reject
                                                : AcknowledgeType::renew;
                if (type == AcknowledgeType::renew)
                    renewed.push_back({batch.partition(), r.offset});
                CHECK(app.consumer.acknowledge(batch.place(), r.offset, type).has_value());
            });
            CHECK(read.has_value());
        }
        if (rng.chance(0.02)) co_await Loop::current().sleep_for(20s);  // longer than a lock
        if (rng.chance(0.3)) CHECK((co_await app.consumer.commit()).has_value());
        if (rng.chance(0.2)) app.consumer.commit_async();
        for (const auto& [p, at] : renewed)
            (void)app.consumer.acknowledge(place_of(p), at, AcknowledgeType::accept);
    }
    (void)co_await app.consumer.close(20s);
    app.stopped = true;
}

}  // namespace

SIM_TEST("whatever happens on the way, no record is lost") {
    World w(sim, 3, 4);
    Rng rng{sim.seed()};
    constexpr auto kCodecs = std::array{protocol::Codec::none, protocol::Codec::zstd};
    for (int i = 0; i != 60; ++i)
        w.append(static_cast<PartitionIndex>(rng.below(4)), 1 + static_cast<int>(rng.below(9)),
                 kCodecs[rng.below(2)]);
    w.cluster.partitions[1].append_compacted({"x", "-", "-", "y"});
    w.cluster.partitions[2].append_control();
    w.append(3, 2);
    w.cluster.partitions[3].damage();
    std::deque<App> apps;
    Scope scope{w.machine.loop()};
    for (int i = 0; i != 3; ++i) {
        apps.emplace_back(w, i != 0);
        scope.spawn(live(apps.back(), rng));
    }
    w.fabric.faults.reset_chance = 0.01;
    w.cluster.refuse_chance = 0.02;
    for (int i = 0; i != 30; ++i) {
        sim.run_for(2s);
        if (rng.chance(0.3))
            w.cluster.move_leader(static_cast<PartitionIndex>(rng.below(4)),
                                  static_cast<NodeId>(rng.below(3)));
        if (rng.chance(0.1)) w.cluster.evict_sessions();
        if (rng.chance(0.1)) w.cluster.members.clear();
        if (i == 10) apps[2].stop = true;
        if (rng.chance(0.5)) w.append(static_cast<PartitionIndex>(rng.below(4)), 3);
    }
    w.fabric.faults.reset_chance = 0;
    w.cluster.refuse_chance = 0;
    CHECK(sim.run_until([&] { return w.cluster.settled(); }, 10min));
    for (App& app : apps) app.stop = true;
    CHECK(sim.run_until([&] { return std::ranges::all_of(apps, &App::stopped); }, 2min));
    CHECK(w.cluster.members.empty());
    for (PartitionIndex p = 0; p != 4; ++p) {
        const auto& partition = w.cluster.partitions[static_cast<size_t>(p)];
        for (const auto& [offset, slot] : partition.slots()) {
            if (!slot.is_record) continue;
            const Place at{p, offset};
            const bool seen =
                std::ranges::any_of(apps, [&](const App& a) { return a.seen.contains(at); });
            const auto said = [&](auto member) {
                int out = 0;
                for (const App& app : apps)
                    if (const auto found = (app.*member).find(at); found != (app.*member).end())
                        out += found->second;
                return out;
            };
            CHECK((seen || partition.is_damaged(offset) || slot.by_limit));
            // An answer may be lost on the way, so that less was heard than happened.
            CHECK(said(&App::accepted) <= (slot.state == kAcknowledged ? 1 : 0));
            CHECK(said(&App::rejected) <= (slot.state == kArchived && !slot.by_limit ? 1 : 0));
        }
    }
    for (const App& app : apps) CHECK(app.count_max <= SharePartition::kDeliveriesMax);
}
