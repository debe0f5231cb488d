#include <deque>

#include "cli/bench/records.h"
#include "client/producer.h"

namespace millrace::cli::bench {
namespace {

constexpr uint64_t kSampleEvery = 16;
// Progress is told, and other tasks get their turn, after so many records.
constexpr uint64_t kTellEvery = 4096;

struct Sampled {
    client::Delivery delivery;
    runtime::TimePoint sent;
};

// Takes the outcomes that are known.
Result<void> settle(std::deque<Sampled>& sampled, runtime::TimePoint now, Found& found) {
    for (; !sampled.empty() && sampled.front().delivery.done(); sampled.pop_front()) {
        TRY_OK(sampled.front().delivery.result());
        found.latency.record(static_cast<uint64_t>((now - sampled.front().sent).count()));
    }
    return {};
}

}  // namespace

runtime::Task<Result<Found>> produce(runtime::Context context, const Load& load,
                                     const Progress& progress) {
    CO_TRY(auto config, client::ProducerConfig::from(load.settings));
    client::Producer producer{context, std::move(config)};
    CO_TRY_OK(co_await producer.cluster().topic(
        load.topic, producer.cluster().after(producer.config().max_block)));
    runtime::Loop& loop = context.loop;
    Records records(load, loop.rng());
    Found found;
    std::deque<Sampled> sampled;
    const runtime::TimePoint began = loop.read_clock();
    for (uint64_t i = 0; i != load.records; ++i) {
        if (load.rate > 0) {
            const auto due =
                began + std::chrono::duration_cast<Duration>(
                            std::chrono::duration<double>(static_cast<double>(i) / load.rate));
            if (due > loop.now()) co_await loop.sleep_until(due);
        }
        const client::Record record = records.next();
        auto delivery = producer.try_send(record);
        if (delivery.code() == ErrorCode::would_block) delivery = co_await producer.send(record);
        CO_TRY_OK(delivery);
        if (i % kSampleEvery == 0) sampled.push_back({*std::move(delivery), loop.read_clock()});
        CO_TRY_OK(settle(sampled, loop.now(), found));
        if (i % kTellEvery != 0) continue;
        progress(i);
        if (auto failed = producer.take_failure()) co_return *std::move(failed);
        co_await loop.yield();
    }
    while (!sampled.empty()) {
        (void)co_await sampled.front().delivery.wait();
        CO_TRY_OK(settle(sampled, loop.now(), found));
    }
    CO_TRY_OK(co_await producer.close());
    if (auto failed = producer.take_failure()) co_return *std::move(failed);
    found.took = loop.read_clock() - began;
    found.records = load.records;
    found.bytes = load.records * records.value_bytes();
    co_return std::move(found);
}

runtime::Task<Result<Found>> transactions(runtime::Context context, const Load& load,
                                          const Progress& progress) {
    CO_TRY(auto config, client::ProducerConfig::from(load.settings));
    if (config.transactional_id.empty()) config.transactional_id = load.topic;
    client::Producer producer{context, std::move(config)};
    CO_TRY_OK(co_await producer.init_transactions());
    runtime::Loop& loop = context.loop;
    Records records(load, loop.rng());
    Found found;
    const runtime::TimePoint began = loop.read_clock();
    while (found.records < load.records) {
        const runtime::TimePoint begin = loop.read_clock();
        CO_TRY_OK(producer.begin_transaction());
        for (uint64_t i = 0; i != load.per_commit && found.records < load.records; ++i) {
            CO_TRY_OK(co_await producer.send(records.next()));
            ++found.records;
        }
        CO_TRY_OK(co_await producer.commit_transaction());
        found.latency.record(static_cast<uint64_t>((loop.read_clock() - begin).count()));
        progress(found.records);
    }
    found.took = loop.read_clock() - began;
    found.bytes = found.records * records.value_bytes();
    CO_TRY_OK(co_await producer.close());
    co_return std::move(found);
}

}  // namespace millrace::cli::bench
