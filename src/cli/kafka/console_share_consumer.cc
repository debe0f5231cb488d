// kafka-console-share-consumer: the records that a share group gives this member, to standard
// output.
#include <csignal>

#include "cli/kafka/console_options.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "client/share_consumer.h"
#include "runtime/scope.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;
using client::AcknowledgeType;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    {"topic", Takes::value, "topic", "What to read."},
    {"group", Takes::value, "group", "The share group (default: console-share-consumer)."},
    {"max-messages", Takes::value, "number", "End after so many records."},
    {"timeout-ms", Takes::value, "ms", "End when nothing has come for so long."},
    {"reject", Takes::nothing, "", "Reject what is shown: nobody is given it again."},
    {"release", Takes::nothing, "", "Release what is shown: it is given out again."},
    {"reject-message-on-error", Takes::nothing, "",
     "Reject a record that cannot be shown, and go on."},
    {"formatter", Takes::value, "class", "Which of Kafka's formatters shows records."},
    {"formatter-property", Takes::value, "name=value",
     "How: print.timestamp, print.key, print.offset, print.delivery, print.epoch, "
     "print.partition, print.headers, print.value, key.separator, line.separator, "
     "headers.separator, null.literal, key.deserializer, value.deserializer, "
     "headers.deserializer."},
    {"property", Takes::value, "name=value", "Old name of --formatter-property."},
    {"formatter-config", Takes::value, "file", "A file with such properties."},
    {"key-deserializer", Takes::value, "class", "Of keys, one of Kafka's own."},
    {"value-deserializer", Takes::value, "class", "Of values, likewise."},
    {"enable-systest-events", Takes::nothing, "", "Tell when it has shut down."},
    {"command-property", Takes::value, "name=value", "A property of the consumer."},
    {"consumer-property", Takes::value, "name=value", "Old name of --command-property."},
    {"command-config", Takes::value, "file", "A file with consumer properties."},
    {"consumer-config", Takes::value, "file", "Old name of --command-config."},
    kHelp,
    kVersion,
});

struct Wanted {
    std::string topic;
    int64_t records_max = -1;  // -1: no limit
    std::optional<Duration> patience;
    AcknowledgeType acknowledge = AcknowledgeType::accept;
    bool reject_errors = false;
    std::unique_ptr<const Formatter> formatter;
};

class ConsoleShareConsumer {
public:
    ConsoleShareConsumer(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                         client::ShareConsumerConfig config)
        : console_(console), wanted_(wanted), consumer_(machine.context(), std::move(config)) {}

    // Closes it in any case: what was shown is acknowledged, the rest given back.
    runtime::Task<Result<void>> run() {
        const auto consumed = co_await consume();
        (void)co_await consumer_.close();
        co_return consumed;
    }

    void stop(int signal) { stopped_by_ = signal; }
    int stopped_by() const { return stopped_by_; }
    int64_t count() const { return count_; }
    bool timed_out() const { return timed_out_; }
    bool broken_pipe() const { return broken_pipe_; }

private:
    runtime::Task<Result<void>> consume() {
        CO_TRY_OK(consumer_.subscribe({wanted_.topic}));
        const auto now = [&] { return consumer_.cluster().loop().now(); };
        runtime::TimePoint last = now();
        while (!done()) {
            constexpr Duration kAtMost = 200ms;
            Duration patience = kAtMost;
            if (wanted_.patience)
                patience = std::clamp(last + *wanted_.patience - now(), Duration{0}, kAtMost);
            CO_TRY(auto batches, co_await consumer_.poll(patience));
            for (client::ShareBatch& batch : batches) CO_TRY_OK(show(batch));
            if (!batches.empty()) last = now();
            if (wanted_.patience && batches.empty() && now() - last >= *wanted_.patience) {
                timed_out_ = true;
                break;
            }
        }
        co_return {};
    }

    bool done() const { return stopped_by_ != 0 || broken_pipe_ || count_ == wanted_.records_max; }

    // A record is acknowledged once it was written; what is not, goes back when this ends.
    Result<void> show(client::ShareBatch& batch) {
        std::string text;
        std::vector<std::pair<Offset, AcknowledgeType>> shown;
        Result<void> failed{};
        client::RecordView record;
        int16_t deliveries = 0;
        while (!done()) {
            TRY(const bool more, batch.next(record, deliveries));
            if (!more) break;
            ++count_;
            const auto written = wanted_.formatter->write({.place = batch.place(),
                                                           .record = record,
                                                           .timestamp_type = batch.timestamp_type(),
                                                           .deliveries = deliveries},
                                                          text);
            if (!written && !wanted_.reject_errors) {
                failed = written;
                break;
            }
            if (!written)
                console_.error_line(
                    fmt::format("Error processing message, rejecting this message: \n{}",
                                written.error().message));
            shown.emplace_back(record.offset,
                               written ? wanted_.acknowledge : AcknowledgeType::reject);
        }
        if (std::fwrite(text.data(), 1, text.size(), console_.out) != text.size() ||
            std::fflush(console_.out) != 0) {
            broken_pipe_ = true;
            return {};
        }
        for (const auto& [offset, type] : shown)
            TRY_OK(consumer_.acknowledge(batch.place(), offset, type));
        return failed;
    }

    const Console& console_;
    const Wanted& wanted_;
    client::ShareConsumer consumer_;
    int64_t count_ = 0;
    int stopped_by_ = 0;
    bool timed_out_ = false;
    bool broken_pipe_ = false;
};

runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals, ConsoleShareConsumer& work) {
    work.stop(co_await signals.next());
}

runtime::Task<Result<void>> run_until_signal(runtime::Machine& machine,
                                             ConsoleShareConsumer& work) {
    runtime::SignalWatch signals(machine.loop(), {SIGINT, SIGTERM});
    runtime::DroppingScope scope{machine.loop()};
    scope.spawn(stop_on_signal(signals, work));
    co_return co_await work.run();
}

Result<Properties> consumer_properties(const Arguments& arguments, const ConsoleNames& names) {
    Properties file;
    TRY(const auto path, arguments.value(names.file));
    if (path) TRY_OK(file.add_file(*path));
    Properties out = file;
    out.add_pairs(arguments.values(names.pairs));
    TRY(const auto servers, arguments.value("bootstrap-server"));
    out.set("bootstrap.servers", *servers);
    TRY(const auto group, read_group(arguments, file, out, "--consumer-config"));
    out.set("group.id", group.value_or("console-share-consumer"));
    out.set("share.acknowledgement.mode", "explicit");
    if (!out.has("client.id")) out.set("client.id", "console-share-consumer");
    return out;
}

Result<Wanted> read_wanted(const Arguments& arguments) {
    Wanted out;
    TRY(const auto topic, arguments.value("topic"));
    out.topic = *topic;
    if (arguments.has("reject")) out.acknowledge = AcknowledgeType::reject;
    if (arguments.has("release")) out.acknowledge = AcknowledgeType::release;
    out.reject_errors = arguments.has("reject-message-on-error");
    TRY(const auto records, arguments.number("max-messages"));
    out.records_max = records.value_or(-1);
    TRY(const auto patience, arguments.long_number("timeout-ms"));
    if (patience.value_or(-1) >= 0)
        out.patience = std::chrono::milliseconds(std::min<int64_t>(*patience, INT32_MAX));
    return out;
}

int unknown(const Console& console, const Error& error) {
    std::fflush(console.out);
    console.error_line(fmt::format("Unknown error when running consumer: \n{}", sentence(error)));
    return kFailed;
}

int consume(const Console& console, const Arguments& arguments, const Wanted& wanted,
            const Properties& properties) {
    auto config = client::ShareConsumerConfig::from(properties.settings());
    if (!config) return unknown(console, config.error());
    runtime::Machine machine;
    ConsoleShareConsumer work(machine, console, wanted, *std::move(config));
    const auto done = machine.wait(run_until_signal(machine, work));
    if (work.timed_out())
        console.error_line(
            "Error processing message, terminating consumer process: \n"
            "org.apache.kafka.common.errors.TimeoutException");
    if (work.broken_pipe())
        console.error_line("Unable to write to standard out, closing consumer.");
    console.error_line(fmt::format("Processed a total of {} messages", work.count()));
    if (arguments.has("enable-systest-events")) console.line("shutdown_complete");
    if (work.stopped_by() != 0) return 128 + work.stopped_by();
    return done ? kDone : unknown(console, done.error());
}

}  // namespace

int console_share_consumer(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    const auto wrong = [&](std::string_view why) { return misused(console, why, kOptions); };
    if (!arguments) return wrong(arguments.error().message);
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "The records of a share group to standard output.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server"}))
        return wrong(*missing);
    if (!arguments->has("topic")) return wrong("--topic is a required argument");
    if (arguments->has("reject") && arguments->has("release"))
        return wrong("At most one of --reject and --release may be specified.");
    const auto names = names_used(console, *arguments, "consumer-config");
    if (!names) return wrong(names.error().message);
    auto wanted = read_wanted(*arguments);
    if (!wanted) return wrong(wanted.error().message);
    const auto properties = consumer_properties(*arguments, *names);
    if (properties.code() == ErrorCode::not_found) {
        std::fflush(console.out);
        console.error_line(
            fmt::format("java.nio.file.NoSuchFileException: {}", properties.error().message));
        return kFailed;
    }
    if (!properties) return wrong(properties.error().message);
    auto formatter = read_formatter(console, *arguments, names->formatter);
    if (!formatter) return wrong(formatter.error().message);
    wanted->formatter = *std::move(formatter);
    return consume(console, *arguments, *wanted, *properties);
}

}  // namespace millrace::cli::kafka
