// A consumer without a group: what it is given, where it begins, and over restarts of the node.
#include "client/consumer.h"

#include "sim/client/consumer_world.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;

namespace {

std::vector<std::string> values(int from, int to) {
    std::vector<std::string> out;
    for (int i = from; i < to; ++i) out.push_back(ConsumerWorld::value_of(i));
    return out;
}

// Where it stands, 0 before that is known.
ptrdiff_t consumer_position(ConsumerWorld& w, client::Consumer& consumer,
                            const TopicPartition& place) {
    const auto at = w.run(consumer.position(place));
    CHECK(at.has_value());
    return at ? static_cast<ptrdiff_t>(*at) : 0;
}

}  // namespace

SIM_TEST("assigned partitions are read from the beginning, in order, once") {
    ConsumerWorld w(sim);
    w.make_topic("t", 3);
    w.produce("t", 0, 0, 100);
    w.produce("t", 1, 100, 150, protocol::Codec::lz4);
    client::Consumer consumer(w.world.client.context(), w.config());
    CHECK(consumer.assign({{"t", 0}, {"t", 1}, {"t", 2}}).has_value());
    Seen seen;
    const auto got = w.run(poll_until(consumer, seen, 150));
    REQUIRE_MESSAGE(got.has_value(), got.error().describe());
    CHECK(seen[{"t", 0}] == values(0, 100));
    CHECK(seen[{"t", 1}] == values(100, 150));
    CHECK(consumer.lag({"t", 0}) == 0);
    w.produce("t", 2, 150, 155);
    CHECK(w.run(poll_until(consumer, seen, 155)).has_value());
    CHECK(seen[{"t", 2}] == values(150, 155));
    CHECK(*w.run(consumer.position({"t", 2})) == 5);
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("latest begins at the end, seek goes anywhere, paused partitions give nothing") {
    ConsumerWorld w(sim);
    w.make_topic("t", 1);
    w.produce("t", 0, 0, 30);
    auto config = w.config();
    config.offset_reset.kind = client::OffsetReset::Kind::latest;
    client::Consumer consumer(w.world.client.context(), config);
    const TopicPartition place{"t", 0};
    CHECK(consumer.assign({place}).has_value());
    CHECK(*w.run(consumer.position(place)) == 30);
    CHECK(consumer.seek(place, 10).has_value());
    Seen seen;
    CHECK(*w.run(poll_until(consumer, seen, 20)) == 20);
    CHECK(seen[place] == values(10, 30));

    seen.clear();
    CHECK(consumer.seek_to_beginning(std::array{place}).has_value());
    CHECK(consumer.pause(std::array{place}).has_value());
    CHECK(*w.run(poll_until(consumer, seen, 1, 5s)) == 0);
    CHECK(consumer.resume(std::array{place}).has_value());
    CHECK(*w.run(poll_until(consumer, seen, 30)) == 30);
    CHECK(seen[place] == values(0, 30));

    CHECK((*w.run(consumer.beginning_offsets({place})))[place] == 0);
    CHECK((*w.run(consumer.end_offsets({place})))[place] == 30);
    CHECK(consumer.seek({"t", 7}, 0).code() == ErrorCode::invalid_request);
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("a position outside the log is reset, or said where that is not wanted") {
    ConsumerWorld w(sim);
    w.make_topic("t", 1);
    w.produce("t", 0, 0, 6);
    const TopicPartition place{"t", 0};
    {
        client::Consumer consumer(w.world.client.context(), w.config());
        CHECK(consumer.assign({place}).has_value());
        CHECK(consumer.seek(place, 1000).has_value());
        Seen seen;
        CHECK(*w.run(poll_until(consumer, seen, 6)) == 6);
        CHECK(w.run(consumer.close()).has_value());
    }
    auto config = w.config();
    config.offset_reset.kind = client::OffsetReset::Kind::none;
    client::Consumer consumer(w.world.client.context(), config);
    CHECK(consumer.assign({place}).has_value());
    Seen seen;
    CHECK(w.run(poll_until(consumer, seen, 1)).code() == ErrorCode::offset_out_of_range);
    CHECK(consumer.seek(place, 1000).has_value());
    CHECK(w.run(poll_until(consumer, seen, 1)).code() == ErrorCode::offset_out_of_range);
    CHECK(consumer.seek(place, 3).has_value());
    CHECK(*w.run(poll_until(consumer, seen, 3)) == 3);
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("reading goes on over restarts of the node and a bad network") {
    ConsumerWorld w(sim);
    w.make_topic("t", 2);
    client::Consumer consumer(w.world.client.context(), w.config());
    CHECK(consumer.assign({{"t", 0}, {"t", 1}}).has_value());
    Seen seen;
    int next = 0;
    for (int life = 0; life != 4; ++life) {
        w.produce("t", 0, next, next + 20);
        w.produce("t", 1, next, next + 10);
        next += 20;
        w.world.fabric.faults.reset_chance = 0.02;
        CHECK(w.run(poll_until(consumer, seen, static_cast<size_t>(30 * life + 15))).has_value());
        w.world.fabric.faults.reset_chance = 0;
        w.world.server.kill();
        w.world.sim.run_for(w.world.sim.between(0ms, 3s));
        w.world.start_server();
        CHECK(w.run(poll_until(consumer, seen, static_cast<size_t>(30 * life + 30))).has_value());
        const auto fresh = w.run(w.cluster->update(w.cluster->after(60s)));
        CHECK(fresh.has_value());
    }
    CHECK(seen[{"t", 0}] == values(0, 80));
    std::vector<std::string> other;
    for (int life = 0; life != 4; ++life)
        for (int i = 0; i != 10; ++i) other.push_back(ConsumerWorld::value_of(20 * life + i));
    CHECK(seen[{"t", 1}] == other);
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("what is fetched ahead and what a poll gives stay within their bounds") {
    ConsumerWorld w(sim);
    w.make_topic("t", 4);
    for (int p = 0; p != 4; ++p) w.produce("t", p, 0, 300);
    auto config = w.config();
    config.max_partition_fetch_bytes = 2000;
    config.fetch_max_bytes = 4000;
    config.prefetch_bytes = 4000;
    config.max_poll_records = static_cast<int32_t>(1 + sim.rng().below(7));
    client::Consumer consumer(w.world.client.context(), config);
    CHECK(consumer.assign({{"t", 0}, {"t", 1}, {"t", 2}, {"t", 3}}).has_value());
    Seen seen;
    while (count(seen) < 1200) {
        const auto got = w.run(poll_once(consumer, seen));
        REQUIRE(got.has_value());
        CHECK(*got <= static_cast<size_t>(config.max_poll_records));
        CHECK(consumer.buffered_bytes() <= 8000);
    }
    for (const auto& [place, list] : seen) CHECK(list == values(0, 300));
    CHECK(w.run(consumer.close()).has_value());
}

SIM_TEST("after a log was cut, reading goes on where it was cut") {
    ConsumerWorld w(sim);
    w.make_topic("t", 1);
    const TopicPartition place{"t", 0};
    client::Consumer consumer(w.world.client.context(), w.config());
    CHECK(consumer.assign({place}).has_value());
    Seen seen;
    int next = 0;
    std::vector<std::string> log;  // what the partition holds
    std::vector<std::string> expected;
    for (int life = 0; life != 4; ++life) {
        const int to = next + 10 + static_cast<int>(sim.rng().below(40));
        w.produce("t", 0, next, to);
        for (; next != to; ++next) log.push_back(ConsumerWorld::value_of(next));
        expected.insert(expected.end(), log.begin() + consumer_position(w, consumer, place),
                        log.end());
        CHECK(*w.run(poll_until(consumer, seen, expected.size())) == expected.size());
        CHECK(seen[place] == expected);
        w.world.server.power_cut();
        sim.run_for(sim.between(0ms, 2s));
        w.world.start_server();
        CHECK(w.run(w.cluster->update(w.cluster->after(60s))).has_value());
        const auto end = w.run(consumer.end_offsets({place}));
        REQUIRE_MESSAGE(end.has_value(), end.error().describe());
        log.resize(static_cast<size_t>(end->at(place)));
        // It hears of the new leader epoch, and asks where the old one ended.
        const auto found = [&]() -> bool {
            return *w.run(consumer.position(place)) <= static_cast<Offset>(log.size());
        };
        for (int i = 0; i != 100 && !found(); ++i)
            CHECK(w.run(poll_once(consumer, seen)).has_value());
        CHECK(found());
        CHECK(seen[place] == expected);
    }
    CHECK(w.run(consumer.close()).has_value());
}
