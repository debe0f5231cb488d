// `millrace bench`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cmath>

#include "cli/bench/bench.h"
#include "cli/client_settings.h"
#include "cli/native.h"
#include "client/admin.h"
#include "runtime/machine.h"
#include "runtime/process.h"

namespace millrace::cli {
namespace {

struct BenchOptions {
    ClientSettingsOptions client;
    std::string compare;
    std::string topic;
    int32_t partitions = 4;
    int16_t replication = -1;
    bench::Load load;
    double seconds = 10;
    bool json = false;
};
using OptionsPtr = std::shared_ptr<BenchOptions>;

struct Measured {
    std::string cluster;
    bench::Found found;
    double cpu_seconds = 0;
};

// A topic of its own for the time of the measurement, unless one was named.
class BenchTopic {
public:
    BenchTopic(runtime::Machine& machine, client::ClientConfig config)
        : machine_(machine), cluster_(machine.context(), std::move(config)), admin_(cluster_) {}

    Result<std::string> make(const BenchOptions& options) {
        if (!options.topic.empty()) return options.topic;
        name_ = fmt::format("millrace-bench-{:08x}", machine_.loop().rng().below(1ull << 32));
        TRY(const auto made,
            machine_.wait(admin_.create_topics({{.name = name_,
                                                 .partitions = options.partitions,
                                                 .replication = options.replication}},
                                               false)));
        if (made[0].error.code != ErrorCode::none) return made[0].error;
        return name_;
    }
    Result<void> remove() {
        if (name_.empty()) return {};
        TRY(const auto removed, machine_.wait(admin_.delete_topics({name_})));
        if (removed[0].error.code != ErrorCode::none) return removed[0].error;
        return {};
    }

private:
    runtime::Machine& machine_;
    client::Cluster cluster_;
    client::Admin admin_;
    std::string name_;
};

// A line that is written over, for people who wait.
bench::Progress progress_line(const Console& console, runtime::Loop& loop,
                              const BenchOptions& options) {
    if (!console.color) return [](uint64_t) {};
    auto next = std::make_shared<runtime::TimePoint>(loop.read_clock());
    return [&console, &loop, &options, next](uint64_t records) {
        if (loop.now() < *next) return;
        *next = loop.now() + std::chrono::milliseconds(500);
        fmt::print(console.err, "\r{} of {} records", records, options.load.records);
        std::fflush(console.err);
    };
}

Result<Measured> measure(const Console& console, const BenchOptions& options,
                         const std::string& servers, bench::Measure run) {
    runtime::Machine machine;
    bench::Load load = options.load;
    TRY(load.settings, options.client.read());
    if (!servers.empty()) load.settings.set("bootstrap.servers", servers);
    load.settings.set_default("max.poll.records", "100000");
    // What is measured is there, or is made for it.
    load.settings.set_default("allow.auto.create.topics", "false");
    TRY(client::ClientConfig config, client::ClientConfig::from(load.settings));
    const std::string cluster = config.bootstrap_servers.front().text();
    BenchTopic topic(machine, std::move(config));
    TRY(load.topic, topic.make(options));
    const double cpu_before = runtime::process_cpu_seconds();
    auto found =
        machine.wait(run(machine.context(), load, progress_line(console, machine.loop(), options)));
    const double cpu = runtime::process_cpu_seconds() - cpu_before;
    if (console.color) fmt::print(console.err, "\r\x1b[K");
    const auto removed = topic.remove();
    if (!found) return found.error();
    TRY_OK(removed);
    return Measured{cluster, *std::move(found), cpu};
}

// To so many decimals.
double rounded(double value, int decimals) {
    const double scale = std::pow(10.0, decimals);
    return std::round(value * scale) / scale;
}

void show(const Console& console, const std::vector<Measured>& all) {
    Table table{{"cluster", "records", "seconds", "records_per_s", "mb_per_s", "cpu_seconds",
                 "p50_ms", "p99_ms", "p999_ms"}};
    for (const Measured& one : all) {
        const bench::Found& found = one.found;
        const double seconds = std::max(found.seconds(), 1e-9);
        const auto ms = [&](double quantile) -> Value {
            if (found.latency.count() == 0) return {};
            return rounded(static_cast<double>(found.latency.quantile(quantile)) / 1e6, 3);
        };
        table.add({one.cluster, found.records, rounded(seconds, 3),
                   static_cast<int64_t>(static_cast<double>(found.records) / seconds),
                   rounded(static_cast<double>(found.bytes) / 1e6 / seconds, 1),
                   rounded(one.cpu_seconds, 3), ms(0.5), ms(0.99), ms(0.999)});
    }
    console.show(table);
}

Result<void> bench_all(Console console, const BenchOptions& options, bench::Measure run) {
    console.json = options.json;
    std::vector<Measured> all;
    TRY(Measured first, measure(console, options, options.client.servers, run));
    all.push_back(std::move(first));
    if (!options.compare.empty()) {
        TRY(Measured second, measure(console, options, options.compare, run));
        all.push_back(std::move(second));
    }
    show(console, all);
    return {};
}

CLI::App& add_kind(CLI::App& noun, const Native& native, const char* name, const char* help,
                   const OptionsPtr& o, bench::Measure run) {
    CLI::App& command = *noun.add_subcommand(name, help);
    add_client_settings(command, o->client);
    command.add_option("--compare", o->compare, "The same against this other cluster");
    command.add_option("--topic", o->topic, "Instead of one made for this and deleted afterwards");
    command.add_option("--records", o->load.records, "How many")->check(CLI::PositiveNumber);
    command.add_flag("--json", o->json, "For programs: one JSON document instead of a table");
    command.callback([native, o, run, name] {
        // A rate is given with a time.
        if (std::string_view{name} == "e2e")
            o->load.records = static_cast<uint64_t>(o->load.rate * o->seconds);
        const auto done = bench_all(native.console, *o, run);
        native.status = kDone;
        if (!done)
            native.status = native.console.fail(
                done.error(), advice_for(done.error(), {.bootstrap_servers = o->client.servers}));
    });
    return command;
}

void add_sending(CLI::App& command, const OptionsPtr& o) {
    command.add_option("--size", o->load.size, "Bytes of a value")->check(CLI::Range(8, 1 << 20));
    command.add_option("--keys", o->load.keys, "How many different keys; 0: none");
    command.add_option("--partitions", o->partitions, "Of the topic that is made")
        ->check(CLI::PositiveNumber);
    command.add_option("--replication", o->replication, "Of the topic that is made")
        ->check(CLI::PositiveNumber);
}

}  // namespace

void add_bench_command(CLI::App& app, const Native& native) {
    CLI::App& noun = *app.add_subcommand("bench", "Measure a cluster with this client");
    noun.require_subcommand(1);
    auto o = std::make_shared<BenchOptions>();
    CLI::App& produce =
        add_kind(noun, native, "produce", "Records in; latency: to the ack", o, bench::produce);
    add_sending(produce, o);
    produce.add_option("--rate", o->load.rate, "Records a second; 0: as fast as possible");
    o = std::make_shared<BenchOptions>();
    o->load.records = UINT64_MAX;
    add_kind(noun, native, "consume", "Records out of a topic that is there", o, bench::consume)
        .get_option("--topic")
        ->required();
    o = std::make_shared<BenchOptions>();
    o->load.rate = 1000;
    CLI::App& e2e = add_kind(noun, native, "e2e",
                             "At a fixed rate; latency: from when a record was "
                             "due to when it was read",
                             o, bench::end_to_end);
    add_sending(e2e, o);
    e2e.add_option("--rate", o->load.rate, "Records a second")->check(CLI::PositiveNumber);
    e2e.add_option("--seconds", o->seconds, "How long")->check(CLI::PositiveNumber);
    o = std::make_shared<BenchOptions>();
    o->load.records = 100'000;
    CLI::App& transactions =
        add_kind(noun, native, "transactions", "Transactions; latency: of each as a whole", o,
                 bench::transactions);
    add_sending(transactions, o);
    transactions.add_option("--per", o->load.per_commit, "Records in each")
        ->check(CLI::PositiveNumber);
    noun.footer(
        "\nExamples:\n"
        "  millrace bench produce -b localhost:9092 --records 5000000 --size 1000\n"
        "  millrace bench e2e -b localhost:9092 --rate 5000 --compare otherhost:9092\n");
}

}  // namespace millrace::cli
