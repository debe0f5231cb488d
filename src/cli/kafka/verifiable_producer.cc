// kafka-verifiable-producer: growing numbers into a topic, and a line about each.
#include <csignal>

#include "cli/kafka/argparse.h"
#include "cli/kafka/delivery_watch.h"
#include "cli/kafka/deserializers.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/properties.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/verifiable.h"
#include "runtime/machine.h"

namespace millrace::cli::kafka {
namespace {

using enum Flag::Takes;
constexpr std::string_view kProgram = "verifiable-producer";

constexpr Flag kFlags[] = {
    {"topic", "", one, true, 0, "Where to."},
    {"max-messages", "", one, false, 0, "How many; -1 (the default): until it is stopped.",
     "Integer"},
    {"throughput", "", one, false, 0, "At most so many a second; -1 (the default): any.",
     "Integer"},
    {"acks", "", one, false, 0, "0, 1 or -1 (the default).", "Integer"},
    {"producer.config", "", one, false, 0, "Old name of --command-config."},
    {"message-create-time", "", one, false, 0, "Timestamps from there on, in ms.", "Long"},
    {"value-prefix", "", one, false, 0, "A number before each value.", "Integer"},
    {"repeating-keys", "", one, false, 0, "Keys from 0 on, below this number, again and again.",
     "Integer"},
    {"command-config", "", one, false, 0, "A file with producer properties."},
    {"bootstrap-server", "", one, true, 0, "Brokers of the cluster."},
};

class VerifiableProducer {
public:
    VerifiableProducer(runtime::Machine& machine, const Console& console, const FlagValues& flags,
                       client::ProducerConfig config)
        : machine_(machine),
          console_(console),
          flags_(flags),
          topic_(*flags.value("topic")),
          producer_(machine.context(), std::move(config)),
          deliveries_(machine.loop(),
                      [this](const Sent& sent, const auto& place) { tell(sent, place); }) {}

    runtime::Task<int> run() {
        runtime::SignalWatch signals(machine_.loop(), {SIGINT, SIGTERM});
        runtime::DroppingScope scope{machine_.loop()};
        scope.spawn(stop_on_signal(signals));
        event("startup_complete");
        const TimestampMs began = machine_.loop().wall_ms();
        const int64_t most = flags_.number("max-messages").value_or(-1);
        for (int64_t i = 0; (most < 0 || i < most) && stopped_by_ == 0; ++i) {
            co_await send(i);
            ++sent_;
            co_await throttle(began, i);
        }
        co_await producer_.flush();
        co_await deliveries_.drain();
        (void)co_await producer_.close();
        const TimestampMs ended = std::max(machine_.loop().wall_ms(), began + 1);
        event("shutdown_complete");
        const double rate =
            1000.0 * static_cast<double>(acked_) / static_cast<double>(ended - began);
        event(
            "tool_data",
            fmt::format(R"("sent":{},"acked":{},"target_throughput":{},"avg_throughput":{})", sent_,
                        acked_, flags_.number("throughput").value_or(-1), java_number(rate)));
        co_return stopped_by_ == 0 ? kDone : 128 + stopped_by_;
    }

private:
    struct Sent {
        std::optional<std::string> key;
        std::string value;
    };

    runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals) {
        stopped_by_ = co_await signals.next();
    }

    runtime::Task<void> send(int64_t i) {
        Sent sent;
        const auto prefix = flags_.number("value-prefix");
        sent.value = prefix ? fmt::format("{}.{}", *prefix, i) : fmt::to_string(i);
        if (const auto keys = flags_.number("repeating-keys"); keys && *keys > 0)
            sent.key = fmt::to_string(i % *keys);
        client::Record record{.topic = topic_, .value = as_bytes(sent.value)};
        if (sent.key) record.key = as_bytes(*sent.key);
        const int64_t time = flags_.number("message-create-time").value_or(-1);
        if (time >= 0) record.timestamp = time + i;
        auto delivery = producer_.try_send(record);
        if (delivery.code() == ErrorCode::would_block) delivery = co_await producer_.send(record);
        if (delivery)
            deliveries_.add(*std::move(delivery), std::move(sent));
        else
            tell(sent, delivery.error());
        constexpr int64_t kYieldEvery = 64;
        if (i % kYieldEvery == 0) co_await machine_.loop().yield();
    }

    runtime::Task<void> throttle(TimestampMs began, int64_t i) {
        const int64_t rate = flags_.number("throughput").value_or(-1);
        if (rate <= 0) co_return;
        const int64_t ahead = (i + 1) * 1000 / rate - (machine_.loop().wall_ms() - began);
        if (ahead > 0)
            co_await machine_.loop().sleep_until(machine_.loop().now() +
                                                 std::chrono::milliseconds{ahead});
    }

    void tell(const Sent& sent, const Result<client::RecordPlace>& place) {
        if (place) {
            ++acked_;
            event("producer_send_success",
                  fmt::format(R"("key":{},"value":{},"offset":{},"topic":{},"partition":{})",
                              json_or_null(sent.key), json_string(sent.value), place->offset,
                              json_string(topic_), place->partition));
            return;
        }
        const std::string exception = java_exception(place.error());
        event("producer_send_error",
              fmt::format(R"("topic":{},"key":{},"value":{},"exception":{},"message":{})",
                          json_string(topic_), json_or_null(sent.key), json_string(sent.value),
                          json_string("class " + exception.substr(0, exception.find(':'))),
                          json_string(java_sentence(place.error()))));
    }

    void event(std::string_view name, std::string_view fields = {}) const {
        console_.line(event_line(machine_.loop().wall_ms(), name, fields));
        std::fflush(console_.out);
    }

    runtime::Machine& machine_;
    const Console& console_;
    const FlagValues& flags_;
    const std::string topic_;
    client::Producer producer_;
    int64_t sent_ = 0;
    int64_t acked_ = 0;
    int stopped_by_ = 0;
    DeliveryWatch<Sent> deliveries_;  // last: its task uses what is above
};

Result<int> produce(const Console& console, const FlagValues& flags) {
    Properties properties;
    for (const auto name : {"producer.config", "command-config"})
        if (const auto path = flags.value(name)) TRY_OK(properties.add_file(*path));
    properties.set("bootstrap.servers", *flags.value("bootstrap-server"));
    properties.set("acks", fmt::to_string(flags.number("acks").value_or(-1)));
    TRY(client::ProducerConfig config, client::ProducerConfig::from(properties.settings()));
    runtime::Machine machine;
    VerifiableProducer work(machine, console, flags, std::move(config));
    return machine.wait(work.run());
}

}  // namespace

int verifiable_producer(const Console& console, const Words& words) {
    int status = kDone;
    const auto flags = parse_flags(console, kProgram, kFlags, words, status);
    if (!flags) return status;
    const auto done = produce(console, *flags);
    if (done) return *done;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
