// kafka-console-producer: lines of standard input into a topic.
#include <csignal>
#include <cstdlib>
#include <deque>

#include "cli/kafka/exceptions.h"
#include "cli/kafka/line_reader.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/replaced_option.h"
#include "cli/kafka/tool_session.h"
#include "client/producer.h"
#include "runtime/machine.h"
#include "runtime/standard_input.h"

namespace millrace::cli::kafka {
namespace {

constexpr std::string_view kLineReader = "org.apache.kafka.tools.LineMessageReader";

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    {"topic", Takes::value, "topic", "Where to; required."},
    {"sync", Takes::nothing, "", "Wait for each record before the next."},
    {"compression-codec", Takes::maybe_value, "codec",
     "none, gzip, snappy, lz4 or zstd; gzip if none is named."},
    {"batch-size", Takes::value, "bytes", "Of a batch (default: 16384)."},
    {"message-send-max-retries", Takes::value, "times", "Taken for old scripts' sake."},
    {"retry-backoff-ms", Takes::value, "ms", "Between attempts (default: 100)."},
    {"timeout", Takes::value, "ms", "How long a batch waits for more (default: 1000)."},
    {"request-required-acks", Takes::value, "acks", "all, -1, 0 or 1 (default: -1)."},
    {"request-timeout-ms", Takes::value, "ms", "Of one request (default: 1500)."},
    {"metadata-expiry-ms", Takes::value, "ms", "Metadata is asked for anew (default: 300000)."},
    {"max-block-ms", Takes::value, "ms", "How long to wait for room (default: 60000)."},
    {"max-memory-bytes", Takes::value, "bytes", "Of what waits (default: 33554432)."},
    {"max-partition-memory-bytes", Takes::value, "bytes", "Old name of --batch-size."},
    {"socket-buffer-size", Takes::value, "bytes", "Taken for old scripts' sake."},
    {"line-reader", Takes::value, "class", "Only Kafka's own LineMessageReader."},
    {"reader-property", Takes::value, "name=value",
     "How lines are read: parse.key, parse.headers, ignore.error, key.separator, "
     "headers.delimiter, headers.separator, headers.key.separator, null.marker."},
    {"property", Takes::value, "name=value", "Old name of --reader-property."},
    {"reader-config", Takes::value, "file", "A file with such properties."},
    {"command-property", Takes::value, "name=value", "A property of the producer."},
    {"producer-property", Takes::value, "name=value", "Old name of --command-property."},
    {"command-config", Takes::value, "file", "A file with producer properties."},
    {"producer.config", Takes::value, "file", "Old name of --command-config."},
    kHelp,
    kVersion,
});

// Properties that have an option: what was said there wins, the default is for what nobody said.
struct Mapped {
    std::string_view option;
    std::string_view property;
    std::string_view otherwise;
};
constexpr Mapped kMapped[] = {
    {"timeout", "linger.ms", "1000"},
    {"request-required-acks", "acks", "-1"},
    {"request-timeout-ms", "request.timeout.ms", "1500"},
    {"retry-backoff-ms", "retry.backoff.ms", "100"},
    {"metadata-expiry-ms", "metadata.max.age.ms", "300000"},
    {"max-block-ms", "max.block.ms", "60000"},
    {"max-memory-bytes", "buffer.memory", "33554432"},
    {"batch-size", "batch.size", "16384"},
    {"max-partition-memory-bytes", "batch.size", ""},
};
constexpr std::string_view kNumbers[] = {"timeout",
                                         "request-timeout-ms",
                                         "retry-backoff-ms",
                                         "metadata-expiry-ms",
                                         "max-block-ms",
                                         "max-memory-bytes",
                                         "batch-size",
                                         "max-partition-memory-bytes",
                                         "message-send-max-retries",
                                         "socket-buffer-size"};

class ConsoleProducer {
public:
    ConsoleProducer(runtime::Machine& machine, const Console& console, std::string topic, bool sync,
                    LineReader reader, client::ProducerConfig config)
        : machine_(machine),
          console_(console),
          topic_(std::move(topic)),
          sync_(sync),
          reader_(std::move(reader)),
          producer_(machine.context(), std::move(config)) {}

    // What was read before an error is delivered.
    runtime::Task<Result<void>> run() {
        const auto sent = co_await send_all();
        (void)co_await producer_.close();
        tell_failures();
        co_return sent;
    }

    runtime::Task<void> end_on_signal(runtime::SignalWatch& signals) {
        const int signal = co_await signals.next();
        (void)co_await producer_.close();
        tell_failures();
        // A thread may wait for a line that nobody types: nothing would end it.
        std::fflush(console_.out);
        std::quick_exit(128 + signal);
    }

private:
    struct Sent {
        client::Delivery delivery;
        std::optional<size_t> key_bytes;
        std::optional<size_t> value_bytes;
    };

    runtime::Task<Result<void>> send_all() {
        constexpr size_t kReadBytes = 256 << 10;
        std::string text;
        size_t begin = 0;
        for (bool last = false; !last;) {
            text.erase(0, begin);
            begin = 0;
            const size_t kept = text.size();
            text.resize(kept + kReadBytes);
            prompt();
            CO_TRY(const size_t n,
                   co_await runtime::read_standard_input(
                       machine_.pool(), machine_.loop(),
                       {reinterpret_cast<uint8_t*>(text.data()) + kept, kReadBytes}));
            text.resize(kept + n);
            last = n == 0;
            for (std::string_view line; next_line(text, begin, last, line);)
                CO_TRY_OK(co_await send(line));
        }
        co_return {};
    }

    void prompt() const {
        if (!console_.interactive) return;
        console_.print(">");
        std::fflush(console_.out);
    }

    runtime::Task<Result<void>> send(std::string_view line) {
        CO_TRY(client::Record record, reader_.read(line, headers_));
        record.topic = topic_;
        auto delivery = producer_.try_send(record);
        if (delivery.code() == ErrorCode::would_block) delivery = co_await producer_.send(record);
        const auto size = [](const std::optional<ByteView>& bytes) {
            return bytes ? std::optional{bytes->size()} : std::nullopt;
        };
        if (sync_) {
            Error error = delivery ? Error{ErrorCode::none, {}} : delivery.error();
            if (delivery) {
                const auto place = co_await delivery->wait();
                if (!place) error = place.error();
            }
            if (error.code == ErrorCode::none) co_return {};
            co_return fail(
                ErrorCode::invalid_request,
                fmt::format("java.util.concurrent.ExecutionException: {}", java_exception(error)));
        }
        if (!delivery) {
            tell(size(record.key), size(record.value), delivery.error());
            co_return {};
        }
        sent_.push_back({*std::move(delivery), size(record.key), size(record.value)});
        tell_failures();
        co_return {};
    }

    // Of the deliveries whose outcome is known, the oldest first.
    void tell_failures() {
        for (; !sent_.empty() && sent_.front().delivery.done(); sent_.pop_front()) {
            const Sent& one = sent_.front();
            const auto place = one.delivery.result();
            if (!place) tell(one.key_bytes, one.value_bytes, place.error());
        }
    }

    void tell(std::optional<size_t> key, std::optional<size_t> value, const Error& error) const {
        const auto size = [](const std::optional<size_t>& bytes) {
            return bytes ? fmt::format("{} bytes", *bytes) : "null";
        };
        console_.error_line(
            fmt::format("Error when sending message to topic {} with key: {}, value: {} with "
                        "error:\n{}",
                        topic_, size(key), size(value), java_exception(error)));
    }

    runtime::Machine& machine_;
    const Console& console_;
    const std::string topic_;
    const bool sync_;
    LineReader reader_;
    client::Producer producer_;
    std::vector<client::RecordHeader> headers_;
    std::deque<Sent> sent_;  // at most what buffer.memory holds is not done
};

runtime::Task<Result<void>> run_until_signal(runtime::Machine& machine, ConsoleProducer& work) {
    runtime::SignalWatch signals(machine.loop(), {SIGINT, SIGTERM});
    runtime::DroppingScope scope{machine.loop()};
    scope.spawn(work.end_on_signal(signals));
    co_return co_await work.run();
}

Result<client::ProducerConfig> producer_config(const Arguments& arguments, std::string_view file,
                                               std::string_view pairs) {
    TRY(Properties properties, read_properties(arguments, file, pairs));
    TRY(const auto servers, arguments.value("bootstrap-server"));
    properties.set("bootstrap.servers", servers.value_or(""));
    TRY(const auto codec, arguments.value("compression-codec"));
    if (arguments.has("compression-codec") || !properties.has("compression.type"))
        properties.set("compression.type",
                       codec ? *codec : (arguments.has("compression-codec") ? "gzip" : "none"));
    for (const std::string_view option : kNumbers) TRY_OK(arguments.long_number(option));
    for (const Mapped& mapped : kMapped) {
        const std::string property{mapped.property};
        TRY(const auto said, arguments.value(mapped.option));
        if (said)
            properties.set(property, *said);
        else if (!properties.has(property))
            properties.set(property, std::string{mapped.otherwise});
    }
    if (!properties.has("client.id")) properties.set("client.id", "console-producer");
    return client::ProducerConfig::from(properties.settings());
}

// The names under which options with two were given.
struct Names {
    std::string_view reader;
    std::string_view pairs;
    std::string_view file;
};
Result<Names> names_used(const Console& console, const Arguments& arguments) {
    Names out;
    TRY(out.pairs,
        name_used(console, arguments, {"producer-property", "command-property"}, "Warning:"));
    TRY(out.reader, name_used(console, arguments, {"property", "reader-property"}, "Warning:"));
    TRY(out.file, name_used(console, arguments, {"producer.config", "command-config"}, "Warning:"));
    if (arguments.has("max-partition-memory-bytes"))
        console.line(
            "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache "
            "Kafka 5.0. Use --batch-size instead.");
    return out;
}

Result<void> produce(const Console& console, const Arguments& arguments, const Names& names) {
    TRY(const auto reader_class, arguments.value("line-reader"));
    if (reader_class && *reader_class != kLineReader)
        return fail(ErrorCode::invalid_request,
                    fmt::format("java.lang.ClassNotFoundException: {}", *reader_class));
    TRY(const Properties reading, read_properties(arguments, "reader-config", names.reader));
    TRY(LineReader reader, LineReader::make(reading));
    TRY(client::ProducerConfig config, producer_config(arguments, names.file, names.pairs));
    TRY(const auto topic, arguments.value("topic"));
    runtime::Machine machine;
    ConsoleProducer work(machine, console, *topic, arguments.has("sync"), std::move(reader),
                         std::move(config));
    return machine.wait(run_until_signal(machine, work));
}

}  // namespace

int console_producer(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return misused(console, arguments.error().message, kOptions);
    if (const auto ended = help_or_version(console, words, *arguments,
                                           "Lines of standard input into a topic.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"topic"}))
        return misused(console, *missing, kOptions);
    const auto names = names_used(console, *arguments);
    if (!names) return misused(console, names.error().message, kOptions);
    const auto servers = arguments->value("bootstrap-server");
    if (!servers) return misused(console, servers.error().message, kOptions);
    if (!*servers)
        return misused(console, "Error while validating the bootstrap address\n", kOptions);
    if (!client::parse_bootstrap_servers(**servers))
        return misused(console, "Please provide valid host:port like host1:9091,host2:9092\n ",
                       kOptions);
    const auto done = produce(console, *arguments, *names);
    if (done) return kDone;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
