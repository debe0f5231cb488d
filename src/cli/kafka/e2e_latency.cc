// kafka-e2e-latency: how long a record takes from the producer to a consumer, one at a time.
#include "cli/kafka/deserializers.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/java_format.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/properties.h"
#include "cli/kafka/tool_session.h"
#include "client/consumer.h"
#include "client/producer.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    {"topic", Takes::value, "topic", "Through which; made with one partition if it is missing."},
    {"num-records", Takes::value, "count", "How many records; required."},
    {"producer-acks", Takes::value, "1|all", "Which acknowledgement to wait for; required."},
    {"record-size", Takes::value, "bytes", "Of a value; required."},
    {"record-key-size", Takes::value, "bytes", "Of a key (default: 0, none)."},
    {"num-headers", Takes::value, "count", "How many headers (default: 0)."},
    {"record-header-key-size", Takes::value, "bytes", "Of a header's name."},
    {"record-header-size", Takes::value, "bytes", "Of a header's value."},
    kCommandConfig,
    kHelp,
    kVersion,
});

struct Wanted {
    std::string topic;
    int32_t records = 0;
    std::string value;
    std::string key;
    std::vector<std::pair<std::string, std::string>> headers;
};

class Latency {
public:
    Latency(runtime::Machine& machine, const Console& console, const Wanted& wanted,
            client::ConsumerConfig reading, client::ProducerConfig sending)
        : machine_(machine),
          console_(console),
          wanted_(wanted),
          consumer_(machine.context(), std::move(reading)),
          producer_(machine.context(), std::move(sending)),
          admin_(producer_.cluster()) {}

    runtime::Task<Result<void>> run() {
        CO_TRY_OK(co_await begin());
        double sum_ms = 0;
        std::vector<int64_t> latencies;
        for (int32_t i = 0; i != wanted_.records; ++i) {
            const runtime::TimePoint sent = machine_.loop().read_clock();
            CO_TRY_OK(co_await there_and_back());
            const double ms =
                std::chrono::duration<double, std::milli>(machine_.loop().read_clock() - sent)
                    .count();
            constexpr int32_t kShowEvery = 1000;
            if (i % kShowEvery == 0) console_.line(fmt::format("{}\t{}", i, java_number(ms)));
            sum_ms += ms;
            latencies.push_back(static_cast<int64_t>(ms));
        }
        console_.line(fmt::format("Avg latency: {} ms", fixed(sum_ms / wanted_.records, 4)));
        std::ranges::sort(latencies);
        const auto at = [&](double part) {
            return latencies[static_cast<size_t>(part * static_cast<double>(latencies.size()))];
        };
        console_.line(fmt::format("Percentiles: 50th = {}, 99th = {}, 99.9th = {}", at(0.5),
                                  at(0.99), at(0.999)));
        (void)co_await consumer_.close();
        co_return co_await producer_.close();
    }

private:
    // Reads from the end of every partition on.
    runtime::Task<Result<void>> begin() {
        CO_TRY(auto found, co_await admin_.describe_topics({wanted_.topic}));
        if (found[0].error.code == ErrorCode::unknown_topic_or_partition) {
            console_.line(
                fmt::format("Topic \"{}\" does not exist. Will create topic with 1 partition(s) "
                            "and replication factor = 1",
                            wanted_.topic));
            const client::NewTopic topic{.name = wanted_.topic, .partitions = 1, .replication = 1};
            CO_TRY(const auto outcomes, co_await admin_.create_topics({topic}));
            if (outcomes[0].error.code != ErrorCode::none) co_return outcomes[0].error;
            CO_TRY_OK(co_await producer_.cluster().topic(
                wanted_.topic, producer_.cluster().after(producer_.config().max_block)));
            CO_TRY(found, co_await admin_.describe_topics({wanted_.topic}));
        }
        if (found[0].error.code != ErrorCode::none) co_return found[0].error;
        std::vector<TopicPartition> places;
        for (const auto& p : found[0].partitions) places.push_back({wanted_.topic, p.index});
        CO_TRY_OK(consumer_.assign(places));
        CO_TRY_OK(consumer_.seek_to_end(places));
        for (const TopicPartition& place : places) CO_TRY_OK(co_await consumer_.position(place));
        co_return {};
    }

    runtime::Task<Result<void>> there_and_back() {
        client::Record record{.topic = wanted_.topic, .value = as_bytes(wanted_.value)};
        if (!wanted_.key.empty()) record.key = as_bytes(wanted_.key);
        std::vector<client::RecordHeader> headers;
        for (const auto& [key, value] : wanted_.headers) headers.push_back({key, as_bytes(value)});
        record.headers = headers;
        CO_TRY(const auto delivery, co_await producer_.send(record));
        CO_TRY_OK(co_await delivery.wait());
        constexpr Duration kPatience = 60s;
        const runtime::TimePoint until = machine_.loop().read_clock() + kPatience;
        while (machine_.loop().read_clock() < until) {
            CO_TRY(auto batches, co_await consumer_.poll(1s));
            int32_t count = 0;
            bool same = true;
            for (client::RecordBatch& batch : batches)
                CO_TRY_OK(batch.for_each([&](const client::RecordView& read) {
                    ++count;
                    same &= read.value && as_text(*read.value) == wanted_.value;
                }));
            if (count == 0) continue;
            if (count > 1)
                co_return fail(ErrorCode::invalid_request,
                               fmt::format("Only one result was expected during this test. We "
                                           "found [{}]",
                                           count));
            if (!same)
                co_return fail(ErrorCode::invalid_request,
                               "The record that came back is not the one that was sent.");
            co_return {};
        }
        co_return fail(ErrorCode::deadline_exceeded,
                       fmt::format("poll() timed out before finding a result (timeout:[{}ms])",
                                   kPatience / 1ms));
    }

    runtime::Machine& machine_;
    const Console& console_;
    const Wanted& wanted_;
    client::Consumer consumer_;
    client::Producer producer_;
    client::Admin admin_;
};

// The options in the order in which older scripts give their values.
constexpr std::string_view kPositions[] = {"bootstrap-server", "topic",       "num-records",
                                           "producer-acks",    "record-size", "command-config"};

// The same words with options before them; invalid_request: so many cannot be meant.
Result<Words> with_names(const Console& console, const Words& words) {
    for (const std::string& word : words)
        for (const std::string_view name : kPositions)
            if (word.starts_with(fmt::format("--{}", name))) return words;
    if (words.empty()) return words;
    if (words.size() != 5 && words.size() != 6)
        return fail(ErrorCode::invalid_request,
                    fmt::format("Invalid number of arguments. Expected 5 or 6 positional "
                                "arguments, but got {}. Usage: bootstrap-server topic num-records "
                                "producer-acks record-size [optional] command-config",
                                words.size()));
    console.line(
        "WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. "
        "Please use named arguments instead: --bootstrap-server, --topic, --num-records, "
        "--producer-acks, --record-size, --command-config");
    Words out;
    for (size_t i = 0; i != words.size(); ++i) {
        out.push_back(fmt::format("--{}", kPositions[i]));
        out.push_back(words[i]);
    }
    return out;
}

std::optional<std::string> misuse(const Arguments& arguments) {
    if (auto missing = missing_argument(arguments, {"bootstrap-server", "topic", "num-records",
                                                    "producer-acks", "record-size"}))
        return missing;
    const auto acks = arguments.value("producer-acks");
    if (acks && **acks != "1" && **acks != "all")
        return "Invalid value for --producer-acks. Latency testing requires synchronous "
               "acknowledgement. Please use '1' or 'all'.";
    for (const auto name : {"record-size", "record-key-size", "num-headers",
                            "record-header-key-size", "record-header-size"})
        if (const auto n = arguments.number(name); n && n->value_or(0) < 0)
            return fmt::format("Value for --{} must be a non-negative integer.", name);
    return std::nullopt;
}

Result<void> measure(const Console& console, const Arguments& arguments) {
    Wanted wanted;
    runtime::Machine machine;
    const auto letters = [&](int32_t size) {
        std::string out(static_cast<size_t>(size), 'A');
        for (char& c : out) c = static_cast<char>('A' + machine.loop().rng().below(26));
        return out;
    };
    TRY(const auto topic, arguments.value("topic"));
    TRY(const auto records, arguments.number("num-records"));
    TRY(const auto size, arguments.number("record-size"));
    TRY(const auto key_size, arguments.number("record-key-size"));
    TRY(const auto headers, arguments.number("num-headers"));
    TRY(const auto header_key, arguments.number("record-header-key-size"));
    TRY(const auto header_size, arguments.number("record-header-size"));
    TRY(const auto servers, arguments.value("bootstrap-server"));
    TRY(const auto acks, arguments.value("producer-acks"));
    wanted.topic = *topic;
    wanted.records = *records;
    wanted.value = letters(*size);
    wanted.key = letters(key_size.value_or(0));
    for (int32_t i = 0; i < headers.value_or(0); ++i)
        wanted.headers.emplace_back(letters(header_key.value_or(0)),
                                    letters(header_size.value_or(0)));
    TRY(Properties properties, read_properties(arguments, "command-config", ""));
    properties.set("bootstrap.servers", *servers);
    properties.set("acks", *acks);
    properties.set("linger.ms", "0");
    properties.set("fetch.max.wait.ms", "0");
    properties.set("enable.auto.commit", "false");
    const client::Settings settings = properties.settings();
    TRY(client::ConsumerConfig reading, client::ConsumerConfig::from(settings));
    TRY(client::ProducerConfig sending, client::ProducerConfig::from(settings));
    Latency work(machine, console, wanted, std::move(reading), std::move(sending));
    return machine.wait(work.run());
}

}  // namespace

int e2e_latency(const Console& console, const Words& words) {
    const auto failed = [&](const Error& error) {
        std::fflush(console.out);
        console.error_line(sentence(error));
        return kFailed;
    };
    const auto named = with_names(console, words);
    if (!named) return failed(named.error());
    const auto arguments = Arguments::parse(kOptions, *named);
    if (!arguments) return misused(console, arguments.error().message, kOptions);
    if (const auto ended = help_or_version(console, *named, *arguments,
                                           "How long records take to a consumer.", kOptions))
        return *ended;
    if (const auto why = misuse(*arguments)) return misused(console, *why, kOptions);
    const auto done = measure(console, *arguments);
    return done ? kDone : failed(done.error());
}

}  // namespace millrace::cli::kafka
