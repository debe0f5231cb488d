// Writers that append only to the history that they know (docs/conditional-append.md), while the node
// is killed, loses power and is stopped. Whatever is left of the log must be a linear history: every
// event follows the one that its writer said it follows.
#include <array>
#include <map>

#include "protocol/messages/create_topics.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/produce.h"
#include "protocol/record_batch_builder.h"
#include "server/node.h"
#include "sim/node/wire_client.h"
#include "sim/sim_test.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;

namespace {

constexpr uint16_t kPort = 9092;
constexpr int16_t kProduceVersion = 11;
constexpr int kWriters = 3;
constexpr int kKeys = 3;

std::shared_ptr<const config::BrokerConfig> node_config() {
    auto loaded = config::BrokerConfig::load(
        "", "",
        {"listeners=PLAINTEXT://server:9092,CONTROLLER://server:9093", "log.dirs=/data",
         "millrace.log.idle.ms=100",
         "offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
         "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1"});
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error().describe());
    return std::make_shared<const config::BrokerConfig>(std::move(loaded->config));
}

// By key or, all as key 0, by the end of the log.
struct Writer {
    std::string name;
    std::array<Offset, kKeys> expected{};
    int sent = 0;
};

struct World {
    World(Simulation& s, bool keys, bool flush) : sim(s), by_key(keys), flushing(flush) {
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

    Simulation& sim;
    const bool by_key;
    const bool flushing;
    SimFabric fabric{sim};
    std::shared_ptr<const config::BrokerConfig> config = node_config();
    server::Node* node = nullptr;
    SimNode server{sim, fabric, "server"};
    SimNode client{sim, fabric, "client"};
    std::map<Offset, std::string> acked;
    int refused = 0;
};

Task<Result<bool>> make_topic(WireClient& client, const World& w) {
    protocol::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    const auto set = [&](std::string_view name, std::string_view value) {
        auto& config = topic.configs.emplace_back();
        config.name = name;
        config.value = protocol::Str{std::string{value}};
    };
    set("internal.segment.bytes", "3000");
    if (w.by_key) set("millrace.key.index.enable", "true");
    if (w.flushing) set("flush.messages", "1");
    CO_TRY(const auto reply, co_await client.call(request, 7));
    const auto code = static_cast<ErrorCode>(reply.body.topics.at(0).error_code);
    co_return code == ErrorCode::none || code == ErrorCode::topic_already_exists;
}

// One event, of one key; sometimes a null value, which takes the key away.
Task<Result<void>> write_one(WireClient& client, World& w, Writer& writer) {
    Rng& rng = w.client.loop().rng();
    const size_t key = w.by_key ? rng.below(kKeys) : 0;
    const bool removes = w.by_key && rng.chance(0.2);
    const Offset expected = writer.expected[key];
    const std::string value = fmt::format("{}:{}:{}", writer.name, ++writer.sent, expected);
    protocol::BatchBuilder builder;
    const std::string name = fmt::format("k{}", key);
    const protocol::RecordHeader header{.key = "event", .value = as_bytes(value)};
    builder.append(w.client.loop().wall_ms(), as_bytes(name),
                   removes ? std::nullopt : std::optional{as_bytes(value)}, {&header, 1});
    CO_TRY(std::vector<uint8_t> batch, builder.finish());
    protocol::ProduceRequest request;
    request.acks = -1;
    request.timeout_ms = 400;
    auto& topic = request.topic_data.emplace_back();
    topic.name = "t";
    auto& partition = topic.partition_data.emplace_back();
    partition.records = Chain{SharedBytes::own(std::move(batch))};
    if (w.by_key) {
        partition.expected_key_offsets.push_back({.record_index = 0, .expected_offset = expected});
    } else {
        partition.expected_end_offset = expected;
    }
    CO_TRY(const auto reply, co_await client.call(request, kProduceVersion));
    const auto& answer = reply.body.responses.at(0).partition_responses.at(0);
    const auto code = static_cast<ErrorCode>(answer.error_code);
    if (code == ErrorCode::none) {
        CHECK_FALSE(w.acked.contains(answer.base_offset));
        w.acked[answer.base_offset] = value;
        if (!w.by_key) CHECK(answer.base_offset == expected);
        writer.expected[key] = !w.by_key ? answer.base_offset + 1
                               : removes ? -1
                                         : answer.base_offset;
        co_return {};
    }
    if (code != ErrorCode::append_condition_failed) co_return fail(code, "produce");
    ++w.refused;
    writer.expected[key] =
        w.by_key ? answer.actual_key_offsets.at(0).actual_offset : answer.actual_end_offset;
    CHECK(writer.expected[key] != expected);
    co_return {};
}

Task<void> write(World& w, std::string name) {
    Context& context = w.client.context();
    Writer writer{.name = std::move(name)};
    writer.expected.fill(w.by_key ? -1 : 0);
    while (true) {
        auto client = co_await WireClient::connect(context, "server", kPort);
        bool going = client.has_value();
        if (going) {
            const auto made = co_await make_topic(**client, w);
            going = made.has_value() && *made;
        }
        while (going) {
            going = (co_await write_one(**client, w, writer)).has_value();
            if (context.loop.rng().chance(0.2))
                co_await context.loop.sleep_for(
                    std::chrono::microseconds{context.loop.rng().below(20'000)});
        }
        co_await context.loop.sleep_for(20ms);
    }
}

struct Event {
    std::string key;
    std::string text;
    bool removes;
};

Task<Result<std::map<Offset, Event>>> read_all(World& w) {
    CO_TRY(const auto client, co_await WireClient::connect(w.client.context(), "server", kPort));
    std::map<Offset, Event> found;
    Offset next = 0;
    while (true) {
        protocol::FetchRequest request;
        request.max_wait_ms = 10;
        auto& topic = request.topics.emplace_back();
        topic.topic = "t";
        auto& partition = topic.partitions.emplace_back();
        partition.fetch_offset = next;
        partition.partition_max_bytes = 100'000;
        CO_TRY(const auto reply, co_await client->call(request, 12));
        if (reply.body.responses.empty()) co_return fail(ErrorCode::not_found, "no topic");
        const auto& answer = reply.body.responses[0].partitions.at(0);
        if (answer.error_code != 0)
            co_return fail(static_cast<ErrorCode>(answer.error_code), "fetch");
        const Offset before = next;
        std::vector<uint8_t> scratch;
        for (const ChainPart& part : answer.records->parts())
            CO_TRY_OK(protocol::for_each_batch(part.bytes, [&](protocol::BatchView batch) {
                return protocol::for_each_record(
                    batch, scratch, [&](const protocol::RecordView& r) {
                        found[r.offset] = {std::string{as_text(*r.key)},
                                           std::string{as_text(*(*r.headers.begin()).value)},
                                           !r.value};
                        next = r.offset + 1;
                    });
            }));
        if (next >= answer.high_watermark || next == before) co_return found;
    }
}

void check_history(World& w) {
    const auto acked = w.acked;  // it grows while we read
    std::optional<Result<std::map<Offset, Event>>> all;
    for (int tries = 0; tries != 20; ++tries) {
        all = w.sim.run(w.client.loop(), read_all(w), 60s);
        if (all.has_value() && all->has_value()) break;
        w.sim.run_for(100ms);
    }
    REQUIRE(all.has_value());
    REQUIRE_MESSAGE(all->has_value(), all->error().describe());
    std::map<std::string, Offset> last;
    for (const auto& [offset, event] : **all) {
        const Offset expected = std::stoll(event.text.substr(event.text.rfind(':') + 1));
        if (w.by_key) {
            const auto before = last.find(event.key);
            CHECK(expected == (before == last.end() ? -1 : before->second));
            last[event.key] = event.removes ? -1 : offset;
        } else {
            CHECK(expected == offset);
        }
    }
    for (const auto& [offset, text] : acked) {
        const auto at = (*all)->find(offset);
        CHECK(at != (*all)->end());
        if (at != (*all)->end()) CHECK(at->second.text == text);
    }
}

enum class End : uint8_t { kill, power_cut };

void live(World& w, int lives, End end) {
    for (int i = 0; i < kWriters; ++i) w.client.spawn(write(w, fmt::format("w{}", i)));
    for (int life = 0; life != lives; ++life) {
        w.start_server();
        w.sim.run_for(w.sim.between(0ms, 1200ms));
        if (w.sim.rng().chance(0.3)) {
            CHECK(w.sim.run_until([&] { return w.node != nullptr; }, 60s));
            if (w.node) w.node->stop();
            CHECK(w.sim.run_until([&] { return !w.server.running(); }, 60s));
        } else if (end == End::kill) {
            w.server.kill();
        } else {
            w.server.power_cut();
            if (!w.flushing) w.acked.clear();
        }
    }
    w.start_server();
    w.sim.run_for(2s);
    check_history(w);
    CHECK(w.acked.size() > 10);
    CHECK(w.refused > 0);
}

}  // namespace

SIM_TEST("appends on an expected end offset make a linear history, through kills") {
    World w(sim, false, false);
    live(w, 4, End::kill);
}

SIM_TEST("appends on expected offsets of keys make a linear history of each key, through kills") {
    World w(sim, true, false);
    live(w, 4, End::kill);
}

SIM_TEST("the same through power cuts that take what was not flushed") {
    World w(sim, true, false);
    live(w, 5, End::power_cut);
}

SIM_TEST("the same with flush.messages=1, where power cuts take nothing that was acknowledged") {
    World w(sim, true, true);
    live(w, 4, End::power_cut);
}
