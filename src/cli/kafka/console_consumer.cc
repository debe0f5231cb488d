// kafka-console-consumer: the records of topics to standard output.
#include <charconv>
#include <csignal>

#include "cli/kafka/console_options.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/replaced_option.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"
#include "client/consumer.h"
#include "runtime/scope.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    {"topic", Takes::value, "topic", "What to read."},
    {"include", Takes::value, "pattern", "Topics whose whole names fit a regular expression."},
    {"partition", Takes::value, "number", "Only this partition, from its end or --offset on."},
    {"offset", Takes::value, "offset", "An offset, earliest or latest (default: latest)."},
    {"group", Takes::value, "group", "As a member of this group, which keeps the offsets."},
    {"from-beginning", Takes::nothing, "", "From the first record on, where nothing is committed."},
    {"max-messages", Takes::value, "number", "End after so many records."},
    {"timeout-ms", Takes::value, "ms", "End when nothing has come for so long."},
    {"isolation-level", Takes::value, "level",
     "read_committed or read_uncommitted (default: read_uncommitted)."},
    {"skip-message-on-error", Takes::nothing, "", "Go on behind a record that cannot be shown."},
    {"formatter", Takes::value, "class", "Which of Kafka's formatters shows records."},
    {"formatter-property", Takes::value, "name=value",
     "How: print.timestamp, print.key, print.offset, print.epoch, print.partition, print.headers, "
     "print.value, key.separator, line.separator, headers.separator, null.literal, "
     "key.deserializer, value.deserializer, headers.deserializer."},
    {"property", Takes::value, "name=value", "Old name of --formatter-property."},
    {"formatter-config", Takes::value, "file", "A file with such properties."},
    {"key-deserializer", Takes::value, "class", "Of keys, one of Kafka's own."},
    {"value-deserializer", Takes::value, "class", "Of values, likewise."},
    {"enable-systest-events", Takes::nothing, "", "Tell when it has shut down."},
    {"command-property", Takes::value, "name=value", "A property of the consumer."},
    {"consumer-property", Takes::value, "name=value", "Old name of --command-property."},
    {"command-config", Takes::value, "file", "A file with consumer properties."},
    {"consumer.config", Takes::value, "file", "Old name of --command-config."},
    kHelp,
    kVersion,
});

struct Wanted {
    std::optional<std::string> topic;
    std::optional<std::string> include;
    std::optional<PartitionIndex> partition;
    Offset offset = client::kLatest;  // or one of the special times
    int64_t records_max = -1;         // -1: no limit
    std::optional<Duration> patience;
    bool skip_errors = false;
    std::unique_ptr<const Formatter> formatter;
};

class ConsoleConsumer {
public:
    ConsoleConsumer(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                    client::ConsumerConfig config)
        : console_(console), wanted_(wanted), consumer_(machine.context(), std::move(config)) {}

    // Closes it in any case: what was shown is committed, no more.
    runtime::Task<Result<void>> run() {
        const auto consumed = co_await consume();
        write();
        for (const auto& [place, next] : next_) (void)consumer_.seek(place, next);
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
        CO_TRY_OK(begin());
        const auto now = [&] { return consumer_.cluster().loop().now(); };
        runtime::TimePoint last = now();
        while (!done()) {
            constexpr Duration kAtMost = 200ms;
            Duration patience = kAtMost;
            if (wanted_.patience)
                patience = std::clamp(last + *wanted_.patience - now(), Duration{0}, kAtMost);
            CO_TRY(auto batches, co_await consumer_.poll(patience));
            for (client::RecordBatch& batch : batches) {
                CO_TRY_OK(show(batch));
                if (done()) break;
            }
            write();
            if (!batches.empty()) last = now();
            if (wanted_.patience && batches.empty() && now() - last >= *wanted_.patience) {
                timed_out_ = true;
                break;
            }
        }
        co_return {};
    }

    Result<void> begin() {
        if (wanted_.include) {
            TRY(auto pattern, client::TopicPattern::parse(*wanted_.include));
            return consumer_.subscribe(std::move(pattern));
        }
        if (!wanted_.partition) return consumer_.subscribe({*wanted_.topic});
        const TopicPartition place{*wanted_.topic, *wanted_.partition};
        TRY_OK(consumer_.assign({place}));
        const std::vector<TopicPartition> places{place};
        if (wanted_.offset == client::kEarliest) return consumer_.seek_to_beginning(places);
        if (wanted_.offset == client::kLatest) return consumer_.seek_to_end(places);
        return consumer_.seek(place, wanted_.offset);
    }

    bool done() const { return stopped_by_ != 0 || broken_pipe_ || count_ == wanted_.records_max; }

    Result<void> show(client::RecordBatch& batch) {
        constexpr size_t kWriteBytes = 256 << 10;
        client::RecordView record;
        Offset& next = next_[batch.place()];
        while (!done()) {
            TRY(const bool more, batch.next(record));
            if (!more) {
                next = batch.next_offset();
                break;
            }
            ++count_;
            next = record.offset + 1;
            const auto shown = wanted_.formatter->write({.place = batch.place(),
                                                         .record = record,
                                                         .timestamp_type = batch.timestamp_type(),
                                                         .deliveries = std::nullopt},
                                                        text_);
            if (!shown) {
                if (!wanted_.skip_errors) return shown;
                console_.error_line(
                    fmt::format("Error processing message, skipping this message: \n{}",
                                shown.error().message));
            }
            if (text_.size() >= kWriteBytes) write();
        }
        return {};
    }

    void write() {
        if (text_.empty()) return;
        if (std::fwrite(text_.data(), 1, text_.size(), console_.out) != text_.size() ||
            std::fflush(console_.out) != 0)
            broken_pipe_ = true;
        text_.clear();
    }

    const Console& console_;
    const Wanted& wanted_;
    client::Consumer consumer_;
    std::string text_;
    // Behind what was shown. Partitions that are this member's no longer stay here, to no effect.
    std::map<TopicPartition, Offset> next_;
    int64_t count_ = 0;
    int stopped_by_ = 0;
    bool timed_out_ = false;
    bool broken_pipe_ = false;
};

runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals, ConsoleConsumer& work) {
    work.stop(co_await signals.next());
}

runtime::Task<Result<void>> run_until_signal(runtime::Machine& machine, ConsoleConsumer& work) {
    runtime::SignalWatch signals(machine.loop(), {SIGINT, SIGTERM});
    runtime::DroppingScope scope{machine.loop()};
    scope.spawn(stop_on_signal(signals, work));
    co_return co_await work.run();
}

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request, std::move(why));
}

// Mistakes that are answered with the table of options.
std::optional<std::string> misuse(const Arguments& arguments) {
    if (arguments.has("topic") == arguments.has("include"))
        return "Exactly one of the following arguments is required: [topic], [include]";
    if (arguments.has("offset") && !arguments.has("partition"))
        return "The partition is required when offset is specified.";
    if (arguments.has("from-beginning") && arguments.has("offset"))
        return "Options from-beginning and offset cannot be specified together.";
    return std::nullopt;
}

Result<Offset> read_offset(const Arguments& arguments) {
    TRY(const auto text, arguments.value("offset"));
    if (!text) return arguments.has("from-beginning") ? client::kEarliest : client::kLatest;
    std::string lower = *text;
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower == "earliest") return client::kEarliest;
    if (lower == "latest") return client::kLatest;
    Offset offset = -1;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), offset);
    if (error == std::errc{} && stop == text->data() + text->size() && offset >= 0) return offset;
    return refused(
        fmt::format("The provided offset value '{}' is incorrect. Valid values are "
                    "'earliest', 'latest', or a non-negative long.",
                    *text));
}

Result<Wanted> read_wanted(const Arguments& arguments) {
    Wanted out;
    TRY(out.topic, arguments.value("topic"));
    TRY(out.include, arguments.value("include"));
    TRY(out.partition, arguments.number("partition"));
    TRY(out.offset, read_offset(arguments));
    out.skip_errors = arguments.has("skip-message-on-error");
    return out;
}

// Properties of the client, but for those that are not to be had yet.
Result<Properties> consumer_properties(const Arguments& arguments, const ConsoleNames& names,
                                       uint64_t random) {
    Properties file;
    TRY(const auto path, arguments.value(names.file));
    if (path) TRY_OK(file.add_file(*path));
    Properties out = file;
    out.add_pairs(arguments.values(names.pairs));
    TRY(const auto servers, arguments.value("bootstrap-server"));
    out.set("bootstrap.servers", *servers);
    TRY(const auto isolation, arguments.value("isolation-level"));
    if (isolation || !out.has("isolation.level"))
        out.set("isolation.level", isolation.value_or("read_uncommitted"));
    TRY(const auto group, read_group(arguments, file, out, "--consumer.config"));
    if (group && arguments.has("partition"))
        return refused("Options group and partition cannot be specified together.");
    if (!group && !out.has("enable.auto.commit")) out.set("enable.auto.commit", "false");
    constexpr uint64_t kGroups = 100'000;
    out.set("group.id", group.value_or(fmt::format("console-consumer-{}", random % kGroups)));
    if (!out.has("client.id")) out.set("client.id", "console-consumer");
    return out;
}

// What --from-beginning makes of auto.offset.reset.
Result<void> set_reset(const Arguments& arguments, Properties& properties) {
    const auto said = properties.find("auto.offset.reset");
    if (arguments.has("from-beginning")) {
        if (said && *said != "earliest")
            return refused(
                fmt::format("Can't simultaneously specify --from-beginning and "
                            "'auto.offset.reset={}', please remove one option",
                            *said));
        properties.set("auto.offset.reset", "earliest");
    } else if (!said) {
        properties.set("auto.offset.reset", "latest");
    }
    return {};
}

int end(const Console& console, const Result<void>& done) {
    std::fflush(console.out);
    if (done) return kDone;
    console.error_line(
        fmt::format("Unknown error when running consumer: \n{}", sentence(done.error())));
    return kFailed;
}

int consume(const Console& console, const Arguments& arguments, Wanted& wanted,
            const Properties& properties) {
    runtime::Machine machine;
    auto config = client::ConsumerConfig::from(properties.settings());
    if (!config) return end(console, config.error());
    // The rest of the command line is looked at only now.
    const auto patience = arguments.long_number("timeout-ms");
    if (!patience) return end(console, patience.error());
    if (patience->value_or(-1) >= 0)
        wanted.patience = std::chrono::milliseconds(std::min(**patience, int64_t{INT32_MAX}));
    const auto records = arguments.number("max-messages");
    if (records) wanted.records_max = records->value_or(-1);
    Result<void> done = {};
    int64_t count = 0;
    int signal = 0;
    bool timed_out = false;
    bool broken_pipe = false;
    if (records) {
        ConsoleConsumer work(machine, console, wanted, *std::move(config));
        done = machine.wait(run_until_signal(machine, work));
        count = work.count();
        signal = work.stopped_by();
        timed_out = work.timed_out();
        broken_pipe = work.broken_pipe();
    } else {
        done = records.error();
    }
    if (timed_out)
        console.error_line(
            "Error processing message, terminating consumer process: \n"
            "org.apache.kafka.common.errors.TimeoutException");
    if (broken_pipe) console.error_line("Unable to write to standard out, closing consumer.");
    console.error_line(fmt::format("Processed a total of {} messages", count));
    if (arguments.has("enable-systest-events")) console.line("shutdown_complete");
    if (signal != 0) return 128 + signal;
    return end(console, done);
}

}  // namespace

int console_consumer(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    const auto wrong = [&](std::string_view why) { return misused(console, why, kOptions); };
    if (!arguments) return wrong(arguments.error().message);
    if (const auto ended = help_or_version(console, words, *arguments,
                                           "The records of topics to standard output.", kOptions))
        return *ended;
    if (const auto why = misuse(*arguments)) return wrong(*why);
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server"}))
        return wrong(*missing);
    const auto names = names_used(console, *arguments, "consumer.config");
    if (!names) return wrong(names.error().message);
    auto wanted = read_wanted(*arguments);
    if (!wanted) return wrong(wanted.error().message);
    LocalDisk local;
    auto properties = consumer_properties(*arguments, *names, local.rng().next());
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
    if (const auto reset = set_reset(*arguments, *properties); !reset) {
        console.error_line(reset.error().message);
        return kFailed;
    }
    return consume(console, *arguments, *wanted, *properties);
}

}  // namespace millrace::cli::kafka
