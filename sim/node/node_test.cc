// A whole node over many lives, each ended by a stop, a kill or a power cut, with a client that
// writes and one that reads. What was acknowledged must be there, once, in order and unchanged.
#include "server/node.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/produce.h"
#include "protocol/record_batch_builder.h"
#include "sim/node/wire_client.h"
#include "sim/sim_test.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

constexpr uint16_t kPort = 9092;
constexpr int16_t kProduceVersion = 11;
constexpr int16_t kFetchVersion = 12;
constexpr int16_t kCreateTopicsVersion = 7;

std::shared_ptr<const config::BrokerConfig> node_config(std::vector<std::string> more = {}) {
    std::vector<std::string> settings{"listeners=PLAINTEXT://server:9092,CONTROLLER://server:9093",
                                      "log.dirs=/data", "millrace.log.idle.ms=100",
                                      "offsets.topic.replication.factor=1",
                                      "offsets.topic.num.partitions=1",
                                      "transaction.state.log.replication.factor=1",
                                      "transaction.state.log.min.isr=1",
                                      "log.segment.bytes=1048576"};
    settings.insert(settings.end(), more.begin(), more.end());
    auto loaded = config::BrokerConfig::load("", "", settings);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().describe());
    return std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
}

// What the clients know.
struct History {
    std::map<Offset, std::string> acked;
    std::set<std::string> sent;
    int failures = 0;
    int reads = 0;
    bool topic_made = false;
};

Task<Result<bool>> make_topic(WireClient& client,
                              std::vector<std::pair<std::string, std::string>> configs) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    for (const auto& [name, value] : configs) {
        auto& config = topic.configs.emplace_back();
        config.name = name;
        config.value = value;
    }
    CO_TRY(const auto reply, co_await client.call(request, kCreateTopicsVersion));
    const auto code = static_cast<ErrorCode>(reply.body.topics.at(0).error_code);
    co_return code == ErrorCode::none || code == ErrorCode::topic_already_exists;
}

Task<Result<void>> produce_some(WireClient& client, Context& context, History& history) {
    Rng& rng = context.loop.rng();
    for (;;) {
        protocol::BatchBuilder builder;
        std::vector<std::string> values;
        for (uint64_t n = rng.below(4) + 1; n != 0; --n) {
            values.push_back(
                fmt::format("{}:{}", history.sent.size(), std::string(rng.below(300), 'v')));
            history.sent.insert(values.back());
            builder.append(context.loop.wall_ms(), std::nullopt, as_bytes(values.back()));
        }
        CO_TRY(std::vector<uint8_t> batch, builder.finish());
        protocol::ProduceRequest request;
        request.acks = -1;
        request.timeout_ms = 30'000;
        auto& topic = request.topic_data.emplace_back();
        topic.name = "t";
        auto& partition = topic.partition_data.emplace_back();
        partition.records = Chain{SharedBytes::own(std::move(batch))};
        CO_TRY(const auto reply, co_await client.call(request, kProduceVersion));
        const auto& answer = reply.body.responses.at(0).partition_responses.at(0);
        if (answer.error_code != 0)
            co_return fail(static_cast<ErrorCode>(answer.error_code), "produce");
        Offset offset = answer.base_offset;
        for (std::string& value : values) {
            CHECK_FALSE(history.acked.contains(offset));
            history.acked[offset++] = std::move(value);
        }
        if (rng.chance(0.3))
            co_await context.loop.sleep_for(std::chrono::microseconds{rng.below(20'000)});
    }
}

// What the partition holds from offset 0 on, by offset; until the high watermark.
Task<Result<std::map<Offset, std::string>>> fetch_all(WireClient& client) {
    std::map<Offset, std::string> found;
    Offset next = 0;
    for (;;) {
        protocol::FetchRequest request;
        request.max_wait_ms = 10;
        request.min_bytes = 1;
        auto& topic = request.topics.emplace_back();
        topic.topic = "t";
        auto& partition = topic.partitions.emplace_back();
        partition.fetch_offset = next;
        partition.partition_max_bytes = 10'000;
        CO_TRY(const auto reply, co_await client.call(request, kFetchVersion));
        if (reply.body.responses.empty())
            co_return fail(ErrorCode::unknown_server_error, "no topic");
        const auto& answer = reply.body.responses[0].partitions.at(0);
        if (answer.error_code != 0)
            co_return fail(static_cast<ErrorCode>(answer.error_code), "fetch");
        const Offset before = next;
        for (const ChainPart& part : answer.records->parts()) {
            ByteView rest = part.bytes;
            while (!rest.empty()) {
                const auto batch = protocol::BatchView::parse(rest);
                if (!batch.has_value()) break;  // the last one may be cut
                CHECK(batch->verify_crc());
                std::vector<uint8_t> scratch;
                CO_TRY_OK(
                    protocol::for_each_record(*batch, scratch, [&](const protocol::RecordView& r) {
                        found[r.offset] = std::string{as_text(*r.value)};
                        next = r.offset + 1;
                    }));
                rest = rest.subspan(batch->bytes().size());
            }
        }
        if (next >= answer.high_watermark) co_return found;
        if (next == before)
            co_return fail(ErrorCode::unknown_server_error, "fetch makes no progress");
    }
}

struct Cluster {
    explicit Cluster(Simulation& s) : sim(s) {
        client.start(
            [](Context& context) -> Task<void> { co_await context.loop.sleep_for(10'000h); });
    }

    void start_server() {
        node = nullptr;
        server.start([this](Context& context) -> Task<void> { co_await serve(context); });
    }
    Task<void> serve(Context& context) {
        auto started =
            co_await server::Node::start(context, {.config = config, .open_files_max = 16});
        CHECK_MESSAGE(started.has_value(), (started.has_value() ? "" : started.error().describe()));
        if (!started.has_value()) co_return;
        node = started->get();
        const auto ran = co_await node->run();
        node = nullptr;
        CHECK(ran.has_value());
    }
    // Connects as soon as the server listens, makes the topic, and produces until something breaks.
    Task<void> produce() {
        Context& context = client.context();
        while (true) {
            auto connected = co_await WireClient::connect(context, "server", kPort);
            if (connected.has_value()) {
                if (!history.topic_made) {
                    const auto made = co_await make_topic(**connected, topic_configs);
                    history.topic_made = made.has_value() && *made;
                }
                if (history.topic_made) (void)co_await produce_some(**connected, context, history);
                ++history.failures;
            }
            co_await context.loop.sleep_for(20ms);
        }
    }
    Task<Result<std::map<Offset, std::string>>> read_all() {
        CO_TRY(const auto connected,
               co_await WireClient::connect(client.context(), "server", kPort));
        co_return co_await fetch_all(*connected);
    }
    // Everything acknowledged is there; everything there was sent, and only once.
    void check() {
        const std::map<Offset, std::string> acked = history.acked;  // it grows while we read
        if (acked.empty()) return;
        std::optional<Result<std::map<Offset, std::string>>> all;
        // A topic's leader may need a moment after the start.
        for (int tries = 0; tries != 20; ++tries) {
            all = sim.run(client.loop(), read_all(), 60s);
            if (all.has_value() && all->has_value()) break;
            sim.run_for(100ms);
        }
        REQUIRE(all.has_value());
        REQUIRE_MESSAGE(all->has_value(), all->error().describe());
        for (const auto& [offset, value] : acked) {
            const auto at = (*all)->find(offset);
            if (at == (*all)->end()) {
                FAIL_CHECK("offset ", offset, " was acknowledged and is gone");
            } else if (at->second != value) {
                FAIL_CHECK("offset ", offset, " holds ", at->second, " instead of ", value);
            }
        }
        std::set<std::string> seen;
        Offset expected = (*all)->empty() ? 0 : (*all)->begin()->first;
        for (const auto& [offset, value] : **all) {
            CHECK(offset == expected);
            expected = offset + 1;
            CHECK(history.sent.contains(value));
            CHECK(seen.insert(value).second);
        }
        ++history.reads;
    }

    Simulation& sim;
    SimFabric fabric{sim};
    std::shared_ptr<const config::BrokerConfig> config = node_config();
    server::Node* node = nullptr;
    SimNode server{sim, fabric, "server"};
    SimNode client{sim, fabric, "client"};
    History history;
    // Small segments, so that a life has many of them.
    std::vector<std::pair<std::string, std::string>> topic_configs{
        {"internal.segment.bytes", "20000"}};
};

void stop_cleanly(Cluster& c) {
    if (!c.sim.run_until([&] { return c.node != nullptr; }, 60s))
        FAIL_CHECK("the node does not start");
    if (c.node) c.node->stop();
    CHECK(c.sim.run_until([&] { return !c.server.running(); }, 60s));
}

// What ends a life that is not stopped. After a lossy power cut nothing that was acknowledged
// before need be there, but what is there must be sound.
enum class End : uint8_t { kill, power_cut, lossy_power_cut };

void live(Cluster& c, int lives, End end) {
    c.client.spawn(c.produce());
    for (int life = 0; life != lives; ++life) {
        c.start_server();
        c.sim.run_for(c.sim.between(0ms, 1500ms));
        if (c.sim.rng().chance(0.2))
            stop_cleanly(c);
        else if (end == End::kill)
            c.server.kill();
        else
            c.server.power_cut();
        if (end == End::lossy_power_cut) c.history.acked.clear();
    }
    c.start_server();
    c.sim.run_for(3s);
    c.check();
    CHECK(!c.history.acked.empty());
}

}  // namespace

SIM_TEST("a node starts, takes records and gives them back, and stops") {
    Cluster c{sim};
    c.client.spawn(c.produce());
    c.start_server();
    sim.run_for(3s);
    c.check();
    CHECK(c.history.acked.size() > 20);
    stop_cleanly(c);
    c.start_server();
    sim.run_for(1s);
    c.check();
    CHECK(c.history.reads == 2);
}

SIM_TEST("what was acknowledged survives kills") {
    Cluster c{sim};
    live(c, 4, End::kill);
}

SIM_TEST("with flush.messages=1 what was acknowledged survives power cuts") {
    Cluster c{sim};
    c.topic_configs.emplace_back("flush.messages", "1");
    live(c, 4, End::power_cut);
}

SIM_TEST("after power cuts without flushing a sound part of the log is there, and more is taken") {
    Cluster c{sim};
    live(c, 5, End::lossy_power_cut);
}

SIM_TEST("connections that break and stall lose nothing that was acknowledged") {
    Cluster c{sim};
    c.fabric.faults.reset_chance = 0.003;
    c.fabric.faults.slow_chance = 0.01;
    c.client.spawn(c.produce());
    c.start_server();
    sim.after(2s, [&] { c.fabric.block("server", "client"); });
    sim.after(4s, [&] { c.fabric.heal(); });
    sim.run_for(10s);
    c.fabric.faults = {};
    c.check();
    CHECK(!c.history.acked.empty());
}

SIM_TEST("slow and stalling disks only cost time") {
    Cluster c{sim};
    c.topic_configs.emplace_back("flush.messages", "1");
    c.server.disk().faults.stall_chance = 0.02;
    c.server.disk().faults.stall_max = 300ms;
    c.server.disk().faults.cold_chance = 0.5;
    live(c, 3, End::power_cut);
}

SIM_TEST("a full disk refuses records, loses none, and takes more when there is room") {
    Cluster c{sim};
    const uint64_t reserve = sim.rng().chance(0.3) ? 0 : 100'000;
    c.config = node_config({fmt::format("millrace.disk.reserve.bytes={}", reserve)});
    SimDisk& disk = c.server.disk();
    c.client.spawn(c.produce());
    c.start_server();
    sim.run_for(1s);
    const uint64_t capacity = disk.bytes_used() + reserve + sim.rng().below(60'000);
    disk.faults.capacity = capacity;
    sim.run_for(12s);
    const size_t acked = c.history.acked.size();
    sim.run_for(2s);
    CHECK(c.history.acked.size() == acked);
    CHECK(disk.bytes_used() + reserve / 2 <= capacity);
    c.check();
    // Without a reserve nothing is left for the start either.
    if (reserve == 0) disk.faults.capacity = capacity + 1'000'000;
    if (sim.rng().chance(0.3))
        stop_cleanly(c);
    else
        c.server.kill();
    c.start_server();
    sim.run_for(3s);
    c.check();
    disk.faults.capacity = uint64_t{1} << 40;
    sim.run_for(3s);
    CHECK(c.history.acked.size() > acked);
    c.check();
}

SIM_TEST("a log directory that fails takes only its own partitions offline") {
    Cluster c{sim};
    c.config = node_config({"log.dirs=/data,/more"});
    c.client.spawn(c.produce());
    c.start_server();
    sim.run_for(1s);
    REQUIRE(c.node != nullptr);
    const auto& logs = c.node->broker().partitions().logs();
    const bool hit = sim.rng().chance(0.5);
    if (hit) {
        c.server.spawn([](server::Node& node) -> Task<void> {
            const auto topic = node.broker().image()->topic(std::string_view{"t"});
            CHECK(co_await node.broker().directories().move(topic, 0, "/more") == ErrorCode::none);
        }(*c.node));
        sim.run_for(3s);
    }
    REQUIRE(logs.directory_of({"t", 0}) == (hit ? 1 : 0));
    c.server.disk().dead = {"/more"};
    sim.run_for(3s);
    REQUIRE(c.node != nullptr);
    CHECK(logs.directories()[1].failed());
    CHECK_FALSE(logs.directories()[0].failed());
    CHECK(c.node->broker().image()->partition("t", 0)->leader == (hit ? -1 : 1));
    const size_t acked = c.history.acked.size();
    sim.run_for(2s);
    CHECK((c.history.acked.size() == acked) == hit);
    if (!hit) c.check();
    // A start without it, too.
    if (sim.rng().chance(0.5))
        stop_cleanly(c);
    else
        c.server.kill();
    c.start_server();
    sim.run_for(3s);
    REQUIRE(c.node != nullptr);
    CHECK(c.node->broker().image()->partition("t", 0)->leader == (hit ? -1 : 1));
    c.server.disk().dead.clear();
    c.server.kill();
    c.start_server();
    sim.run_for(3s);
    REQUIRE(c.node != nullptr);
    CHECK(c.node->broker().image()->partition("t", 0)->leader == 1);
    CHECK(c.history.acked.size() > acked);
    c.check();
}

namespace {

// Moves the partition to and fro; not with a clean stop, which would leave this task behind.
Task<void> move_about(Cluster& c) {
    Loop& loop = Loop::current();
    while (true) {
        co_await loop.sleep_for(std::chrono::milliseconds{loop.rng().below(200)});
        if (!c.node) continue;
        const auto topic = c.node->broker().image()->topic(std::string_view{"t"});
        if (!topic) continue;
        const char* path = loop.rng().chance(0.5) ? "/data" : "/more";
        const ErrorCode code = co_await c.node->broker().directories().move(topic, 0, path);
        CHECK_MESSAGE(code == ErrorCode::none, error_name(code));
    }
}

}  // namespace

SIM_TEST("a partition that moves between directories loses nothing to kills and power cuts") {
    Cluster c{sim};
    c.config = node_config({"log.dirs=/data,/more"});
    const bool power = sim.rng().chance(0.5);
    if (power) c.topic_configs.emplace_back("flush.messages", "1");
    c.client.spawn(c.produce());
    for (int life = 0; life != 5; ++life) {
        c.start_server();
        c.server.spawn(move_about(c));
        sim.run_for(sim.between(500ms, 3000ms));
        if (power)
            c.server.power_cut();
        else
            c.server.kill();
    }
    c.start_server();
    sim.run_for(3s);
    c.check();
    CHECK(!c.history.acked.empty());
}
