// `millrace produce`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/client_settings.h"
#include "cli/native.h"
#include "cli/record_input.h"
#include "client/producer.h"
#include "runtime/machine.h"
#include "runtime/standard_input.h"

namespace millrace::cli {
namespace {

// One piece of input. A record may be longer: what is left of it is read on behind it.
constexpr size_t kReadBytes = 256 << 10;

struct ProduceOptions {
    ClientSettingsOptions client;
    std::string topic;
    std::vector<std::string> files;
    std::string delimiter = "\\n";
    std::string key_delimiter;
    bool empty_is_null = false;
    bool json = false;
    std::string key;
    bool has_key = false;
    std::vector<std::string> headers;
    int32_t partition = -1;
    int64_t timestamp = -1;
    std::string codec;
    std::string acks;
    bool report = false;
    bool quiet = false;
};

// The command at work: input in pieces, records out of them, each into the producer.
class Produce {
public:
    Produce(runtime::Machine& machine, const Console& console, const ProduceOptions& options,
            RecordFormat format, client::ProducerConfig config)
        : machine_(machine),
          console_(console),
          options_(options),
          input_(std::move(format)),
          producer_(machine.context(), std::move(config)) {
        for (const std::string& header : options.headers) {
            const size_t equals = header.find('=');
            const std::string_view all = header;
            headers_.push_back(
                {all.substr(0, equals), equals == all.npos
                                            ? std::nullopt
                                            : std::optional{as_bytes(all.substr(equals + 1))}});
        }
    }

    runtime::Task<Result<uint64_t>> run() {
        // What was taken is delivered, also when a later record cannot be.
        const auto sent = co_await send_all();
        const auto closed = co_await producer_.close();
        CO_TRY_OK(report_done());
        CO_TRY_OK(sent);
        if (auto failed = producer_.take_failure()) co_return *std::move(failed);
        CO_TRY_OK(closed);
        co_return producer_.stats().records;
    }

private:
    runtime::Task<Result<void>> send_all() {
        if (options_.files.empty()) co_return co_await send_input();
        for (const std::string& file : options_.files) CO_TRY_OK(co_await send_file(file));
        co_return {};
    }

    runtime::Task<Result<void>> send_input() {
        std::string text;
        size_t begin = 0;
        for (bool last = false; !last;) {
            text.erase(0, begin);
            begin = 0;
            const size_t kept = text.size();
            text.resize(kept + kReadBytes);
            CO_TRY(const size_t n,
                   co_await runtime::read_standard_input(
                       machine_.pool(), machine_.loop(),
                       {reinterpret_cast<uint8_t*>(text.data()) + kept, kReadBytes}));
            text.resize(kept + n);
            last = n == 0;
            CO_TRY_OK(co_await send_text(text, begin, last));
        }
        co_return {};
    }

    // A file is read like the input.
    runtime::Task<Result<void>> send_file(const std::string& path) {
        CO_TRY(const auto text,
               machine_.context().disk.read_file(path, std::numeric_limits<int32_t>::max()));
        size_t begin = 0;
        co_return co_await send_text(text, begin, true);
    }

    runtime::Task<Result<void>> send_text(std::string_view text, size_t& begin, bool last) {
        ParsedRecord parsed;
        for (;;) {
            CO_TRY(const bool more, input_.next(text, begin, last, parsed));
            if (!more) co_return {};
            client::Record record = parsed.record();
            record.topic = options_.topic;
            if (record.partition < 0) record.partition = options_.partition;
            if (record.timestamp < 0) record.timestamp = options_.timestamp;
            if (!record.key && options_.has_key) record.key = as_bytes(options_.key);
            if (record.headers.empty()) record.headers = headers_;
            auto delivery = producer_.try_send(record);
            if (delivery.code() == ErrorCode::would_block)
                delivery = co_await producer_.send(record);
            if (!delivery) {
                co_return fail(delivery.error().code, fmt::format("record {}: {}", input_.count(),
                                                                  delivery.error().describe()));
            }
            if (options_.report) deliveries_.push_back(*std::move(delivery));
            CO_TRY_OK(report_done());
            // Later records of a topic that refuses one are not sent behind it.
            if (auto failed = producer_.take_failure()) co_return *std::move(failed);
        }
    }

    // The outcomes that are known, in the order of the records.
    Result<void> report_done() {
        for (; !deliveries_.empty() && deliveries_.front().done(); deliveries_.pop_front()) {
            TRY(const auto place, deliveries_.front().result());
            console_.line(
                fmt::format("{{\"partition\":{},\"offset\":{}}}", place.partition, place.offset));
        }
        return {};
    }

    runtime::Machine& machine_;
    const Console& console_;
    const ProduceOptions& options_;
    RecordInput input_;
    client::Producer producer_;
    std::vector<client::RecordHeader> headers_;
    std::deque<client::Delivery> deliveries_;
};

Result<uint64_t> produce(const Console& console, const ProduceOptions& options) {
    RecordFormat format{.empty_is_null = options.empty_is_null, .json = options.json};
    TRY(format.delimiter, unescape(options.delimiter));
    TRY(format.key_delimiter, unescape(options.key_delimiter));
    TRY(client::Settings settings, options.client.read());
    if (!options.codec.empty()) settings.set("compression.type", options.codec);
    if (!options.acks.empty()) settings.set("acks", options.acks);
    // A pipe is read as fast as it comes: large batches cost nothing in latency then.
    settings.set_default("batch.size", "262144");
    settings.set_default("linger.ms", "5");
    TRY(client::ProducerConfig config, client::ProducerConfig::from(settings));
    warn_of_unknown(console, settings);
    runtime::Machine machine;
    Produce work(machine, console, options, std::move(format), std::move(config));
    return machine.wait(work.run());
}

}  // namespace

void add_produce_command(CLI::App& app, const Native& native) {
    auto o = std::make_shared<ProduceOptions>();
    CLI::App& produce_app = *app.add_subcommand("produce", "Send lines, files or JSON to a topic");
    produce_app.add_option("TOPIC", o->topic, "Where to")->required();
    produce_app.add_option("FILE", o->files, "Read these instead of standard input")
        ->check(CLI::ExistingFile);
    add_client_settings(produce_app, o->client);
    produce_app.add_option("-D,--delimiter", o->delimiter,
                           "Ends a record; \\n, \\0, \\xHH ...; empty: the whole input is one");
    produce_app.add_option("-K,--key-delimiter", o->key_delimiter,
                           "What comes before it in a record is the key");
    produce_app.add_flag("-Z,--empty-is-null", o->empty_is_null,
                         "An empty value is none (deletes the key of a compacted topic)");
    produce_app.add_flag("-J,--json", o->json,
                         "Records are JSON objects: key, value, headers, partition, timestamp");
    auto* key = produce_app.add_option("-k,--key", o->key, "The key of all records without one");
    produce_app.add_option("-H,--header", o->headers, "name=value, of all records");
    produce_app.add_option("-p,--partition", o->partition, "Instead of the one of the key's hash")
        ->check(CLI::NonNegativeNumber);
    produce_app.add_option("--timestamp", o->timestamp, "Milliseconds since 1970, of all records");
    produce_app.add_option("-z,--compression", o->codec, "none, gzip, snappy, lz4 or zstd");
    produce_app.add_option("--acks", o->acks, "all, 1 or 0");
    produce_app.add_flag("--report", o->report, "A line of JSON for each record: where it is now");
    produce_app.add_flag("-q,--quiet", o->quiet, "No summary");
    produce_app.footer(
        "\nExamples:\n"
        "  tail -F app.log | millrace produce logs -b localhost:9092\n"
        "  millrace produce users -b localhost:9092 -K : -z zstd < users.txt\n"
        "  echo '{\"key\":\"k\",\"value\":{\"n\":1}}' | millrace produce t -b localhost:9092 "
        "--json\n");
    produce_app.callback([native, o, key] {
        o->has_key = key->count() != 0;
        const auto sent = produce(native.console, *o);
        std::fflush(native.console.out);
        if (!sent) {
            native.status = native.console.fail(
                sent.error(), advice_for(sent.error(), {.bootstrap_servers = o->client.servers}));
            return;
        }
        if (!o->quiet && !o->report)
            native.console.error_line(fmt::format("{} records delivered to {}", *sent, o->topic));
        native.status = kDone;
    });
}

}  // namespace millrace::cli
