#include <benchmark/benchmark.h>

#include "base/metrics.h"
#include "base/random.h"

namespace {

void record(benchmark::State& state) {
    millrace::metrics::Histogram h;
    millrace::Rng rng{1};
    std::vector<uint64_t> values(4096);
    for (uint64_t& v : values) v = rng.next() >> (34 + rng.next() % 20);
    size_t i = 0;
    for (auto _ : state) h.record(values[++i & 4095]);
    benchmark::DoNotOptimize(h.count());
}
BENCHMARK(record);

}  // namespace
