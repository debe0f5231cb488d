// Consumers that share a group: who reads what, over members that come and go, commits, and
// restarts of the node; under both protocols.
#include "sim/client/consumer_world.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;

namespace {

constexpr int kPartitions = 6;

// What a listener was told, and whether it fits: nothing is assigned twice or revoked unowned.
class Recorder final : public client::RebalanceListener {
public:
    Task<void> assigned(std::span<const TopicPartition> partitions) override {
        for (const auto& p : partitions) CHECK(owned.insert(p).second);
        ++assignments;
        co_return;
    }
    Task<void> revoked(std::span<const TopicPartition> partitions) override {
        for (const auto& p : partitions) CHECK(owned.erase(p) == 1);
        revocations += static_cast<int>(partitions.size());
        co_return;
    }
    Task<void> lost(std::span<const TopicPartition> partitions) override {
        for (const auto& p : partitions) CHECK(owned.erase(p) == 1);
        losses += static_cast<int>(partitions.size());
        co_return;
    }
    std::set<TopicPartition> owned;
    int assignments = 0;
    int revocations = 0;
    int losses = 0;
};

struct Member {
    Member(ConsumerWorld& w, client::ConsumerConfig config)
        : consumer(
              std::make_unique<client::Consumer>(w.world.client.context(), std::move(config))) {}
    std::shared_ptr<Recorder> listener = std::make_shared<Recorder>();
    std::unique_ptr<client::Consumer> consumer;
    Seen seen;
    bool stop = false;
    bool stopped = false;
    std::optional<Error> failed;
};

// Polls until told to stop.
Task<void> live(Member& member) {
    while (!member.stop) {
        if (const auto got = co_await poll_once(*member.consumer, member.seen, 100ms); !got)
            member.failed = got.error();
    }
    member.stopped = true;
}

struct Variant {
    std::vector<std::string> assignors;
    client::GroupProtocol protocol = client::GroupProtocol::classic;
};

client::ConsumerConfig config_of(ConsumerWorld& w, const Variant& variant) {
    auto out = w.config("g");
    out.group_protocol = variant.protocol;
    if (!variant.assignors.empty()) out.assignors = variant.assignors;
    out.session_timeout = 30s;
    out.heartbeat_interval = 1s;
    out.auto_commit_interval = 500ms;
    return out;
}

bool shared_evenly(std::initializer_list<Member*> members) {
    std::set<TopicPartition> all;
    size_t sum = 0;
    for (const Member* m : members) {
        const auto mine = m->consumer->assignment();
        if (mine.size() != kPartitions / members.size()) return false;
        if (m->listener->owned != std::set<TopicPartition>(mine.begin(), mine.end())) return false;
        all.insert(mine.begin(), mine.end());
        sum += mine.size();
    }
    return sum == kPartitions && all.size() == kPartitions;
}

size_t total(std::initializer_list<const Member*> members) {
    size_t out = 0;
    for (const Member* m : members) out += count(m->seen);
    return out;
}

// A second member joins, and leaves again; nothing is read twice, as leaving members commit.
void two_members(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", kPartitions);
    Scope scope{w.world.client.loop()};
    Member first(w, config_of(w, variant));
    Member second(w, config_of(w, variant));
    CHECK(first.consumer->subscribe({"t"}, first.listener).has_value());
    scope.spawn(live(first));
    CHECK(sim.run_until([&] { return shared_evenly({&first}); }, 60s));
    for (int p = 0; p != kPartitions; ++p) w.produce("t", p, 0, 9);
    CHECK(sim.run_until([&] { return total({&first}) == 9 * kPartitions; }, 60s));

    CHECK(second.consumer->subscribe({"t"}, second.listener).has_value());
    scope.spawn(live(second));
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 60s));
    for (int p = 0; p != kPartitions; ++p) w.produce("t", p, 9, 18);
    CHECK(sim.run_until([&] { return total({&first, &second}) == 18 * kPartitions; }, 60s));
    CHECK(count(second.seen) == 9 * kPartitions / 2);

    second.stop = true;
    CHECK(sim.run_until([&] { return second.stopped; }, 60s));
    CHECK(w.run(second.consumer->close()).has_value());
    CHECK(second.listener->owned.empty());
    // It has left: nobody waits for its session to end.
    CHECK(sim.run_until([&] { return shared_evenly({&first}); }, 6s));
    for (int p = 0; p != kPartitions; ++p) w.produce("t", p, 18, 21);
    CHECK(sim.run_until([&] { return total({&first, &second}) == 21 * kPartitions; }, 60s));
    first.stop = true;
    CHECK(sim.run_until([&] { return first.stopped; }, 60s));
    CHECK(w.run(first.consumer->close()).has_value());
    CHECK(first.listener->losses + second.listener->losses == 0);
    CHECK_MESSAGE(!first.failed, (first.failed ? first.failed->describe() : ""));
    CHECK_MESSAGE(!second.failed, (second.failed ? second.failed->describe() : ""));
}

// One member after the other: the next goes on where the last has committed.
void resumes(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", 2);
    Seen seen;
    for (int round = 0; round != 3; ++round) {
        w.produce("t", 0, 10 * round, 10 * round + 10);
        w.produce("t", 1, 10 * round, 10 * round + 5);
        auto config = config_of(w, variant);
        config.auto_commit = round == 1;
        client::Consumer consumer(w.world.client.context(), config);
        CHECK(consumer.subscribe({"t"}).has_value());
        const auto wanted = static_cast<size_t>(15 * round + 15);
        const auto got = w.run(poll_until(consumer, seen, wanted));
        CHECK(got.has_value());
        CHECK(*got == wanted);
        if (!config.auto_commit) {
            const auto done = w.run(consumer.commit());
            CHECK_MESSAGE(done.has_value(), (done ? "" : done.error().describe()));
        }
        const auto found = w.run(consumer.committed({{"t", 0}, {"t", 1}}));
        if (!config.auto_commit) CHECK(found->at({"t", 0}).offset == 10 * round + 10);
        CHECK(w.run(consumer.close()).has_value());
    }
    CHECK(seen[{"t", 0}].size() == 30);
    CHECK(seen[{"t", 1}].size() == 15);
    std::set<std::string> once(seen[{"t", 0}].begin(), seen[{"t", 0}].end());
    CHECK(once.size() == 30);
}

// The node dies again and again: everything is read at least once, and by one member at a time.
void restarts(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", kPartitions);
    Scope scope{w.world.client.loop()};
    Member first(w, config_of(w, variant));
    Member second(w, config_of(w, variant));
    for (Member* m : {&first, &second}) {
        CHECK(m->consumer->subscribe({"t"}, m->listener).has_value());
        scope.spawn(live(*m));
    }
    for (int life = 0; life != 3; ++life) {
        for (int p = 0; p != kPartitions; ++p) w.produce("t", p, 6 * life, 6 * life + 6);
        sim.run_for(sim.between(0ms, 3s));
        w.world.server.kill();
        sim.run_for(sim.between(0ms, 5s));
        w.world.start_server();
        CHECK(w.run(w.cluster->update(w.cluster->after(60s))).has_value());
    }
    const auto all_read = [&] {
        for (int p = 0; p != kPartitions; ++p) {
            std::set<std::string> values;
            for (Member* m : {&first, &second})
                values.insert(m->seen[{"t", p}].begin(), m->seen[{"t", p}].end());
            if (values.size() != 18) return false;
        }
        return true;
    };
    CHECK(sim.run_until(all_read, 5min));
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 5min));
    for (Member* m : {&first, &second}) m->stop = true;
    CHECK(sim.run_until([&] { return first.stopped && second.stopped; }, 60s));
    for (Member* m : {&first, &second}) {
        CHECK(w.run(m->consumer->close()).has_value());
        CHECK_MESSAGE(!m->failed, (m->failed ? m->failed->describe() : ""));
    }
}

}  // namespace

SIM_TEST("two members of a classic group, eager") {
    two_members(sim, {.assignors = {"range"}});
}
SIM_TEST("two members of a classic group, cooperative") {
    two_members(sim, {.assignors = {"cooperative-sticky"}});
}
SIM_TEST("a classic member goes on where the last one has committed") {
    resumes(sim, {.assignors = {"range", "cooperative-sticky"}});
}
SIM_TEST("classic members over restarts of the node, eager") {
    restarts(sim, {.assignors = {"sticky"}});
}
SIM_TEST("classic members over restarts of the node, cooperative") {
    restarts(sim, {.assignors = {"cooperative-sticky"}});
}
SIM_TEST("two members of a group of the consumer protocol") {
    two_members(sim, {.assignors = {}, .protocol = client::GroupProtocol::consumer});
}
SIM_TEST("a member of the consumer protocol goes on where the last one has committed") {
    resumes(sim, {.assignors = {}, .protocol = client::GroupProtocol::consumer});
}
SIM_TEST("members of the consumer protocol over restarts of the node") {
    restarts(sim, {.assignors = {}, .protocol = client::GroupProtocol::consumer});
}

namespace {

// A member that does not poll loses its partitions, and comes back when it polls again.
void does_not_poll(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", kPartitions);
    Scope scope{w.world.client.loop()};
    auto config = config_of(w, variant);
    config.max_poll_interval = 3s;
    Member first(w, config);
    Member second(w, config);
    for (Member* m : {&first, &second})
        CHECK(m->consumer->subscribe({"t"}, m->listener).has_value());
    scope.spawn(live(first));
    scope.spawn(live(second));
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 60s));
    second.stop = true;
    CHECK(sim.run_until([&] { return first.consumer->assignment().size() == kPartitions; }, 60s));
    CHECK(second.stopped);
    for (int p = 0; p != kPartitions; ++p) w.produce("t", p, 0, 3);
    CHECK(sim.run_until([&] { return total({&first}) == 3 * kPartitions; }, 60s));
    CHECK(second.listener->losses == 0);

    second.stop = second.stopped = false;
    scope.spawn(live(second));
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 60s));
    CHECK(second.listener->losses == kPartitions / 2);
    CHECK(total({&second}) == 0);
    for (Member* m : {&first, &second}) m->stop = true;
    CHECK(sim.run_until([&] { return first.stopped && second.stopped; }, 60s));
    // The one that closes last may find the group in the rebalance that the first has made.
    for (Member* m : {&first, &second}) {
        const auto closed = w.run(m->consumer->close());
        const bool rebalancing = closed.code() == ErrorCode::rebalance_in_progress;
        CHECK_MESSAGE((closed.has_value() || rebalancing),
                      (closed ? "" : closed.error().describe()));
    }
}

// A static member that comes back soon gets what it had, and nobody else is moved.
void comes_back(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", kPartitions);
    Scope scope{w.world.client.loop()};
    auto config = config_of(w, variant);
    config.group_instance_id = "one";
    Member first(w, config);
    config.group_instance_id = "two";
    Member second(w, config);
    for (Member* m : {&first, &second}) {
        CHECK(m->consumer->subscribe({"t"}, m->listener).has_value());
        scope.spawn(live(*m));
    }
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 60s));
    const auto had = second.consumer->assignment();
    const int revoked = first.listener->revocations;
    second.stop = true;
    CHECK(sim.run_until([&] { return second.stopped; }, 60s));
    CHECK(w.run(second.consumer->close()).has_value());
    Member again(w, config);
    CHECK(again.consumer->subscribe({"t"}, again.listener).has_value());
    scope.spawn(live(again));
    CHECK(sim.run_until([&] { return shared_evenly({&first, &again}); }, 60s));
    CHECK(again.consumer->assignment() == had);
    CHECK(first.listener->revocations == revoked);
    for (Member* m : {&first, &again}) m->stop = true;
    CHECK(sim.run_until([&] { return first.stopped && again.stopped; }, 60s));
    for (Member* m : {&first, &again}) CHECK(w.run(m->consumer->close()).has_value());
}

// Topics by pattern: those that are there, and those that come.
void by_pattern(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    for (const char* name : {"orders.eu", "orders.us", "other", "my.orders.x"})
        w.make_topic(name, 1);
    auto config = config_of(w, variant);
    config.client.metadata_max_age = 1s;
    Scope scope{w.world.client.loop()};
    Member member(w, config);
    CHECK(client::TopicPattern::parse("(").code() == ErrorCode::invalid_regular_expression);
    CHECK(member.consumer->subscribe(*client::TopicPattern::parse("orders\\..*"), member.listener)
              .has_value());
    scope.spawn(live(member));
    using Places = std::vector<TopicPartition>;
    CHECK(sim.run_until(
        [&] { return member.consumer->assignment() == Places{{"orders.eu", 0}, {"orders.us", 0}}; },
        2min));
    w.make_topic("orders.asia", 2);
    w.produce("orders.asia", 1, 0, 5);
    CHECK(sim.run_until([&] { return count(member.seen) == 5; }, 2min));
    CHECK(member.consumer->assignment().size() == 4);
    member.stop = true;
    CHECK(sim.run_until([&] { return member.stopped; }, 60s));
    CHECK(w.run(member.consumer->close()).has_value());
    CHECK_MESSAGE(!member.failed, (member.failed ? member.failed->describe() : ""));
}

// Connections break all the time: everything is read at least once all the same.
void bad_network(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", kPartitions);
    for (int p = 0; p != kPartitions; ++p) w.produce("t", p, 0, 30);
    Scope scope{w.world.client.loop()};
    Member first(w, config_of(w, variant));
    Member second(w, config_of(w, variant));
    w.world.fabric.faults.reset_chance = 0.02;
    for (Member* m : {&first, &second}) {
        CHECK(m->consumer->subscribe({"t"}, m->listener).has_value());
        scope.spawn(live(*m));
    }
    sim.run_for(20s);
    w.world.fabric.faults.reset_chance = 0;
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 2min));
    const auto all_read = [&] {
        for (int p = 0; p != kPartitions; ++p) {
            std::set<std::string> values;
            for (Member* m : {&first, &second})
                values.insert(m->seen[{"t", p}].begin(), m->seen[{"t", p}].end());
            if (values.size() != 30) return false;
        }
        return true;
    };
    CHECK(sim.run_until(all_read, 2min));
    for (Member* m : {&first, &second}) m->stop = true;
    CHECK(sim.run_until([&] { return first.stopped && second.stopped; }, 60s));
    // The one that closes last may find the group in the rebalance that the first has made.
    for (Member* m : {&first, &second}) {
        const auto closed = w.run(m->consumer->close());
        const bool rebalancing = closed.code() == ErrorCode::rebalance_in_progress;
        CHECK_MESSAGE((closed.has_value() || rebalancing),
                      (closed ? "" : closed.error().describe()));
    }
}

// A member that wants something else gets that, and no more of the other.
void changes_its_mind(Simulation& sim, const Variant& variant) {
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    for (const char* name : {"a", "b", "c"}) w.make_topic(name, 1);
    Member member(w, config_of(w, variant));
    const auto reads = [&](std::set<TopicPartition> wanted) {
        for (int i = 0; i != 300 && member.listener->owned != wanted; ++i)
            CHECK(w.run(poll_once(*member.consumer, member.seen)).has_value());
        CHECK(member.listener->owned == wanted);
        const auto mine = member.consumer->assignment();
        CHECK(std::set<TopicPartition>(mine.begin(), mine.end()) == wanted);
    };
    CHECK(member.consumer->subscribe({"a", "b"}, member.listener).has_value());
    reads({{"a", 0}, {"b", 0}});
    CHECK(member.consumer->subscribe({"c", "b", "b"}, member.listener).has_value());
    reads({{"b", 0}, {"c", 0}});
    w.produce("c", 0, 0, 5);
    CHECK(*w.run(poll_until(*member.consumer, member.seen, 5)) == 5);
    CHECK(w.run(member.consumer->unsubscribe()).has_value());
    CHECK(member.listener->owned.empty());
    CHECK(member.consumer->assignment().empty());
    CHECK((*w.run(member.consumer->committed({{"c", 0}})))[{"c", 0}].offset == 5);
    CHECK(member.consumer->subscribe({"a"}, member.listener).has_value());
    reads({{"a", 0}});
    CHECK(w.run(member.consumer->close()).has_value());
    CHECK(member.listener->losses == 0);
}

// Both join again, of which one leads the group: there is one generation more, and each has its
// share. Members of the consumer protocol have no such thing.
void enforces(Simulation& sim, const Variant& variant) {
    const bool classic = variant.protocol == client::GroupProtocol::classic;
    ConsumerWorld w(sim, {"group.initial.rebalance.delay.ms=100"});
    w.make_topic("t", kPartitions);
    Scope scope{w.world.client.loop()};
    Member first(w, config_of(w, variant));
    Member second(w, config_of(w, variant));
    CHECK(first.consumer->enforce_rebalance().has_value());  // nothing is subscribed
    for (Member* m : {&first, &second}) {
        CHECK(m->consumer->subscribe({"t"}, m->listener).has_value());
        scope.spawn(live(*m));
    }
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 60s));
    sim.run_for(5s);
    const client::GroupMetadata before = first.consumer->group_metadata();
    CHECK(before.group_id == "g");
    CHECK(before.member.id == first.consumer->identity().id);
    const std::string long_reason(300, 'x');
    CHECK(first.consumer->enforce_rebalance(long_reason).has_value());
    CHECK(second.consumer->enforce_rebalance().has_value());
    const auto joined_again = [&](const Member& m) {
        return m.consumer->identity().epoch > before.member.epoch;
    };
    if (classic) {
        CHECK(sim.run_until([&] { return joined_again(first) && joined_again(second); }, 10s));
    } else {
        sim.run_for(10s);
        CHECK(!joined_again(first));
    }
    CHECK(sim.run_until([&] { return shared_evenly({&first, &second}); }, 10s));
    const int32_t epoch = first.consumer->identity().epoch;
    sim.run_for(10s);
    CHECK(first.consumer->identity().epoch == epoch);  // once
    CHECK(first.consumer->identity().id == before.member.id);
    for (Member* m : {&first, &second}) m->stop = true;
    CHECK(sim.run_until([&] { return first.stopped && second.stopped; }, 60s));
    client::Consumer alone(w.world.client.context(), w.config());
    CHECK(alone.enforce_rebalance().code() == ErrorCode::invalid_group_id);
    CHECK(alone.group_metadata().group_id.empty());
}

constexpr client::GroupProtocol kConsumer = client::GroupProtocol::consumer;

}  // namespace

SIM_TEST("a classic member that does not poll leaves its group") {
    does_not_poll(sim, {.assignors = {"range"}});
    does_not_poll(sim, {.assignors = {"cooperative-sticky"}});
}
SIM_TEST("a member of the consumer protocol that does not poll leaves its group") {
    does_not_poll(sim, {.assignors = {}, .protocol = kConsumer});
}
SIM_TEST("a static classic member comes back") {
    comes_back(sim, {.assignors = {"range"}});
}
SIM_TEST("a static member of the consumer protocol comes back") {
    comes_back(sim, {.assignors = {}, .protocol = kConsumer});
}
SIM_TEST("a classic member has the partitions shared out anew") {
    enforces(sim, {.assignors = {"range"}});
    enforces(sim, {.assignors = {"cooperative-sticky"}});
}
SIM_TEST("a member of the consumer protocol cannot have them shared out anew") {
    enforces(sim, {.assignors = {}, .protocol = kConsumer});
}
SIM_TEST("a classic subscription by pattern") {
    by_pattern(sim, {.assignors = {"range"}});
}
SIM_TEST("a subscription by pattern of the consumer protocol") {
    by_pattern(sim, {.assignors = {}, .protocol = kConsumer});
}
SIM_TEST("a classic member changes its subscription") {
    changes_its_mind(sim, {.assignors = {"range"}});
    changes_its_mind(sim, {.assignors = {"cooperative-sticky"}});
}
SIM_TEST("a member of the consumer protocol changes its subscription") {
    changes_its_mind(sim, {.assignors = {}, .protocol = kConsumer});
}
SIM_TEST("classic members on a bad network") {
    bad_network(sim, {.assignors = {"range"}});
    bad_network(sim, {.assignors = {"cooperative-sticky"}});
}
SIM_TEST("members of the consumer protocol on a bad network") {
    bad_network(sim, {.assignors = {}, .protocol = kConsumer});
}
