// A streams application of three instances, which are killed, stopped and started again, on a node
// that is killed: with exactly once, each update of a count and of a windowed count is there once,
// in order; with at least once, nothing is missing, and nothing repeated where nobody is killed.
#include "client/admin.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "sim/client/setting.h"
#include "sim/streams/sim_state.h"
#include "streams/app/stream_thread.h"
#include "streams/streams_builder.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;
using namespace std::chrono_literals;
using streams::StreamsConfig;
using streams::StreamThread;

namespace {

constexpr int kPartitions = 3;
constexpr int kLines = 250;
constexpr int64_t kWindowMs = 1000;
constexpr TimestampMs kBegin = 1'700'000'000'000;

std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> found;
    for (size_t from = 0; from < line.size(); from += 2) found.push_back(line.substr(from, 1));
    return found;
}

// Counts letters: all, and by windows.
std::shared_ptr<const streams::TopologyPlan> letter_counts() {
    streams::StreamsBuilder builder;
    const auto by_letter =
        builder.stream<std::string, std::string>("lines").flat_map_values(&words).group_by(
            [](const std::string*, const std::string& letter) { return letter; });
    by_letter.count(streams::Materialized<std::string, int64_t>::as("counts"))
        .to_stream()
        .to("counts");
    by_letter
        .windowed_by(streams::TimeWindows::of_size_and_grace(std::chrono::milliseconds(kWindowMs),
                                                             std::chrono::hours(1)))
        .count()
        .to_stream([](const streams::Windowed<std::string>& letter, const int64_t*) {
            return fmt::format("{}@{}", letter.key, letter.window.start);
        })
        .to("window-counts", streams::Produced<std::string, int64_t>());
    return builder.build().plan();
}

// One machine with an instance of one thread.
class Instance {
public:
    Instance(Simulation& sim, NodeWorld& world, std::shared_ptr<const streams::TopologyPlan> plan,
             StreamsConfig config, int index)
        : plan_(std::move(plan)),
          config_(std::move(config)),
          state_(fmt::format("process-{}", index), sim.rng().next()),
          machine_(sim, world.fabric, fmt::format("app-{}", index)) {}
    // Its process refers to what else is here.
    ~Instance() { kill(); }

    void start() {
        machine_.start([this](Context& context) -> Task<void> { co_await live(context); });
    }
    void kill() {
        if (!machine_.running()) return;
        machine_.kill();
        thread_ = nullptr;
        state_.crash();
    }
    void stop() {
        machine_.spawn([](Instance& self) -> Task<void> {
            if (self.thread_) self.thread_->stop();
            co_return;
        }(*this));
    }
    bool running() const { return machine_.running(); }
    bool at_work() const { return thread_ && thread_->state() == streams::ThreadState::running; }

private:
    Task<void> live(Context& context) {
        StreamThread thread({.context = context,
                             .plan = plan_,
                             .config = config_,
                             .directory = state_,
                             .name = "letters-StreamThread-1"});
        thread_ = &thread;
        const Result<void> ended = co_await thread.run();
        thread_ = nullptr;
        CHECK_MESSAGE(ended.has_value(), (ended ? "" : ended.error().describe()));
    }

    std::shared_ptr<const streams::TopologyPlan> plan_;
    StreamsConfig config_;
    SimState state_;
    StreamThread* thread_ = nullptr;
    SimNode machine_;
};

struct Expected {
    std::map<std::string, int64_t> counts;
    std::map<std::string, int64_t> windows;
};

// Lines come in all the time, each acked before the next.
struct Writer {
    Expected expected;
    bool done = false;

    Task<void> write(Context& context) {
        client::ProducerConfig config;
        config.client = ClientSetting::config();
        client::Producer producer{context, config};
        Rng& rng = context.loop.rng();
        for (int i = 0; i < kLines; ++i) {
            std::string line;
            for (uint64_t n = rng.below(4) + 1; n > 0; --n)
                line += fmt::format("{} ", "abcdefgh"[rng.below(8)]);
            const TimestampMs time = kBegin + i * 20 - static_cast<TimestampMs>(rng.below(3000));
            const Result<client::Delivery> sent = co_await producer.send(
                {.topic = "lines",
                 .value = as_bytes(line),
                 .partition = static_cast<PartitionIndex>(rng.below(kPartitions)),
                 .timestamp = time});
            CHECK(sent.has_value());
            if (!sent) co_return;
            const auto place = co_await (*sent).wait();
            CHECK_MESSAGE(place.has_value(), (place ? "" : place.error().describe()));
            for (const std::string& letter : words(line)) {
                ++expected.counts[letter];
                ++expected.windows[fmt::format("{}@{}", letter, time - time % kWindowMs)];
            }
            co_await context.loop.sleep_for(std::chrono::milliseconds(rng.below(100)));
        }
        CHECK(co_await producer.close());
        done = true;
    }
};

using Updates = std::vector<std::pair<std::string, int64_t>>;

// Everything committed in a topic, in the order of each partition.
Task<Result<Updates>> read_all(Context& context, std::string topic) {
    client::ConsumerConfig config;
    config.client = ClientSetting::config();
    config.isolation = client::IsolationLevel::read_committed;
    config.offset_reset.kind = client::OffsetReset::Kind::earliest;
    client::Consumer consumer{context, config};
    std::vector<TopicPartition> places;
    for (int32_t p = 0; p < kPartitions; ++p) places.push_back({topic, p});
    CO_TRY_OK(consumer.assign(places));
    CO_TRY(const auto ends, co_await consumer.end_offsets(places));
    Updates updates;
    for (bool all = false; !all;) {
        CO_TRY(auto batches, co_await consumer.poll(50ms));
        for (client::RecordBatch& batch : batches) {
            const auto given = batch.for_each([&](const client::RecordView& record) {
                updates.emplace_back(std::string(as_text(*record.key)),
                                     streams::read_be<int64_t>(as_text(*record.value)));
            });
            CO_TRY_OK(given);
        }
        all = true;
        for (const TopicPartition& place : places) {
            CO_TRY(const Offset at, co_await consumer.position(place));
            all &= at >= ends.at(place);
        }
    }
    CO_TRY_OK(co_await consumer.close());
    co_return updates;
}

std::map<std::string, int64_t> last_of(const Updates& updates) {
    std::map<std::string, int64_t> last;
    for (const auto& [key, value] : updates) last[key] = value;
    return last;
}

void check_each_once(const Updates& updates) {
    std::map<std::string, int64_t> last;
    for (const auto& [key, value] : updates) CHECK_MESSAGE(value == ++last[key], key);
}

bool at_least(const std::map<std::string, int64_t>& have,
              const std::map<std::string, int64_t>& want) {
    return std::ranges::all_of(want, [&](const auto& entry) {
        const auto found = have.find(entry.first);
        return found != have.end() && found->second >= entry.second;
    });
}

StreamsConfig app_config(bool exactly_once) {
    return StreamsConfig::from({
        {"application.id", "letters"},
        {"bootstrap.servers", "server:9092"},
        {"processing.guarantee", exactly_once ? "exactly_once_v2" : "at_least_once"},
        {"commit.interval.ms", "150"},
        {"statestore.cache.max.bytes", "0"},
        {"consumer.session.timeout.ms", "6000"},
        {"consumer.heartbeat.interval.ms", "500"},
        {"request.timeout.ms", "3000"},
    });
}

// Something happens to somebody.
void disturb(Simulation& sim, NodeWorld& world, std::vector<std::unique_ptr<Instance>>& instances,
             bool killing) {
    const auto pause = [&] { sim.run_for(sim.between(0ms, sim.rng().chance(0.3) ? 8s : 500ms)); };
    if (killing && sim.rng().chance(0.3)) {
        world.server.kill();
        pause();
        world.start_server();
        return;
    }
    Instance& victim = *instances[sim.rng().below(instances.size())];
    if (!killing || sim.rng().chance(0.3)) {
        victim.stop();
        CHECK(sim.run_until([&] { return !victim.running(); }, 2min));
    } else {
        victim.kill();
    }
    pause();
    victim.start();
}

struct Life {
    bool exactly_once = true;
    bool killing = true;
};

void live(Simulation& sim, Life life) {
    ClientSetting setting(sim, {"group.initial.rebalance.delay.ms=0"});
    for (const char* topic : {"lines", "counts", "window-counts"})
        CHECK(setting.create_topic(topic, kPartitions).has_value());
    const auto plan = letter_counts();
    std::vector<std::unique_ptr<Instance>> instances;
    for (int i = 0; i < 3; ++i) {
        instances.push_back(
            std::make_unique<Instance>(sim, setting.world, plan, app_config(life.exactly_once), i));
        instances.back()->start();
    }
    Writer writer;
    setting.world.client.spawn(writer.write(setting.context()));
    for (int round = 0; round < 6; ++round) {
        sim.run_for(sim.between(100ms, 4s));
        disturb(sim, setting.world, instances, life.killing);
    }
    CHECK(sim.run_until([&] { return writer.done; }, 5min));
    Updates counts;
    Updates windows;
    const auto complete = [&] {
        counts = *setting.run(read_all(setting.context(), "counts"));
        windows = *setting.run(read_all(setting.context(), "window-counts"));
        return at_least(last_of(counts), writer.expected.counts) &&
               at_least(last_of(windows), writer.expected.windows);
    };
    for (int tries = 0; !complete() && tries < 60; ++tries) sim.run_for(1s);
    for (auto& instance : instances) instance->stop();
    for (auto& instance : instances)
        CHECK(sim.run_until([&] { return !instance->running(); }, 2min));
    CHECK(complete());
    // What is only stopped does nothing again either way.
    if (!life.exactly_once && life.killing) return;
    check_each_once(counts);
    check_each_once(windows);
    CHECK(last_of(counts) == writer.expected.counts);
    CHECK(last_of(windows) == writer.expected.windows);
}

}  // namespace

SIM_TEST_OF(2, "a streams application counts exactly once while it and the node are killed") {
    live(sim, {});
}

SIM_TEST_OF(1, "a streams application counts at least once while it and the node are killed") {
    live(sim, {.exactly_once = false});
}

SIM_TEST_OF(2, "a streams application that is only stopped repeats nothing") {
    live(sim, {.exactly_once = false, .killing = false});
}
