// kafka-verifiable-share-consumer: reads as a member of a share group, and tells each of its steps.
#include <csignal>

#include "cli/kafka/argparse.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/properties.h"
#include "cli/kafka/tool.h"
#include "cli/kafka/verifiable.h"
#include "client/admin.h"
#include "client/share_consumer.h"
#include "runtime/machine.h"
#include "runtime/scope.h"

namespace millrace::cli::kafka {
namespace {

using namespace std::chrono_literals;
using enum Flag::Takes;
constexpr std::string_view kProgram = "verifiable-share-consumer";

constexpr Flag kFlags[] = {
    {"topic", "", one, true, 0, "What to read."},
    {"group-id", "", one, true, 0, "The share group."},
    {"max-messages", "", one, false, 0,
     "How many to acknowledge; -1 (the default): until it is stopped.", "Integer"},
    {"verbose", "", nothing, false, 0, "A line for each record, too."},
    {"acknowledgement-mode", "", one, false, 0,
     "auto (the default: with the next poll), sync or async."},
    {"offset-reset-strategy", "", one, false, 0,
     "First set where the group begins: earliest or latest."},
    {"command-config", "", one, false, 0, "A file with client properties."},
    {"bootstrap-server", "", one, true, 0, "Brokers of the cluster."},
};

// When what was read is acknowledged: by the next poll(), or at once, waiting or not.
enum class When : uint8_t { next_poll, waiting, at_once };

struct Wanted {
    std::string topic;
    int64_t messages_max = -1;  // -1: no limit
    bool verbose = false;
    When when = When::next_poll;
    std::string reset;  // "": leave it
};

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

class VerifiableShareConsumer {
public:
    VerifiableShareConsumer(runtime::Machine& machine, const Console& console, const Wanted& wanted,
                            client::ShareConsumerConfig config)
        : machine_(machine),
          console_(console),
          wanted_(wanted),
          group_(config.group_id),
          consumer_(machine.context(), std::move(config)) {}

    // What goes wrong on the way is told, and is no reason to fail: readers of the events see it.
    runtime::Task<int> run() {
        runtime::SignalWatch signals(machine_.loop(), {SIGINT, SIGTERM});
        runtime::DroppingScope scope{machine_.loop()};
        scope.spawn(stop_on_signal(signals));
        event("startup_complete");
        const auto consumed = co_await consume();
        if (!consumed)
            console_.error_line(
                fmt::format("Error during processing, terminating share consumer process: \n{}",
                            java_exception(consumed.error())));
        (void)co_await consumer_.close();
        event("shutdown_complete");
        co_return stopped_by_ == 0 ? kDone : 128 + stopped_by_;
    }

private:
    using Offsets = std::map<TopicPartition, std::vector<Offset>>;

    runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals) {
        stopped_by_ = co_await signals.next();
    }

    runtime::Task<Result<void>> consume() {
        if (!wanted_.reset.empty()) CO_TRY_OK(co_await set_reset());
        CO_TRY_OK(consumer_.subscribe({wanted_.topic}));
        consumer_.on_acknowledged(
            [this](const TopicPartition& place, std::span<const client::AcknowledgedRange> ranges,
                   const Result<void>& result) { tell_acknowledged(place, ranges, result); });
        while (!done()) {
            CO_TRY(auto batches, co_await consumer_.poll(200ms));
            if (batches.empty()) continue;
            CO_TRY_OK(tell_records(batches));
            if (wanted_.when == When::at_once) consumer_.commit_async();
            if (wanted_.when == When::waiting) CO_TRY_OK(co_await commit());
        }
        co_return {};
    }

    bool done() const {
        return stopped_by_ != 0 ||
               (wanted_.messages_max >= 0 && acknowledged_ >= wanted_.messages_max);
    }

    runtime::Task<Result<void>> set_reset() {
        if (wanted_.reset != "earliest" && wanted_.reset != "latest")
            co_return fail(
                ErrorCode::invalid_config,
                fmt::format("Unknown share group auto offset reset strategy: {}", wanted_.reset));
        client::Admin admin{consumer_.cluster()};
        std::vector<client::ConfigChange> changes;
        changes.push_back(
            {"share.auto.offset.reset", client::ConfigChange::How::set, wanted_.reset});
        CO_TRY(const auto outcome, co_await admin.alter_configs(
                                       {client::ResourceType::group, group_}, std::move(changes)));
        if (outcome.error.code != ErrorCode::none) co_return outcome.error;
        event("offset_reset_strategy_set",
              fmt::format(R"("offsetResetStrategy":{})", json_string(wanted_.reset)));
        co_return {};
    }

    runtime::Task<Result<void>> commit() {
        CO_TRY(const auto results, co_await consumer_.commit());
        for (const auto& [place, result] : results)
            if (!result)
                console_.error_line(
                    fmt::format("Failed to commit offset synchronously for topic partition: {}-{}",
                                place.topic, place.partition));
        co_return {};
    }

    Result<void> tell_records(std::vector<client::ShareBatch>& batches) {
        Offsets offsets;
        size_t count = 0;
        for (client::ShareBatch& batch : batches)
            TRY_OK(batch.for_each([&](const client::RecordView& record, int16_t) {
                ++count;
                offsets[batch.place()].push_back(record.offset);
                if (wanted_.verbose) tell_record(batch.place(), record);
            }));
        std::string list;
        for (const auto& [place, of] : offsets)
            list += fmt::format("{}{}", list.empty() ? "" : ",", partition_fields(place, of));
        event("records_consumed", fmt::format(R"("count":{},"partitions":[{}])", count, list));
        return {};
    }

    void tell_acknowledged(const TopicPartition& place,
                           std::span<const client::AcknowledgedRange> ranges,
                           const Result<void>& result) {
        std::vector<Offset> offsets;
        for (const client::AcknowledgedRange& range : ranges)
            for (Offset offset = range.first; offset <= range.last; ++offset)
                offsets.push_back(offset);
        const std::string error =
            result ? "" : fmt::format(R"("error":{},)", json_string(java_sentence(result.error())));
        event("offsets_acknowledged",
              fmt::format(R"("count":{},"partitions":[{}],{}"success":{})", offsets.size(),
                          partition_fields(place, offsets), error, result.has_value()));
        if (result) acknowledged_ += static_cast<int64_t>(offsets.size());
    }

    static std::string partition_fields(const TopicPartition& place,
                                        const std::vector<Offset>& offsets) {
        return fmt::format(R"({{"topic":{},"partition":{},"count":{},"offsets":[{}]}})",
                           json_string(place.topic), place.partition, offsets.size(),
                           fmt::join(offsets, ","));
    }

    void tell_record(const TopicPartition& place, const client::RecordView& record) const {
        event("record_data", record_fields(place, record));
    }

    void event(std::string_view name, std::string_view fields = {}) const {
        console_.line(event_line(machine_.loop().wall_ms(), name, fields));
        std::fflush(console_.out);
    }

    runtime::Machine& machine_;
    const Console& console_;
    const Wanted& wanted_;
    const std::string group_;
    int64_t acknowledged_ = 0;
    int stopped_by_ = 0;
    client::ShareConsumer consumer_;
};

std::optional<When> read_when(std::string_view word) {
    if (word == "auto") return When::next_poll;
    if (word == "sync") return When::waiting;
    if (word == "async") return When::at_once;
    return std::nullopt;
}

Result<int> consume(const Console& console, const Wanted& wanted, const Properties& properties) {
    TRY(client::ShareConsumerConfig config,
        client::ShareConsumerConfig::from(properties.settings()));
    runtime::Machine machine;
    VerifiableShareConsumer work(machine, console, wanted, std::move(config));
    return machine.wait(work.run());
}

}  // namespace

int verifiable_share_consumer(const Console& console, const Words& words) {
    int status = kDone;
    const auto flags = parse_flags(console, kProgram, kFlags, words, status);
    if (!flags) return status;
    Wanted wanted{.topic = *flags->value("topic"),
                  .messages_max = flags->number("max-messages").value_or(-1),
                  .verbose = flags->has("verbose"),
                  .reset = lower(flags->value("offset-reset-strategy").value_or(""))};
    const std::string mode = flags->value("acknowledgement-mode").value_or("auto");
    const auto when = read_when(lower(mode));
    if (!when) {
        std::string upper = mode;
        for (char& c : upper)
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        console.error_line(
            fmt::format("No enum constant org.apache.kafka.tools.VerifiableShareConsumer."
                        "AcknowledgementMode.{}",
                        upper));
        return kFailed;
    }
    wanted.when = *when;
    Properties properties;
    if (const auto path = flags->value("command-config"))
        if (const auto read = properties.add_file(*path); !read)
            return flags_misused(console, kProgram, kFlags, read.error().message);
    properties.set("group.id", *flags->value("group-id"));
    properties.set("bootstrap.servers", *flags->value("bootstrap-server"));
    const auto done = consume(console, wanted, properties);
    if (done) return *done;
    std::fflush(console.out);
    console.error_line(sentence(done.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
