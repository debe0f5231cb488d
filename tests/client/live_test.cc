// What a consumer and a transactional producer promise, against a broker that runs, ours or Apache
// Kafka: MILLRACE_TEST_SERVERS says where.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>

#include "client/blocking/blocking_admin.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "protocol/messages/create_topics.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "runtime/linux_network.h"

using namespace millrace;
using namespace std::chrono_literals;
using client::Consumer;
using client::ConsumerConfig;
using client::GroupProtocol;
using client::Producer;
using client::ProducerConfig;
using runtime::Task;

namespace {

class World {
public:
    runtime::Context context() { return {loop_, disk_, network_, workers_}; }
    template <typename T>
    T wait(Task<T> task) {
        return loop_.run_for_result(std::move(task));
    }
    runtime::Loop& loop() { return loop_; }

    static client::ClientConfig client_config() {
        client::ClientConfig out;
        const char* servers = std::getenv("MILLRACE_TEST_SERVERS");
        REQUIRE_MESSAGE(servers != nullptr, "MILLRACE_TEST_SERVERS is not set");
        out.bootstrap_servers = *client::parse_bootstrap_servers(servers);
        out.metadata_max_age = 500ms;
        return out;
    }
    ConsumerConfig consumer_config(std::string group = {}) {
        ConsumerConfig out;
        out.client = client_config();
        out.group_id = std::move(group);
        out.offset_reset.kind = client::OffsetReset::Kind::earliest;
        out.session_timeout = 10s;
        out.heartbeat_interval = 200ms;
        return out;
    }
    std::string unique(std::string_view name) {
        return fmt::format("{}-{:x}", name, loop_.rng().below(1u << 30));
    }
    std::string make_topic(std::string name, int partitions) {
        client::Cluster cluster{context(), client_config()};
        const auto made = wait(create(cluster, name, partitions));
        REQUIRE_MESSAGE(made.has_value(), made.error().describe());
        return name;
    }
    // Values from `first` on, by turns in each partition.
    void produce(const std::string& topic, int partitions, int first, int count,
                 TimestampMs timestamp = -1) {
        ProducerConfig config;
        config.client = client_config();
        Producer producer{context(), config};
        const auto done = wait(send(producer, topic, partitions, first, count, timestamp));
        REQUIRE_MESSAGE(done.has_value(), done.error().describe());
        CHECK(wait(producer.close()).has_value());
    }
    static Task<Result<void>> send(Producer& producer, std::string topic, int partitions, int first,
                                   int count, TimestampMs timestamp) {
        for (int i = first; i != first + count; ++i) {
            const std::string value = fmt::format("{}", i);
            CO_TRY_OK(co_await producer.send({.topic = topic,
                                              .value = as_bytes(value),
                                              .partition = i % partitions,
                                              .timestamp = timestamp}));
        }
        co_await producer.flush();
        co_return {};
    }

private:
    static Task<Result<void>> create(client::Cluster& cluster, std::string name, int partitions) {
        protocol::CreateTopicsRequest request;
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.num_partitions = partitions;
        topic.replication_factor = 1;
        CO_TRY(const auto reply, co_await cluster.call_controller(request, cluster.after(60s)));
        if (const auto code = reply->topics.at(0).error_code; code != 0)
            co_return fail(static_cast<ErrorCode>(code));
        CO_TRY_OK(co_await cluster.topic(name, cluster.after(60s)));
        co_return {};
    }

    runtime::LinuxLoop loop_;
    runtime::BlockingPool pool_;
    runtime::LinuxDisk disk_{pool_};
    runtime::LinuxNetwork network_{loop_, pool_};
    runtime::LinuxWorkers workers_{pool_};
};

struct Seen {
    std::vector<int> values;
    std::vector<Error> errors;
};

void poll_once(World& w, Consumer& consumer, Seen& seen, Duration patience = 100ms) {
    auto batches = w.wait(consumer.poll(patience));
    if (!batches) {
        seen.errors.push_back(batches.error());
        return;
    }
    for (client::RecordBatch& batch : *batches)
        CHECK(batch
                  .for_each([&](const client::RecordView& record) {
                      seen.values.push_back(std::stoi(std::string(as_text(*record.value))));
                  })
                  .has_value());
}

// Polls all of them in turn.
bool poll_until(World& w, std::vector<std::pair<Consumer*, Seen*>> readers,
                const std::function<bool()>& done, Duration limit = 40s) {
    const auto end = w.loop().read_clock() + limit;
    while (!done()) {
        if (w.loop().read_clock() > end) return false;
        for (const auto& [consumer, seen] : readers) poll_once(w, *consumer, *seen);
    }
    return true;
}

std::vector<int> sorted(std::vector<int> values) {
    std::ranges::sort(values);
    return values;
}

std::vector<int> range(int first, int end) {
    std::vector<int> out;
    for (int i = first; i != end; ++i) out.push_back(i);
    return out;
}

class Counter final : public client::RebalanceListener {
public:
    Task<void> assigned(std::span<const TopicPartition> partitions) override {
        gained += partitions.size();
        co_return;
    }
    Task<void> revoked(std::span<const TopicPartition> partitions) override {
        given_up += partitions.size();
        co_return;
    }
    size_t gained = 0;
    size_t given_up = 0;
};

const GroupProtocol kProtocols[] = {GroupProtocol::classic, GroupProtocol::consumer};

}  // namespace

TEST_CASE("a subscription by pattern gains a topic that is made later") {
    for (const GroupProtocol protocol : kProtocols) {
        World w;
        const std::string prefix = w.unique("pattern");
        w.make_topic(prefix + ".a", 2);
        auto config = w.consumer_config(w.unique("group"));
        config.group_protocol = protocol;
        Consumer consumer{w.context(), config};
        CHECK(consumer.subscribe(*client::TopicPattern::parse(prefix + "\\..*")).has_value());
        Seen seen;
        CHECK(
            poll_until(w, {{&consumer, &seen}}, [&] { return consumer.assignment().size() == 2; }));
        w.make_topic(prefix + ".b", 3);
        w.produce(prefix + ".b", 3, 0, 30);
        CHECK(poll_until(w, {{&consumer, &seen}}, [&] { return seen.values.size() == 30; }));
        CHECK(consumer.assignment().size() == 5);
        CHECK(seen.errors.empty());
        CHECK(w.wait(consumer.close()).has_value());
    }
}

TEST_CASE("where a consumer without commits begins") {
    World w;
    const std::string topic = w.make_topic(w.unique("reset"), 1);
    const TimestampMs now = w.loop().wall_ms();
    w.produce(topic, 1, 0, 10, now - 3'600'000);
    w.produce(topic, 1, 10, 10, now);
    const auto reads = [&](std::string_view reset) {
        auto config = w.consumer_config(w.unique("group"));
        config.offset_reset = *client::OffsetReset::parse(reset);
        auto consumer = std::make_unique<Consumer>(w.context(), config);
        CHECK(consumer->assign({{topic, 0}}).has_value());
        Seen seen;
        for (int i = 0; i != 15; ++i) poll_once(w, *consumer, seen);
        if (reset == "latest") {
            w.produce(topic, 1, 20, 5, now);
            CHECK(poll_until(w, {{&*consumer, &seen}}, [&] { return seen.values.size() == 5; }));
        }
        CHECK(w.wait(consumer->close()).has_value());
        return seen;
    };
    CHECK(reads("earliest").values == range(0, 20));
    CHECK(reads("by_duration:PT10M").values == range(10, 20));
    const Seen none = reads("none");
    CHECK(none.values.empty());
    REQUIRE(!none.errors.empty());
    CHECK(none.errors.front().code == ErrorCode::offset_out_of_range);
    CHECK(reads("latest").values == range(20, 25));
}

TEST_CASE("seek, pause, resume, and offsets for times") {
    World w;
    const std::string topic = w.make_topic(w.unique("seek"), 2);
    const TopicPartition even{topic, 0};
    const TopicPartition odd{topic, 1};
    const TimestampMs now = w.loop().wall_ms();
    w.produce(topic, 2, 0, 20, now - 1000);
    w.produce(topic, 2, 20, 20, now);
    Consumer consumer{w.context(), w.consumer_config()};
    CHECK(consumer.assign({even, odd}).has_value());
    CHECK(consumer.pause(std::array{odd}).has_value());
    Seen seen;
    CHECK(poll_until(w, {{&consumer, &seen}}, [&] { return seen.values.size() >= 20; }));
    for (const int value : seen.values) CHECK(value % 2 == 0);
    CHECK(consumer.resume(std::array{odd}).has_value());
    CHECK(poll_until(w, {{&consumer, &seen}}, [&] { return seen.values.size() >= 40; }));
    CHECK(sorted(seen.values) == range(0, 40));
    const auto times = w.wait(consumer.offsets_for_times({{even, now - 500}, {odd, now + 60'000}}));
    REQUIRE_MESSAGE(times.has_value(), times.error().describe());
    CHECK(times->at(even).offset == 10);
    CHECK((!times->contains(odd) || times->at(odd).offset < 0));
    seen.values.clear();
    CHECK(consumer.seek(even, 15).has_value());
    CHECK(consumer.seek_to_beginning(std::array{odd}).has_value());
    CHECK(poll_until(w, {{&consumer, &seen}}, [&] { return seen.values.size() >= 25; }));
    CHECK(seen.values.size() == 25);
    CHECK(w.wait(consumer.position(even)).value() == 20);
    CHECK(w.wait(consumer.close()).has_value());
}

TEST_CASE("who reads committed sees what was committed") {
    World w;
    const std::string topic = w.make_topic(w.unique("committed"), 1);
    ProducerConfig config;
    config.client = World::client_config();
    config.transactional_id = w.unique("writer");
    Producer producer{w.context(), config};
    const auto ready = w.wait(producer.init_transactions());
    REQUIRE_MESSAGE(ready.has_value(), ready.error().describe());
    for (int round = 0; round != 6; ++round) {
        CHECK(producer.begin_transaction().has_value());
        CHECK(w.wait(World::send(producer, topic, 1, 10 * round, 10, -1)).has_value());
        const auto ended = round % 2 == 0 ? w.wait(producer.commit_transaction())
                                          : w.wait(producer.abort_transaction());
        CHECK_MESSAGE(ended.has_value(), ended.error().describe());
    }
    for (const bool committed : {true, false}) {
        auto reader = w.consumer_config();
        if (committed) reader.isolation = client::IsolationLevel::read_committed;
        Consumer consumer{w.context(), reader};
        CHECK(consumer.assign({{topic, 0}}).has_value());
        Seen seen;
        const size_t wanted = committed ? 30 : 60;
        CHECK(poll_until(w, {{&consumer, &seen}}, [&] { return seen.values.size() >= wanted; }));
        CHECK(seen.values.size() == wanted);
        if (committed)
            for (const int value : seen.values) CHECK(value / 10 % 2 == 0);
        CHECK(w.wait(consumer.close()).has_value());
    }
    CHECK(w.wait(producer.close()).has_value());
}

TEST_CASE("a member that does not poll leaves, and one that closes has committed") {
    for (const GroupProtocol protocol : kProtocols) {
        World w;
        const std::string topic = w.make_topic(w.unique("poll"), 4);
        auto config = w.consumer_config(w.unique("group"));
        config.group_protocol = protocol;
        config.max_poll_interval = 3s;
        Consumer first{w.context(), config};
        Consumer second{w.context(), config};
        CHECK(first.subscribe({topic}).has_value());
        CHECK(second.subscribe({topic}).has_value());
        Seen seen;
        const auto shared = [&] {
            return first.assignment().size() == 2 && second.assignment().size() == 2;
        };
        CHECK(poll_until(w, {{&first, &seen}, {&second, &seen}}, shared));
        CHECK(poll_until(w, {{&first, &seen}}, [&] { return first.assignment().size() == 4; }));
        w.produce(topic, 4, 0, 40);
        CHECK(poll_until(w, {{&first, &seen}}, [&] { return seen.values.size() == 40; }));
        CHECK(w.wait(first.close()).has_value());
        (void)w.wait(second.close());
        Consumer next{w.context(), config};
        CHECK(next.subscribe({topic}).has_value());
        w.produce(topic, 4, 40, 4);
        seen.values.clear();
        CHECK(poll_until(w, {{&next, &seen}}, [&] { return seen.values.size() >= 4; }));
        CHECK(sorted(seen.values) == range(40, 44));
        CHECK(w.wait(next.close()).has_value());
    }
}

TEST_CASE("a static member comes back to what it had, and nobody else is moved") {
    World w;
    const std::string topic = w.make_topic(w.unique("static"), 4);
    auto config = w.consumer_config(w.unique("group"));
    config.assignors = {"range"};
    config.group_instance_id = "one";
    Consumer first{w.context(), config};
    auto counter = std::make_shared<Counter>();
    CHECK(first.subscribe({topic}, counter).has_value());
    config.group_instance_id = "two";
    auto second = std::make_unique<Consumer>(w.context(), config);
    CHECK(second->subscribe({topic}).has_value());
    Seen seen;
    CHECK(poll_until(w, {{&first, &seen}, {&*second, &seen}}, [&] {
        return first.assignment().size() == 2 && second->assignment().size() == 2;
    }));
    const auto had = second->assignment();
    const size_t given_up = counter->given_up;
    CHECK(w.wait(second->close()).has_value());
    second = std::make_unique<Consumer>(w.context(), config);
    CHECK(second->subscribe({topic}).has_value());
    CHECK(poll_until(w, {{&first, &seen}, {&*second, &seen}},
                     [&] { return second->assignment() == had; }));
    CHECK(counter->given_up == given_up);
    CHECK(w.wait(second->close()).has_value());
    CHECK(w.wait(first.close()).has_value());
}

TEST_CASE("a cooperative rebalance takes from a member only what moves") {
    World w;
    const std::string topic = w.make_topic(w.unique("cooperative"), 6);
    auto config = w.consumer_config(w.unique("group"));
    config.assignors = {"cooperative-sticky"};
    Consumer first{w.context(), config};
    Consumer second{w.context(), config};
    auto counter = std::make_shared<Counter>();
    CHECK(first.subscribe({topic}, counter).has_value());
    Seen seen;
    CHECK(poll_until(w, {{&first, &seen}}, [&] { return first.assignment().size() == 6; }));
    CHECK(second.subscribe({topic}).has_value());
    CHECK(poll_until(w, {{&first, &seen}, {&second, &seen}}, [&] {
        return first.assignment().size() == 3 && second.assignment().size() == 3;
    }));
    CHECK(counter->gained == 6);
    CHECK(counter->given_up == 3);
    CHECK(w.wait(second.close()).has_value());
    CHECK(poll_until(w, {{&first, &seen}}, [&] { return first.assignment().size() == 6; }));
    CHECK(counter->given_up == 3);
    CHECK(w.wait(first.close()).has_value());
}

TEST_CASE("a member has the partitions shared out anew") {
    for (const GroupProtocol protocol : kProtocols) {
        World w;
        const std::string topic = w.make_topic(w.unique("enforce"), 4);
        auto config = w.consumer_config(w.unique("group"));
        config.group_protocol = protocol;
        config.assignors = {"range"};
        Consumer first{w.context(), config};
        Consumer second{w.context(), config};
        auto counter = std::make_shared<Counter>();
        CHECK(first.subscribe({topic}).has_value());
        CHECK(second.subscribe({topic}, counter).has_value());
        Seen seen;
        const auto shared = [&] {
            return first.assignment().size() == 2 && second.assignment().size() == 2;
        };
        CHECK(poll_until(w, {{&first, &seen}, {&second, &seen}}, shared));
        const client::GroupMetadata before = first.group_metadata();
        CHECK(before.group_id == config.group_id);
        CHECK(!before.member.id.empty());
        const size_t gained = counter->gained;
        // One of them leads the group, and nobody else is heard.
        for (Consumer* member : {&first, &second})
            CHECK(member->enforce_rebalance("a test wants it").has_value());
        const auto again = [&] {
            return first.group_metadata().member.epoch > before.member.epoch && shared();
        };
        if (protocol == GroupProtocol::classic) {
            CHECK(poll_until(w, {{&first, &seen}, {&second, &seen}}, again));
            CHECK(counter->gained > gained);
        } else {
            for (int i = 0; i != 20; ++i) {
                poll_once(w, first, seen);
                poll_once(w, second, seen);
            }
            CHECK(counter->gained == gained);
            CHECK(first.group_metadata().member.epoch == before.member.epoch);
        }
        CHECK(first.group_metadata().member.id == before.member.id);
        CHECK(seen.errors.empty());
        CHECK(w.wait(second.close()).has_value());
        CHECK(w.wait(first.close()).has_value());
    }
}

// With MILLRACE_TEST_TELEMETRY somebody is subscribed to it (interop/telemetry.py).
TEST_CASE("an administrator counts what goes over its connections") {
    World w;
    auto config = World::client_config();
    config.client_id = "ours-admin";
    {
        client::AdminClient client{w.context(), config};
        CHECK(w.wait(client.admin().list_topics()).has_value());
        const client::MetricList metrics = client.metrics();
        const client::Metric* requests = metrics.find("admin-client-metrics", "request-total");
        REQUIRE(requests != nullptr);
        CHECK(requests->value >= 2);
        if (std::getenv("MILLRACE_TEST_TELEMETRY") != nullptr) {
            const auto end = w.loop().read_clock() + 60s;
            while (client.telemetry().pushes() < 3 && w.loop().read_clock() < end)
                CHECK(w.wait(client.admin().list_topics()).has_value());
            CHECK(client.telemetry().pushes() >= 3);
        }
        CHECK(w.wait(client.close()).has_value());
    }
    client::BlockingAdmin blocking{config};
    CHECK(blocking.call(&client::Admin::list_topics).has_value());
    CHECK(blocking.metrics().find("admin-client-metrics", "connection-creation-total")->value >= 1);
    CHECK(blocking.close().has_value());
}
