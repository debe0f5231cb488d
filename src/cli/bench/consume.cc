#include "cli/bench/records.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "runtime/scope.h"

namespace millrace::cli::bench {
namespace {

using namespace std::chrono_literals;

// How long the reader waits for records that were sent.
constexpr Duration kPatience = 30s;

runtime::Task<Result<std::vector<TopicPartition>>> partitions_of(client::Consumer& consumer,
                                                                 const std::string& name) {
    client::Cluster& cluster = consumer.cluster();
    CO_TRY(const auto topic,
           co_await cluster.topic(name, cluster.after(cluster.config().default_api_timeout)));
    std::vector<TopicPartition> out;
    for (size_t i = 0; i != topic->partitions.size(); ++i)
        out.push_back({name, static_cast<PartitionIndex>(i)});
    co_return std::move(out);
}

// Sends at the rate; each record says when it was due, so that a stall counts for all that it held up.
runtime::Task<Result<void>> send_at_rate(client::Producer& producer, const Load& load,
                                         runtime::Loop& loop) {
    Records records(load, loop.rng());
    const runtime::TimePoint began = loop.now();
    for (uint64_t i = 0; i != load.records; ++i) {
        const auto due = began + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
                                     static_cast<double>(i) / load.rate));
        if (due > loop.now()) co_await loop.sleep_until(due);
        CO_TRY_OK(co_await producer.send(records.next(due.time_since_epoch().count())));
    }
    co_await producer.flush();
    if (auto failed = producer.take_failure()) co_return *std::move(failed);
    co_return {};
}

runtime::Task<void> send_all(client::Producer& producer, const Load& load, runtime::Loop& loop,
                             std::optional<Result<void>>& out) {
    out.emplace(co_await send_at_rate(producer, load, loop));
}

}  // namespace

runtime::Task<Result<Found>> consume(runtime::Context context, const Load& load,
                                     const Progress& progress) {
    CO_TRY(auto config, client::ConsumerConfig::from(load.settings));
    client::Consumer consumer{context, std::move(config)};
    CO_TRY(const auto places, co_await partitions_of(consumer, load.topic));
    CO_TRY(const auto first, co_await consumer.beginning_offsets(places));
    CO_TRY(const auto end, co_await consumer.end_offsets(places));
    uint64_t there = 0;
    for (const TopicPartition& place : places)
        there += static_cast<uint64_t>(end.at(place) - first.at(place));
    const uint64_t wanted = std::min(there, load.records);
    CO_TRY_OK(consumer.assign(places));
    CO_TRY_OK(consumer.seek_to_beginning(places));
    Found found;
    const runtime::TimePoint began = context.loop.read_clock();
    runtime::TimePoint last = began;
    while (found.records < wanted) {
        CO_TRY(auto batches, co_await consumer.poll(1s));
        for (client::RecordBatch& batch : batches)
            CO_TRY_OK(batch.for_each([&](const client::RecordView& record) {
                ++found.records;
                found.bytes += record.value ? record.value->size() : 0;
            }));
        if (!batches.empty()) last = context.loop.now();
        // Offsets need not be records: transactions, compaction.
        if (context.loop.now() - last > kPatience) break;
        progress(found.records);
    }
    found.took = context.loop.read_clock() - began;
    CO_TRY_OK(co_await consumer.close());
    co_return std::move(found);
}

runtime::Task<Result<Found>> end_to_end(runtime::Context context, const Load& load,
                                        const Progress& progress) {
    runtime::Loop& loop = context.loop;
    client::Settings settings = load.settings;
    settings.set_default("linger.ms", "0");
    CO_TRY(auto reading, client::ConsumerConfig::from(settings));
    CO_TRY(auto sending, client::ProducerConfig::from(settings));
    client::Consumer consumer{context, std::move(reading)};
    client::Producer producer{context, std::move(sending)};
    CO_TRY(const auto places, co_await partitions_of(consumer, load.topic));
    CO_TRY_OK(consumer.assign(places));
    CO_TRY_OK(consumer.seek_to_end(places));
    for (const TopicPartition& place : places) CO_TRY_OK(co_await consumer.position(place));
    Found found;
    std::optional<Result<void>> sent;
    runtime::DroppingScope scope{loop};
    scope.spawn(send_all(producer, load, loop, sent));
    const runtime::TimePoint began = loop.now();
    runtime::TimePoint last = began;
    while (found.records < load.records) {
        CO_TRY(auto batches, co_await consumer.poll(100ms));
        const int64_t now = loop.read_clock().time_since_epoch().count();
        for (client::RecordBatch& batch : batches)
            CO_TRY_OK(batch.for_each([&](const client::RecordView& record) {
                if (!record.value || record.value->size() < 8) return;
                const int64_t due = load_be<int64_t>(record.value->data());
                found.latency.record(static_cast<uint64_t>(std::max<int64_t>(now - due, 0)));
                found.bytes += record.value->size();
                ++found.records;
            }));
        if (sent && !*sent) co_return sent->error();
        if (!batches.empty()) last = loop.now();
        if (loop.now() - last > kPatience)
            co_return fail(ErrorCode::deadline_exceeded,
                           fmt::format("{} of {} records came back", found.records, load.records));
        progress(found.records);
    }
    found.took = loop.read_clock() - began;
    CO_TRY_OK(co_await producer.close());
    CO_TRY_OK(co_await consumer.close());
    co_return std::move(found);
}

}  // namespace millrace::cli::bench
