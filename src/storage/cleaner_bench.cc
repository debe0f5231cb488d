// What compaction costs: bytes of a dirty log cleaned for a second of CPU time, of all threads, on
// a real file system. A byte is read twice (keys, then copy) and what stays is written once.
#include <benchmark/benchmark.h>

#include "storage/log_clean.h"
#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

constexpr TimestampMs kNow = 1'000'000;
constexpr uint64_t kLogBytes = 64u << 20;

struct Dirty : TestPlace {
    // Records with keys out of `keys` and values of `value_bytes`, `batch_records` in a batch.
    Dirty(uint64_t keys, size_t value_bytes, int batch_records, protocol::Codec codec) {
        auto opened = open({.directory = root + "/t-0",
                            .partition = {"t", 0},
                            .config = {.segment_bytes = 16 << 20,
                                       .cleanup_delete = false,
                                       .cleanup_compact = true,
                                       .timestamp_after_max_ms = INT64_MAX},
                            .clean = true,
                            .now = kNow});
        log = *std::move(opened);
        std::string value(value_bytes, ' ');
        uint64_t bytes = 0;
        while (bytes < kLogBytes) {
            protocol::BatchBuilder builder({.codec = codec});
            for (int i = 0; i < batch_records; ++i) {
                for (char& c : value) c = static_cast<char>('a' + rng.below(8));
                const std::string key = fmt::format("user-{:012}", rng.below(keys));
                builder.append(kNow, as_bytes(key), as_bytes(value));
            }
            bytes += builder.size_bytes();
            if (!log->append_as_leader(to_append(*builder.finish()), {.now = kNow})) std::abort();
        }
        if (!log->roll(kNow)) std::abort();
        log->set_high_watermark(log->end_offset());
        if (!run(log->save())) std::abort();
        logical_bytes = bytes;
    }
    ~Dirty() { log.reset(); }
    CleanReport clean() {
        auto range = run(log->cleanable(kNow));
        auto report = run(log->clean(*range,
                                     {.workers = workers,
                                      .budget = budget,
                                      .hasher = KeyHasher(1, 2),
                                      .map_bytes = 128 << 20,
                                      .load_factor = 0.9,
                                      .piece_bytes = 256 << 10},
                                     kNow));
        if (!report) std::abort();
        return *report;
    }

    Rng rng{1};
    uint64_t logical_bytes = 0;
    runtime::LinuxWorkers workers{pool};
    runtime::CancelSource stop;
    IoBudget budget{loop, stop.token()};
    std::unique_ptr<Log> log;
};

void clean(benchmark::State& state) {
    uint64_t bytes = 0;
    double kept = 0;
    for (auto _ : state) {
        state.PauseTiming();
        {
            Dirty dirty(static_cast<uint64_t>(state.range(0)), static_cast<size_t>(state.range(1)),
                        static_cast<int>(state.range(2)),
                        static_cast<protocol::Codec>(state.range(3)));
            state.ResumeTiming();
            const CleanReport report = dirty.clean();
            state.PauseTiming();
            bytes += dirty.logical_bytes;
            kept =
                static_cast<double>(report.bytes_written) / static_cast<double>(report.bytes_read);
        }
        state.ResumeTiming();
    }
    state.SetBytesProcessed(static_cast<int64_t>(bytes));
    state.counters["kept"] = kept;
}
// Many keys of which nearly all stay, few of which nearly all go, and half each.
BENCHMARK(clean)
    ->ArgNames({"keys", "value", "batch", "codec"})
    ->Args({1 << 30, 1000, 16, 0})
    ->Args({1000, 1000, 16, 0})
    ->Args({30'000, 1000, 16, 0})
    ->Args({200'000, 100, 100, 0})
    ->Args({200'000, 100, 100, 3})
    ->Args({200'000, 100, 100, 4})
    ->Iterations(3)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
