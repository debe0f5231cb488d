// kafka-verifiable-consumer: reads as a member of a group, and tells each of its steps.
#include <csignal>

#include "cli/kafka/argparse.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/properties.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/verifiable.h"
#include "client/consumer.h"
#include "runtime/machine.h"
#include "runtime/scope.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;
using enum Flag::Takes;
constexpr std::string_view kProgram = "verifiable-consumer";

constexpr Flag kFlags[] = {
    {"topic", "", one, true, 0, "What to read."},
    {"group-protocol", "", one, false, 0, "classic (the default) or consumer."},
    {"group-remote-assignor", "", one, false, 0, "The broker's assignor, with consumer."},
    {"group-id", "", one, true, 0, "The group."},
    {"group-instance-id", "", one, false, 0, "As a static member."},
    {"max-messages", "", one, false, 0, "How many; -1 (the default): until it is stopped.",
     "Integer"},
    {"session-timeout", "", one, false, 0, "Of a member, in ms; with classic.", "Integer"},
    {"verbose", "", nothing, false, 0, "A line for each record, too."},
    {"enable-autocommit", "", nothing, false, 0, "Commit from time to time, by itself."},
    {"reset-policy", "", one, false, 0, "earliest (the default), latest or none."},
    {"assignment-strategy", "", one, false, 0, "A class of an assignor; with classic."},
    {"consumer.config", "", one, false, 0, "Old name of --command-config."},
    {"command-config", "", one, false, 0, "A file with consumer properties."},
    {"bootstrap-server", "", one, true, 0, "Brokers of the cluster."},
};

class VerifiableConsumer {
public:
    VerifiableConsumer(runtime::Machine& machine, const Console& console, const FlagValues& flags,
                       client::ConsumerConfig config)
        : machine_(machine),
          console_(console),
          verbose_(flags.has("verbose")),
          commits_(!flags.has("enable-autocommit")),
          topic_(*flags.value("topic")),
          left_(flags.number("max-messages").value_or(-1)),
          consumer_(machine.context(), std::move(config)) {}

    runtime::Task<Result<int>> run() {
        runtime::SignalWatch signals(machine_.loop(), {SIGINT, SIGTERM});
        runtime::DroppingScope scope{machine_.loop()};
        scope.spawn(stop_on_signal(signals));
        event("startup_complete");
        const auto consumed = co_await consume();
        (void)co_await consumer_.close();
        event("shutdown_complete");
        if (stopped_by_ == 0) event("shutdown_requested");
        CO_TRY_OK(consumed);
        co_return stopped_by_ == 0 ? kDone : 128 + stopped_by_;
    }

private:
    class Told final : public client::RebalanceListener {
    public:
        explicit Told(VerifiableConsumer& work) : work_(work) {}
        runtime::Task<void> assigned(std::span<const TopicPartition> partitions) override {
            work_.tell("partitions_assigned", partitions);
            co_return;
        }
        runtime::Task<void> revoked(std::span<const TopicPartition> partitions) override {
            work_.tell("partitions_revoked", partitions);
            co_return;
        }

    private:
        VerifiableConsumer& work_;
    };

    // What came of a partition in one poll.
    struct Range {
        int64_t count = 0;
        Offset first = -1;
        Offset last = -1;
    };

    runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals) {
        stopped_by_ = co_await signals.next();
        event("shutdown_requested");
    }

    runtime::Task<Result<void>> consume() {
        CO_TRY_OK(consumer_.subscribe({topic_}, std::make_shared<Told>(*this)));
        while (left_ != 0 && stopped_by_ == 0) {
            CO_TRY(auto batches, co_await consumer_.poll(200ms));
            std::map<TopicPartition, Range> ranges;
            int64_t count = 0;
            for (client::RecordBatch& batch : batches) {
                CO_TRY(const int64_t more, take(batch, ranges));
                count += more;
            }
            if (ranges.empty()) continue;
            tell_records(count, ranges);
            if (commits_) CO_TRY_OK(co_await commit(ranges));
        }
        co_return {};
    }

    // How many records the batch had, those that were too many among them.
    Result<int64_t> take(client::RecordBatch& batch, std::map<TopicPartition, Range>& ranges) {
        int64_t count = 0;
        client::RecordView record;
        for (;; ++count) {
            TRY(const bool more, batch.next(record));
            if (!more) return count;
            if (left_ == 0) continue;
            if (left_ > 0) --left_;
            Range& range = ranges[batch.place()];
            if (range.count++ == 0) range.first = record.offset;
            range.last = record.offset;
            if (verbose_) tell_record(batch.place(), record);
        }
    }

    runtime::Task<Result<void>> commit(const std::map<TopicPartition, Range>& ranges) {
        client::CommittedOffsets offsets;
        std::string list;
        for (const auto& [place, range] : ranges) {
            offsets[place].offset = range.last + 1;
            list += fmt::format(R"({}{{"topic":{},"partition":{},"offset":{}}})",
                                list.empty() ? "" : ",", json_string(place.topic), place.partition,
                                range.last + 1);
        }
        const auto done = co_await consumer_.commit(std::move(offsets));
        const std::string error =
            done ? "" : fmt::format(R"(,"error":{})", json_string(java_sentence(done.error())));
        event("offsets_committed",
              fmt::format(R"("offsets":[{}],"success":{}{})", list, done.has_value(), error));
        co_return {};
    }

    void tell(std::string_view name, std::span<const TopicPartition> partitions) {
        std::string list;
        for (const auto& [topic, partition] : partitions)
            list += fmt::format(R"({}{{"topic":{},"partition":{}}})", list.empty() ? "" : ",",
                                json_string(topic), partition);
        event(name, fmt::format(R"("partitions":[{}])", list));
    }

    void tell_records(int64_t count, const std::map<TopicPartition, Range>& ranges) {
        std::string list;
        for (const auto& [place, range] : ranges)
            list += fmt::format(
                R"({}{{"topic":{},"partition":{},"count":{},"minOffset":{},"maxOffset":{}}})",
                list.empty() ? "" : ",", json_string(place.topic), place.partition, range.count,
                range.first, range.last);
        event("records_consumed", fmt::format(R"("count":{},"partitions":[{}])", count, list));
    }

    void tell_record(const TopicPartition& place, const client::RecordView& record) {
        event("record_data", record_fields(place, record));
    }

    void event(std::string_view name, std::string_view fields = {}) const {
        console_.line(event_line(machine_.loop().wall_ms(), name, fields));
        std::fflush(console_.out);
    }

    runtime::Machine& machine_;
    const Console& console_;
    const bool verbose_;
    const bool commits_;
    const std::string topic_;
    int64_t left_;  // -1: no limit
    int stopped_by_ = 0;
    client::Consumer consumer_;
};

Result<client::ConsumerConfig> read_config(const FlagValues& flags) {
    Properties out;
    for (const auto name : {"consumer.config", "command-config"})
        if (const auto path = flags.value(name)) TRY_OK(out.add_file(*path));
    constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
        {"bootstrap-server", "bootstrap.servers"},
        {"group-protocol", "group.protocol"},
        {"group-remote-assignor", "group.remote.assignor"},
        {"group-id", "group.id"},
        {"group-instance-id", "group.instance.id"},
        {"session-timeout", "session.timeout.ms"},
        {"assignment-strategy", "partition.assignment.strategy"}};
    for (const auto& [flag, property] : kNamed)
        if (const auto value = flags.value(flag)) out.set(std::string{property}, *value);
    out.set("auto.offset.reset", flags.value("reset-policy").value_or("earliest"));
    out.set("enable.auto.commit", flags.has("enable-autocommit") ? "true" : "false");
    return client::ConsumerConfig::from(out.settings());
}

Result<int> consume(const Console& console, const FlagValues& flags) {
    TRY(client::ConsumerConfig config, read_config(flags));
    runtime::Machine machine;
    VerifiableConsumer work(machine, console, flags, std::move(config));
    return machine.wait(work.run());
}

}  // namespace

int verifiable_consumer(const Console& console, const Words& words) {
    int status = kDone;
    const auto flags = parse_flags(console, kProgram, kFlags, words, status);
    if (!flags) return status;
    const auto done = consume(console, *flags);
    if (done) return *done;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
