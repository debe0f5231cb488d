// What the hot path pays for the codec: one produce and one fetch of ten partitions, and a metadata
// reply of a thousand.
#include <benchmark/benchmark.h>

#include "protocol/codec.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

constexpr int kPartitions = 10;

const std::vector<uint8_t>& records() {
    static const std::vector<uint8_t> all(1024, 0x5a);
    return all;
}

ProduceRequest produce_request() {
    ProduceRequest m;
    m.acks = -1;
    m.timeout_ms = 30000;
    auto& topic = m.topic_data.emplace_back();
    topic.topic_id = {1, 2};
    for (int i = 0; i < kPartitions; ++i) {
        auto& p = topic.partition_data.emplace_back();
        p.index = i;
        p.records = Chain({nullptr, records()});
    }
    return m;
}

FetchRequest fetch_request() {
    FetchRequest m;
    auto& topic = m.topics.emplace_back();
    topic.topic_id = {1, 2};
    for (int i = 0; i < kPartitions; ++i) topic.partitions.emplace_back().partition = i;
    return m;
}

FetchResponse fetch_response() {
    FetchResponse m;
    auto& topic = m.responses.emplace_back();
    topic.topic_id = {1, 2};
    for (int i = 0; i < kPartitions; ++i) {
        auto& p = topic.partitions.emplace_back();
        p.partition_index = i;
        p.high_watermark = 1000;
        p.records = Chain({nullptr, records()});
    }
    return m;
}

ProduceResponse produce_response() {
    ProduceResponse m;
    auto& topic = m.responses.emplace_back();
    topic.topic_id = {1, 2};
    for (int i = 0; i < kPartitions; ++i) topic.partition_responses.emplace_back().index = i;
    return m;
}

MetadataResponse metadata_response() {
    MetadataResponse m;
    for (int t = 0; t < 100; ++t) {
        auto& topic = m.topics.emplace_back();
        topic.name = "a-topic-of-ordinary-length-" + std::to_string(t);
        for (int i = 0; i < 10; ++i) {
            auto& p = topic.partitions.emplace_back();
            p.partition_index = i;
            p.replica_nodes = {1, 2, 3};
            p.isr_nodes = {1, 2, 3};
        }
    }
    return m;
}

template <typename M>
void decode_one(benchmark::State& state, const M& m, int16_t version) {
    const auto bytes = *encode_to_bytes(m, version);
    for (auto _ : state) benchmark::DoNotOptimize(decode<M>(bytes, version));
    state.counters["bytes"] = static_cast<double>(bytes.size());
}

template <typename M>
void encode_one(benchmark::State& state, const M& m, int16_t version) {
    for (auto _ : state) {
        Writer out;
        benchmark::DoNotOptimize(encode(m, version, out));
        benchmark::DoNotOptimize(out.take());
    }
}

BENCHMARK_CAPTURE(decode_one, produce, produce_request(), int16_t{13});
BENCHMARK_CAPTURE(decode_one, fetch, fetch_request(), int16_t{18});
BENCHMARK_CAPTURE(decode_one, metadata, metadata_response(), int16_t{13});
BENCHMARK_CAPTURE(encode_one, produce, produce_response(), int16_t{13});
BENCHMARK_CAPTURE(encode_one, fetch, fetch_response(), int16_t{18});
BENCHMARK_CAPTURE(encode_one, metadata, metadata_response(), int16_t{13});

}  // namespace
