#include "cli/consume_share.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "runtime/machine.h"
#include "runtime/scope.h"

namespace millrace::cli {
namespace {

using namespace std::chrono_literals;

// --exit: nothing came for so long, since this member was given partitions.
constexpr Duration kIdle = 3s;

struct Work {
    const Console& console;
    const ShareReading& reading;
    const RecordPrint& print;
    client::ShareConsumer& consumer;
    int64_t left;
    bool stopped = false;
};

Result<void> take(Work& work, client::ShareBatch& batch) {
    std::string text;
    std::vector<Offset> printed;
    client::RecordView record;
    int16_t deliveries = 0;
    while (work.left != 0) {
        TRY(const bool more, batch.next(record, deliveries));
        if (!more) break;
        work.print.print(batch.place(), record, text, deliveries);
        printed.push_back(record.offset);
        if (work.left > 0) --work.left;
    }
    // A reader that has gone (| head) has not got them: they go back.
    if (std::fwrite(text.data(), 1, text.size(), work.console.out) != text.size() ||
        std::fflush(work.console.out) != 0) {
        work.stopped = true;
        return {};
    }
    for (const Offset offset : printed)
        TRY_OK(work.consumer.acknowledge(batch.place(), offset, work.reading.acknowledge));
    return {};
}

runtime::Task<Result<void>> consume(Work& work) {
    CO_TRY_OK(work.consumer.subscribe(work.reading.topics));
    runtime::Loop& loop = work.consumer.cluster().loop();
    runtime::TimePoint idle_since = loop.now();
    while (work.left != 0 && !work.stopped) {
        CO_TRY(auto batches, co_await work.consumer.poll(200ms));
        for (client::ShareBatch& batch : batches) CO_TRY_OK(take(work, batch));
        if (!batches.empty() || work.consumer.assignment().empty()) idle_since = loop.now();
        if (work.reading.exit && loop.now() - idle_since >= kIdle) break;
    }
    CO_TRY(const auto results, co_await work.consumer.commit());
    for (const auto& [place, result] : results) {
        if (result) continue;
        co_return fail(result.error().code,
                       fmt::format("{}-{}: what was printed was not acknowledged and may come "
                                   "again: {}",
                                   place.topic, place.partition, result.error().describe()));
    }
    co_return {};
}

runtime::Task<void> stop_on_signal(runtime::SignalWatch& signals, Work& work) {
    co_await signals.next();
    work.stopped = true;
}

runtime::Task<Result<void>> run(runtime::Machine& machine, runtime::SignalWatch& signals,
                                Work& work) {
    runtime::DroppingScope scope{machine.loop()};
    scope.spawn(stop_on_signal(signals, work));
    const auto consumed = co_await consume(work);
    const auto closed = co_await work.consumer.close();
    CO_TRY_OK(consumed);
    co_return closed;
}

}  // namespace

Result<client::AcknowledgeType> parse_acknowledge(std::string_view text) {
    if (text == "accept") return client::AcknowledgeType::accept;
    if (text == "release") return client::AcknowledgeType::release;
    if (text == "reject") return client::AcknowledgeType::reject;
    return fail(ErrorCode::invalid_request,
                fmt::format("--ack {}: it must be accept, release or reject", text));
}

Result<void> consume_share(const Console& console, const ShareReading& reading,
                           client::ShareConsumerConfig config, RecordPrint print) {
    runtime::Machine machine;
    runtime::SignalWatch signals(machine.loop(), {SIGINT, SIGTERM});
    client::ShareConsumer consumer(machine.context(), std::move(config));
    Work work{.console = console,
              .reading = reading,
              .print = print,
              .consumer = consumer,
              .left = reading.count};
    // A failure on the way is told by what it does to the records.
    consumer.on_acknowledged([](const TopicPartition& place, auto, const Result<void>& result) {
        if (!result)
            LOG_INFO("cli", "{}-{}: {}", place.topic, place.partition, result.error().describe());
    });
    return machine.wait(run(machine, signals, work));
}

}  // namespace millrace::cli
