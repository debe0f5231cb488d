// kafka-producer-perf-test: how fast records go.
#include "cli/kafka/argparse.h"
#include "cli/kafka/delivery_watch.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/metric_table.h"
#include "cli/kafka/perf_stats.h"
#include "cli/kafka/properties.h"
#include "cli/kafka/tool.h"
#include "cli/local_disk.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;
constexpr std::string_view kProgram = "kafka-producer-perf-test";

constexpr Flag kFlags[] = {
    {"bootstrap-server", "", one, false, 0, "Brokers of the cluster."},
    {"topic", "", one, true, 0, "Where to."},
    {"num-records", "", one, true, 0, "How many.", "Long"},
    {"payload-delimiter", "", one, false, 0, "Between the values of a file (default: a new line)."},
    {"throughput", "", one, true, 0, "At most so many a second; -1: as fast as it goes.", "Double"},
    {"producer-props", "", several, false, 0, "Old name of --command-property."},
    {"command-property", "", several, false, 0, "Properties of the producer: name=value ..."},
    {"producer.config", "", one, false, 0, "Old name of --command-config."},
    {"command-config", "", one, false, 0, "A file with producer properties."},
    {"print-metrics", "", nothing, false, 0, "At the end what the client knows about itself."},
    {"transactional-id", "", one, false, 0, "In transactions, under this id."},
    {"transaction-duration-ms", "", one, false, 0, "Of each transaction (default: 3000).", "Long"},
    {"warmup-records", "", one, false, 0, "The first ones, which do not count.", "Long"},
    {"reporting-interval", "", one, false, 0, "Between two lines, in ms (5000).", "Long"},
    {"record-size", "", one, false, 1, "Bytes of each value.", "Integer"},
    {"payload-file", "", one, false, 1, "Values by chance out of this file."},
    {"payload-monotonic", "", nothing, false, 1, "Values that are growing numbers."},
};

struct Wanted {
    std::string topic;
    int64_t records = 0;
    int64_t warmup = 0;
    double throughput = -1;
    int64_t interval_ms = 5000;
    int64_t size = 0;
    bool monotonic = false;
    bool metrics = false;
    std::vector<std::string> payloads;
    int64_t transaction_ms = 0;  // 0: without transactions
};

class ProducerPerf {
public:
    ProducerPerf(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                 client::ProducerConfig config)
        : machine_(machine),
          console_(console),
          wanted_(wanted),
          producer_(machine.context(), std::move(config)),
          value_(static_cast<size_t>(wanted.size), 0),
          stats_(wanted.records, now_ms(), wanted.interval_ms, false),
          deliveries_(machine.loop(),
                      [this](const Sent& sent, const auto& place) { delivered(sent, place); }) {
        // What Java's tool sends: capital letters.
        for (uint8_t& byte : value_)
            byte = static_cast<uint8_t>('A' + machine.loop().rng().below(26));
    }

    runtime::Task<Result<void>> run() {
        const bool transactional = wanted_.transaction_ms > 0;
        if (transactional) CO_TRY_OK(co_await producer_.init_transactions());
        const int64_t began = now_ms();
        int64_t transaction_began = -1;
        for (int64_t i = 0; i != wanted_.records; ++i) {
            if (transactional && transaction_began < 0) {
                CO_TRY_OK(producer_.begin_transaction());
                transaction_began = now_ms();
            }
            if (wanted_.warmup > 0 && i == wanted_.warmup)
                steady_.emplace(wanted_.records - wanted_.warmup, now_ms(), wanted_.interval_ms,
                                wanted_.warmup > 0);
            CO_TRY_OK(co_await send(i));
            if (transactional && now_ms() - transaction_began >= wanted_.transaction_ms) {
                CO_TRY_OK(co_await producer_.commit_transaction());
                transaction_began = -1;
            }
            co_await throttle(began, i);
        }
        if (transactional && transaction_began >= 0)
            CO_TRY_OK(co_await producer_.commit_transaction());
        co_await producer_.flush();
        co_await deliveries_.drain();
        console_.line(stats_.total(now_ms()));
        if (steady_) console_.line(steady_->total(now_ms()));
        if (wanted_.metrics)
            console_.print(metric_table(producer_.config().client.client_id, producer_.metrics()));
        co_return co_await producer_.close();
    }

private:
    struct Sent {
        int64_t at_ms = 0;
        size_t bytes = 0;
        bool steady = false;
    };

    int64_t now_ms() const {
        return machine_.loop().read_clock().time_since_epoch() / std::chrono::milliseconds{1};
    }

    runtime::Task<Result<void>> send(int64_t i) {
        client::Record record{.topic = wanted_.topic, .value = ByteView{value_}};
        std::string number;
        if (wanted_.monotonic) {
            number = fmt::to_string(i);
            record.value = as_bytes(number);
        } else if (!wanted_.payloads.empty()) {
            record.value =
                as_bytes(wanted_.payloads[machine_.loop().rng().below(wanted_.payloads.size())]);
        }
        const Sent sent{now_ms(), record.value->size(), steady_.has_value()};
        auto delivery = producer_.try_send(record);
        if (delivery.code() == ErrorCode::would_block) delivery = co_await producer_.send(record);
        CO_TRY_OK(delivery);
        deliveries_.add(*std::move(delivery), sent);
        // Answers are read between records.
        constexpr int64_t kYieldEvery = 256;
        if (i % kYieldEvery == 0) co_await machine_.loop().yield();
        co_return {};
    }

    runtime::Task<void> throttle(int64_t began_ms, int64_t i) {
        if (wanted_.throughput <= 0) co_return;
        const double due = static_cast<double>(i + 1) * 1000.0 / wanted_.throughput;
        const auto ahead = static_cast<int64_t>(due) - (now_ms() - began_ms);
        if (ahead > 0)
            co_await machine_.loop().sleep_until(machine_.loop().now() +
                                                 std::chrono::milliseconds{ahead});
    }

    void delivered(const Sent& sent, const Result<client::RecordPlace>& place) {
        if (!place) {
            console_.error_line(java_exception(place.error()));
            return;
        }
        const int64_t now = now_ms();
        const auto tell = [&](PerfStats& stats) {
            const std::string line = stats.record(now - sent.at_ms, sent.bytes, now);
            if (!line.empty()) {
                console_.line(line);
                std::fflush(console_.out);
            }
        };
        tell(stats_);
        if (sent.steady) tell(*steady_);
    }

    runtime::Machine& machine_;
    const Console& console_;
    const Wanted& wanted_;
    client::Producer producer_;
    std::vector<uint8_t> value_;
    PerfStats stats_;
    std::optional<PerfStats> steady_;
    DeliveryWatch<Sent> deliveries_;  // last: its task uses what is above
};

// What is wrong with the values of flags.
std::optional<std::string> mistake(const FlagValues& flags) {
    if (!flags.has("record-size") && !flags.has("payload-file") && !flags.has("payload-monotonic"))
        return "one of the arguments --record-size --payload-file --payload-monotonic is required";
    bool configured = false;
    for (const auto name : {"bootstrap-server", "command-property", "producer-props",
                            "producer.config", "command-config"})
        configured |= flags.has(name);
    if (!configured)
        return "At least one of --bootstrap-server, --command-property, --producer-props, "
               "--producer.config or --command-config must be specified.";
    if (flags.has("command-property") && flags.has("producer-props"))
        return "--command-property and --producer-props cannot be specified together.";
    if (flags.has("command-config") && flags.has("producer.config"))
        return "--command-config and --producer.config cannot be specified together.";
    const int64_t records = *flags.number("num-records");
    if (records <= 0) return "--num-records should be greater than zero.";
    if (flags.number("warmup-records").value_or(0) >= records)
        return "The value for --warmup-records must be strictly fewer than the number of records "
               "in the test, --num-records.";
    for (const auto name : {"record-size", "reporting-interval", "transaction-duration-ms"})
        if (flags.number(name).value_or(1) <= 0)
            return fmt::format("--{} should be greater than zero.", name);
    return std::nullopt;
}

Result<std::vector<std::string>> read_payloads(const Console& console, const std::string& path,
                                               std::string_view delimiter) {
    console.line(fmt::format("Reading payloads from: {}", path));
    LocalDisk local;
    const auto text = local.read_all(path);
    if (!text || text->empty())
        return fail(ErrorCode::invalid_request,
                    "java.lang.IllegalArgumentException: File does not exist or empty file "
                    "provided.");
    std::vector<std::string> out;
    for (std::string_view rest = *text;;) {
        const size_t end = delimiter.empty() ? rest.npos : rest.find(delimiter);
        out.emplace_back(rest.substr(0, end));
        if (end == rest.npos) break;
        rest.remove_prefix(end + delimiter.size());
    }
    while (out.size() > 1 && out.back().empty()) out.pop_back();
    console.line(fmt::format("Number of records read: {}", out.size()));
    return out;
}

Result<Properties> read_settings(const FlagValues& flags) {
    Properties out;
    for (const auto name : {"producer.config", "command-config"})
        if (const auto path = flags.value(name)) TRY_OK(out.add_file(*path));
    for (const auto name : {"producer-props", "command-property"})
        out.add_pairs(flags.values(name));
    if (const auto servers = flags.value("bootstrap-server"))
        out.set("bootstrap.servers", *servers);
    if (!out.has("client.id")) out.set("client.id", "perf-producer-client");
    if (const auto id = flags.value("transactional-id")) out.set("transactional.id", *id);
    if (flags.has("transaction-duration-ms") && !out.has("transactional.id")) {
        LocalDisk local;
        out.set("transactional.id",
                fmt::format("performance-producer-{}", Uuid::random(local.rng()).to_string()));
    }
    return out;
}

Result<void> measure(const Console& console, const FlagValues& flags) {
    for (const auto& [old, now] : {std::pair{"producer-props", "command-property"},
                                   std::pair{"producer.config", "command-config"}})
        if (flags.has(old))
            console.line(
                fmt::format("Option --{} has been deprecated and will be removed in a "
                            "future version. Use --{} instead.",
                            old, now));
    constexpr int64_t kTransactionMs = 3000;
    TRY(const Properties properties, read_settings(flags));
    Wanted wanted{.topic = *flags.value("topic"),
                  .records = *flags.number("num-records"),
                  .warmup = flags.number("warmup-records").value_or(0),
                  .throughput = std::stod(*flags.value("throughput")),
                  .interval_ms = flags.number("reporting-interval").value_or(5000),
                  .size = flags.number("record-size").value_or(0),
                  .monotonic = flags.has("payload-monotonic"),
                  .metrics = flags.has("print-metrics")};
    if (properties.has("transactional.id"))
        wanted.transaction_ms = flags.number("transaction-duration-ms").value_or(kTransactionMs);
    if (const auto path = flags.value("payload-file")) {
        const std::string delimiter = flags.value("payload-delimiter").value_or("\n");
        TRY(wanted.payloads, read_payloads(console, *path, delimiter == "\\n" ? "\n" : delimiter));
    }
    TRY(client::ProducerConfig config, client::ProducerConfig::from(properties.settings()));
    if (wanted.warmup > 0)
        console.line(
            fmt::format("Warmup first {} records. Steady state results will print after the "
                        "complete test summary.",
                        wanted.warmup));
    runtime::Machine machine;
    ProducerPerf work(machine, console, wanted, std::move(config));
    return machine.wait(work.run());
}

}  // namespace

int producer_perf_test(const Console& console, const Words& words) {
    int status = kDone;
    const auto flags = parse_flags(console, kProgram, kFlags, words, status);
    if (!flags) return status;
    if (const auto why = mistake(*flags)) return flags_misused(console, kProgram, kFlags, *why);
    const auto done = measure(console, *flags);
    if (done) return kDone;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
