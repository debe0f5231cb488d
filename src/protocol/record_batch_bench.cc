// Cost of what the produce path does with a batch. Read bytes_per_second against BM_crc, the
// floor; per_record is the whole cost over the record count.
#include <benchmark/benchmark.h>

#include "base/crc32c.h"
#include "base/random.h"
#include "protocol/record_batch_builder.h"
#include "protocol/record_batch_validator.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

constexpr TimestampMs kNow = 1700000000000;

// About `batch_bytes` of records whose values have `value_bytes` of text-like noise.
std::vector<uint8_t> make_batch(Codec codec, size_t batch_bytes, size_t value_bytes) {
    Rng rng(1);
    BatchBuilder builder({.codec = codec});
    TimestampMs at = kNow;
    while (builder.size_bytes() + value_bytes < batch_bytes || builder.empty()) {
        std::string value(value_bytes, ' ');
        for (char& c : value) c = static_cast<char>('a' + rng.below(rng.chance(0.7) ? 4 : 26));
        builder.append(at, std::nullopt, as_bytes(value));
        at += static_cast<TimestampMs>(rng.below(3));
    }
    return *builder.finish();
}

void report(benchmark::State& state, size_t bytes, int32_t records) {
    state.SetBytesProcessed(static_cast<int64_t>(bytes) * static_cast<int64_t>(state.iterations()));
    state.counters["per_record"] =
        benchmark::Counter(static_cast<double>(records) * static_cast<double>(state.iterations()),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_crc(benchmark::State& state) {
    const auto batch = make_batch(Codec::none, 65536, static_cast<size_t>(state.range(0)));
    for (auto _ : state) benchmark::DoNotOptimize(crc32c(batch));
    report(state, batch.size(), BatchView::parse(batch)->record_count());
}
BENCHMARK(BM_crc)->Arg(100)->Arg(1000);

void BM_validate(benchmark::State& state) {
    const auto codec = static_cast<Codec>(state.range(0));
    auto batch = make_batch(codec, 65536, static_cast<size_t>(state.range(1)));
    const size_t raw = make_batch(Codec::none, 65536, static_cast<size_t>(state.range(1))).size();
    const AppendRules rules{.now = kNow};
    for (auto _ : state) {
        auto result = validate_for_append(batch, rules);
        if (!result) state.SkipWithError(result.error().detail.c_str());
        benchmark::DoNotOptimize(result);
    }
    report(state, raw, BatchView::parse(batch)->record_count());
    state.SetLabel(std::string(codec_name(codec)));
}
BENCHMARK(BM_validate)->ArgsProduct({{0, 1, 2, 3, 4}, {100, 1000}});

void BM_read(benchmark::State& state) {
    const auto batch = make_batch(Codec::none, 65536, static_cast<size_t>(state.range(0)));
    const BatchView view = *BatchView::parse(batch);
    std::vector<uint8_t> scratch;
    for (auto _ : state) {
        size_t bytes = 0;
        (void)for_each_record(view, scratch,
                              [&](const RecordView& r) { bytes += r.value->size(); });
        benchmark::DoNotOptimize(bytes);
    }
    report(state, batch.size(), view.record_count());
}
BENCHMARK(BM_read)->Arg(100)->Arg(1000);

void BM_build(benchmark::State& state) {
    const auto codec = static_cast<Codec>(state.range(0));
    const std::string value(static_cast<size_t>(state.range(1)), 'v');
    size_t bytes = 0;
    int32_t records = 0;
    for (auto _ : state) {
        BatchBuilder builder({.codec = codec});
        while (builder.size_bytes() < 65536) builder.append(kNow, std::nullopt, as_bytes(value));
        bytes = builder.size_bytes();
        records = builder.count();
        benchmark::DoNotOptimize(builder.finish());
    }
    report(state, bytes, records);
    state.SetLabel(std::string(codec_name(codec)));
}
BENCHMARK(BM_build)->ArgsProduct({{0, 4}, {100, 1000}});

void BM_compress(benchmark::State& state) {
    const auto codec = static_cast<Codec>(state.range(0));
    const auto batch = make_batch(Codec::none, 65536, 1000);
    std::vector<uint8_t> out;
    for (auto _ : state) {
        out.clear();
        (void)compress(codec, CompressionLevels{}.of(codec), batch, out);
    }
    report(state, batch.size(), 1);
    state.counters["ratio"] = static_cast<double>(batch.size()) / static_cast<double>(out.size());
    state.SetLabel(std::string(codec_name(codec)));
}
BENCHMARK(BM_compress)->DenseRange(1, 4);

}  // namespace
