// `millrace consume`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <csignal>
#include <set>

#include "cli/client_settings.h"
#include "cli/consume_share.h"
#include "cli/native.h"
#include "cli/record_input.h"
#include "cli/record_print.h"
#include "client/consumer.h"
#include "runtime/machine.h"
#include "runtime/scope.h"

namespace millrace::cli {
namespace {

using namespace std::chrono_literals;

// Text is written in pieces of this size, and when there is nothing more to write.
constexpr size_t kWriteBytes = 256 << 10;
constexpr Duration kPollPatience = 200ms;

struct ConsumeOptions {
    ClientSettingsOptions client;
    std::vector<std::string> topics;
    std::vector<int32_t> partitions;
    std::string from;   // see Begin
    std::string until;  // a timestamp, ms
    bool from_beginning = false;
    bool exit = false;
    int64_t count = -1;
    std::string group;
    std::string share;
    std::string acknowledge = "accept";
    std::string format;
    std::string key_delimiter;
    std::string delimiter = "\\n";
    bool json = false;
    bool hex = false;
    bool read_committed = false;
};

// Where reading begins: the beginning, the end, an offset, so many before the end, a time.
struct Begin {
    enum class Kind : uint8_t { beginning, end, offset, before_end, time };
    Kind kind = Kind::end;
    int64_t value = 0;
};

Result<Begin> parse_begin(std::string_view text) {
    if (text == "beginning" || text == "earliest") return Begin{Begin::Kind::beginning};
    if (text == "end" || text == "latest") return Begin{Begin::Kind::end};
    Begin out{Begin::Kind::offset};
    std::string_view digits = text;
    if (digits.starts_with('@')) out.kind = Begin::Kind::time;
    if (digits.starts_with('-')) out.kind = Begin::Kind::before_end;
    if (out.kind != Begin::Kind::offset) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), out.value);
    if (error != std::errc{} || end != digits.end() || out.value < 0)
        return fail(ErrorCode::invalid_request,
                    fmt::format("--from {}: it must be beginning, end, an OFFSET, -N (so many "
                                "before the end) or @MILLISECONDS since 1970",
                                text));
    return out;
}

class Consume {
public:
    Consume(runtime::Machine& machine, const Console& console, const ConsumeOptions& options,
            client::ConsumerConfig config, RecordPrint print, Begin begin, TimestampMs until)
        : console_(console),
          options_(options),
          consumer_(machine.context(), std::move(config)),
          print_(std::move(print)),
          begin_(begin),
          until_(until),
          left_(options.count) {}

    runtime::Task<Result<void>> run() {
        const auto consumed = co_await consume();
        write();
        if (options_.group.empty()) co_return consumed;
        const auto committed = co_await commit_last();
        const auto closed = co_await consumer_.close();
        CO_TRY_OK(consumed);
        CO_TRY_OK(committed);
        co_return closed;
    }

    // What was printed, and no more, though whole batches were fetched; of partitions that are still
    // this member's. What cannot be committed now is kept for the next time.
    runtime::Task<Result<void>> commit() {
        next_commit_ = consumer_.cluster().after(consumer_.config().auto_commit_interval);
        const auto mine = consumer_.assignment();
        std::erase_if(printed_, [&](const auto& entry) {
            return std::ranges::find(mine, entry.first) == mine.end();
        });
        if (printed_.empty() || options_.group.empty()) co_return {};
        const auto committed = co_await consumer_.commit(printed_);
        if (committed) printed_.clear();
        co_return committed;
    }

    // Ends it, in order.
    void stop() { stopped_ = true; }

private:
    // Partitions that go to another member are committed as far as they were printed.
    class GivenBack final : public client::RebalanceListener {
    public:
        explicit GivenBack(Consume& work) : work_(work) {}
        runtime::Task<void> assigned(std::span<const TopicPartition>) override { co_return; }
        runtime::Task<void> revoked(std::span<const TopicPartition>) override {
            work_.write();
            (void)co_await work_.commit();
        }
        runtime::Task<void> lost(std::span<const TopicPartition>) override { co_return; }

    private:
        Consume& work_;
    };

    // The group decides anew who reads what.
    static bool in_rebalance(ErrorCode code) {
        switch (code) {
            case ErrorCode::rebalance_in_progress:
            case ErrorCode::illegal_generation:
            case ErrorCode::unknown_member_id:
            case ErrorCode::stale_member_epoch:
            case ErrorCode::fenced_member_epoch:
                return true;
            default:
                return false;
        }
    }

    runtime::Task<Result<void>> commit_last() {
        constexpr int kAttempts = 50;
        for (int attempts = 0; attempts != kAttempts; ++attempts) {
            const auto committed = co_await commit();
            if (committed || !in_rebalance(committed.code())) co_return committed;
            // It is in poll() that the rebalance comes to its end; what that reads is not printed.
            CO_TRY_OK(co_await consumer_.poll(100ms));
        }
        co_return {};  // whoever has the partitions now prints the last records again
    }

    runtime::Task<Result<void>> consume() {
        if (options_.group.empty()) {
            CO_TRY_OK(co_await assign());
        } else {
            CO_TRY_OK(consumer_.subscribe(options_.topics, std::make_shared<GivenBack>(*this)));
        }
        while (!done()) {
            CO_TRY(auto batches, co_await consumer_.poll(kPollPatience));
            for (client::RecordBatch& batch : batches) {
                CO_TRY_OK(take(batch));
                if (done()) break;
            }
            if (batches.empty() || options_.count >= 0) write();
            if (text_.size() < kWriteBytes && !consumer_.buffered_bytes()) write();
            if (options_.exit) CO_TRY_OK(co_await note_ends(batches.empty()));
            if (consumer_.cluster().loop().now() >= next_commit_ && text_.empty()) {
                const auto committed = co_await commit();
                if (!committed && !in_rebalance(committed.code())) co_return committed;
            }
        }
        co_return {};
    }

    bool done() const {
        return stopped_ || left_ == 0 || broken_pipe_ ||
               (options_.exit && ends_known_ && open_.empty());
    }

    Result<void> take(client::RecordBatch& batch) {
        TRY(const Offset last, print_batch(batch));
        if (last >= 0) printed_[batch.place()].offset = last + 1;
        return {};
    }

    // The offset of the last record that was printed, -1: none was.
    Result<Offset> print_batch(client::RecordBatch& batch) {
        const TopicPartition& place = batch.place();
        const auto end = ends_.find(place);
        Offset last = -1;
        client::RecordView record;
        while (left_ != 0) {
            TRY(const bool more, batch.next(record));
            if (!more || (end != ends_.end() && record.offset >= end->second)) break;
            if (until_ >= 0 && record.timestamp >= until_) {
                past_until_.insert(place);
                break;
            }
            print_.print(place, record, text_);
            last = record.offset;
            if (text_.size() >= kWriteBytes) write();
            if (left_ > 0) --left_;
        }
        return last;
    }

    // Which partitions have been read as far as they went when reading began.
    runtime::Task<Result<void>> note_ends(bool idle) {
        if (!options_.group.empty() && !ends_known_) {
            // A member that was given nothing yet goes on waiting.
            if (!idle || consumer_.assignment().empty()) co_return {};
            CO_TRY_OK(co_await find_ends(consumer_.assignment()));
        }
        for (auto at = open_.begin(); at != open_.end();) {
            CO_TRY(const Offset position, co_await consumer_.position(*at));
            at = position >= ends_.at(*at) ? open_.erase(at) : std::next(at);
        }
        co_return {};
    }

    runtime::Task<Result<void>> find_ends(std::vector<TopicPartition> places) {
        CO_TRY(ends_, co_await consumer_.end_offsets(places));
        open_ = {places.begin(), places.end()};
        ends_known_ = true;
        co_return {};
    }

    runtime::Task<Result<void>> assign() {
        std::vector<TopicPartition> places;
        client::Cluster& cluster = consumer_.cluster();
        for (const std::string& name : options_.topics) {
            CO_TRY(
                const auto topic,
                co_await cluster.topic(name, cluster.after(cluster.config().default_api_timeout)));
            const auto count = static_cast<int32_t>(topic->partitions.size());
            for (const int32_t p : options_.partitions)
                if (p >= count)
                    co_return fail(
                        ErrorCode::invalid_request,
                        fmt::format("topic '{}' has no partition {}, it has {}", name, p, count));
            for (int32_t p = 0; p != count; ++p)
                if (options_.partitions.empty() ||
                    std::ranges::find(options_.partitions, p) != options_.partitions.end())
                    places.push_back({name, p});
        }
        CO_TRY_OK(consumer_.assign(places));
        CO_TRY_OK(co_await seek(places));
        if (options_.exit) CO_TRY_OK(co_await find_ends(places));
        co_return {};
    }

    runtime::Task<Result<void>> seek(const std::vector<TopicPartition>& places) {
        switch (begin_.kind) {
            case Begin::Kind::beginning:
                co_return consumer_.seek_to_beginning(places);
            case Begin::Kind::end:
                co_return consumer_.seek_to_end(places);
            case Begin::Kind::offset:
                for (const auto& place : places) CO_TRY_OK(consumer_.seek(place, begin_.value));
                co_return {};
            case Begin::Kind::before_end: {
                CO_TRY(const auto first, co_await consumer_.beginning_offsets(places));
                CO_TRY(const auto end, co_await consumer_.end_offsets(places));
                for (const auto& place : places)
                    CO_TRY_OK(consumer_.seek(
                        place, std::max(first.at(place), end.at(place) - begin_.value)));
                co_return {};
            }
            case Begin::Kind::time: {
                client::OffsetQueries queries;
                for (const auto& place : places) queries[place] = begin_.value;
                CO_TRY(const auto found, co_await consumer_.offsets_for_times(queries));
                CO_TRY(const auto end, co_await consumer_.end_offsets(places));
                for (const auto& place : places) {
                    const auto at = found.find(place);
                    const Offset offset = at == found.end() || at->second.offset < 0
                                              ? end.at(place)
                                              : at->second.offset;
                    CO_TRY_OK(consumer_.seek(place, offset));
                }
                co_return {};
            }
        }
        co_return {};
    }

    void write() {
        if (text_.empty()) return;
        // A reader that has gone (| head) is no failure.
        if (std::fwrite(text_.data(), 1, text_.size(), console_.out) != text_.size() ||
            std::fflush(console_.out) != 0)
            broken_pipe_ = true;
        text_.clear();
    }

    const Console& console_;
    const ConsumeOptions& options_;
    client::Consumer consumer_;
    const RecordPrint print_;
    const Begin begin_;
    const TimestampMs until_;
    int64_t left_;  // records; -1: no limit
    std::string text_;
    client::CommittedOffsets printed_;  // since the last commit: behind the last record
    runtime::TimePoint next_commit_{};
    std::map<TopicPartition, Offset> ends_;
    std::set<TopicPartition> open_;  // not yet read to their ends
    bool ends_known_ = false;
    std::set<TopicPartition> past_until_;
    bool stopped_ = false;
    bool broken_pipe_ = false;
};

runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals, Consume& work) {
    co_await signals.next();
    work.stop();
}

runtime::Task<Result<void>> run_until_signal(runtime::Machine& machine,
                                             runtime::SignalWatch& signals, Consume& work) {
    runtime::DroppingScope scope{machine.loop()};
    scope.spawn(stop_on_signal(signals, work));
    co_return co_await work.run();
}

Result<RecordPrint> print_of(const ConsumeOptions& options) {
    if (options.json) return RecordPrint::json();
    std::string format = options.format;
    if (format.empty()) {
        if (!options.key_delimiter.empty()) format = "%k" + options.key_delimiter;
        format += "%s" + options.delimiter;
    }
    return RecordPrint::format(format,
                               options.hex ? RecordPrint::Bytes::hex : RecordPrint::Bytes::text);
}

Result<void> consume_as_share(const Console& console, const ConsumeOptions& options,
                              RecordPrint print) {
    const bool elsewhere = !options.from.empty() || options.from_beginning ||
                           !options.until.empty() || !options.partitions.empty() ||
                           !options.group.empty() || options.read_committed;
    if (elsewhere)
        return fail(ErrorCode::invalid_request,
                    "--share: where to read is the group's to say (millrace configs, "
                    "share.auto.offset.reset and share.isolation.level)");
    TRY(client::Settings settings, options.client.read());
    settings.set("group.id", options.share);
    settings.set("share.acknowledgement.mode", "explicit");
    TRY(client::ShareConsumerConfig config, client::ShareConsumerConfig::from(settings));
    warn_of_unknown(console, settings);
    TRY(const auto acknowledge, parse_acknowledge(options.acknowledge));
    return consume_share(console,
                         {.topics = options.topics,
                          .count = options.count,
                          .exit = options.exit,
                          .acknowledge = acknowledge},
                         std::move(config), std::move(print));
}

Result<void> consume(const Console& console, const ConsumeOptions& options) {
    TRY(RecordPrint print, print_of(options));
    if (!options.share.empty()) return consume_as_share(console, options, std::move(print));
    std::string from = options.from;
    if (from.empty()) from = options.from_beginning ? "beginning" : "end";
    TRY(const Begin begin, parse_begin(from));
    TimestampMs until = -1;
    if (!options.until.empty()) {
        TRY(const Begin time, parse_begin("@" + options.until));
        until = time.value;
    }
    TRY(client::Settings settings, options.client.read());
    if (!options.group.empty()) {
        settings.set("group.id", options.group);
        settings.set("enable.auto.commit", "false");
        settings.set_default("auto.offset.reset",
                             begin.kind == Begin::Kind::beginning ? "earliest" : "latest");
    }
    if (options.read_committed) settings.set("isolation.level", "read_committed");
    settings.set_default("max.poll.records", "100000");
    TRY(client::ConsumerConfig config, client::ConsumerConfig::from(settings));
    warn_of_unknown(console, settings);
    runtime::Machine machine;
    runtime::SignalWatch signals(machine.loop(), {SIGINT, SIGTERM});
    Consume work(machine, console, options, std::move(config), std::move(print), begin, until);
    return machine.wait(run_until_signal(machine, signals, work));
}

}  // namespace

void add_consume_command(CLI::App& app, const Native& native) {
    auto o = std::make_shared<ConsumeOptions>();
    CLI::App& command = *app.add_subcommand("consume", "Print the records of topics");
    command.add_option("TOPIC", o->topics, "What to read")->required();
    add_client_settings(command, o->client);
    command.add_flag("--from-beginning", o->from_beginning, "From the first record on");
    command.add_option("-o,--from", o->from,
                       "Where to begin: beginning, end (the default), an OFFSET, -N before the "
                       "end, @MILLISECONDS");
    command.add_option("--until", o->until,
                       "Stop each partition at its first record of that time (ms) or later");
    command.add_option("-p,--partition", o->partitions, "Only these");
    command.add_option("-c,--count", o->count, "Stop after so many records")
        ->check(CLI::NonNegativeNumber);
    command.add_flag("-e,--exit", o->exit, "Stop at what was the end when reading began");
    command.add_option("-g,--group", o->group,
                       "As a member of this group, which keeps the offsets");
    command.add_option("--share", o->share,
                       "As a member of this share group, whose members share the records of each "
                       "partition; with --exit until nothing came for a while");
    command.add_option("--ack", o->acknowledge,
                       "With --share, what becomes of records that were printed: accept, release "
                       "(to be delivered again) or reject");
    command.add_flag("--read-committed", o->read_committed, "Without aborted transactions");
    command.add_option("-f,--format", o->format,
                       "%s value %k key %t topic %p partition %o offset %T time %h headers %S %K "
                       "lengths %d deliveries; \\n ...");
    command.add_option("-K,--key-delimiter", o->key_delimiter, "Print keys, and this after them");
    command.add_option("-D,--delimiter", o->delimiter, "After each record");
    command.add_flag("-J,--json", o->json, "A line of JSON for each record");
    command.add_flag("--hex", o->hex, "Keys and values as hexadecimal digits");
    command.footer(
        "\nExamples:\n"
        "  millrace consume orders -b localhost:9092 --from-beginning --exit\n"
        "  millrace consume logs -b localhost:9092 -o -10 -f '%p/%o %k: %s\\n'\n"
        "  millrace consume users -b localhost:9092 --json -e | jq .value\n");
    command.callback([native, o] {
        const auto consumed = consume(native.console, *o);
        native.status = kDone;
        if (!consumed)
            native.status = native.console.fail(
                consumed.error(),
                advice_for(consumed.error(), {.bootstrap_servers = o->client.servers}));
    });
}

}  // namespace millrace::cli
