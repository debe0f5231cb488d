// What an append and a read cost: on a real file system, in CPU time of this thread.
#include <benchmark/benchmark.h>

#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

constexpr TimestampMs kNow = 1'000'000;

struct Bench : TestPlace {
    Bench() {
        auto opened = open({.directory = root + "/t-0",
                            .partition = {"t", 0},
                            .config = {.segment_bytes = 256 << 20},
                            .clean = true,
                            .now = kNow});
        log = *std::move(opened);
    }
    ~Bench() { log.reset(); }
    void append(const std::vector<uint8_t>& batch) {
        auto owner = std::make_shared<std::vector<uint8_t>>(batch);
        const MutableByteView view{*owner};
        auto done = log->append_as_leader({view, std::move(owner), 0}, {.now = kNow});
        if (!done) std::abort();
        // Bounded disk: the oldest segments go.
        if (log->size_bytes() > (uint64_t{1} << 30)) {
            log->set_high_watermark(log->end_offset());
            if (!log->delete_records(-1, kNow) || !run(log->apply_retention(kNow))) std::abort();
            run(shard->delete_due(INT64_MAX));
        }
    }
    std::unique_ptr<Log> log;
};

void append(benchmark::State& state) {
    Bench bench;
    const auto size = static_cast<size_t>(state.range(0));
    const auto batch = make_batch(1, std::string(size, 'x'), {}, kNow);
    for (auto _ : state) bench.append(batch);
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.size()));
}
BENCHMARK(append)->Arg(100)->Arg(1000)->Arg(64 << 10)->Arg(1000 << 10);

// The same bytes without a log: what the system call, the CRC and the copy of the bench cost.
void write_only(benchmark::State& state) {
    Bench bench;
    const auto size = static_cast<size_t>(state.range(0));
    const auto batch = make_batch(1, std::string(size, 'x'), {}, kNow);
    const auto file = *bench.disk.open(bench.root + "/plain", runtime::OpenMode::create);
    uint64_t position = 0;
    for (auto _ : state) {
        auto owner = std::make_shared<std::vector<uint8_t>>(batch);
        benchmark::DoNotOptimize(protocol::BatchView::parse(*owner)->verify_crc());
        const ByteView part{*owner};
        if (!file->write_at(position, {&part, 1})) std::abort();
        position += part.size();
        if (position > (1u << 30)) {
            if (!file->truncate(0)) std::abort();
            position = 0;
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(batch.size()));
}
BENCHMARK(write_only)->Arg(100)->Arg(1000)->Arg(64 << 10)->Arg(1000 << 10);

void read_newest(benchmark::State& state) {
    Bench bench;
    for (int i = 0; i < 1000; ++i) bench.append(make_batch(1, std::string(100, 'x'), {}, kNow));
    const Offset end = bench.log->end_offset();
    for (auto _ : state)
        if (bench.log->read_now({end - 1, end, 1 << 20, true})->records.empty()) std::abort();
}
BENCHMARK(read_newest);

void read_old(benchmark::State& state) {
    Bench bench;
    for (int i = 0; i < 2000; ++i)
        bench.append(make_batch(1, std::string(64 << 10, 'x'), {}, kNow));
    const Offset end = bench.log->end_offset();
    Offset from = 0;
    for (auto _ : state) {
        auto result = bench.run(bench.log->read({from, end, 1 << 20, true}));
        if (!result) std::abort();
        from = result->next_offset > end - 1000 ? 0 : result->next_offset;
    }
}
BENCHMARK(read_old);

void open_empty(benchmark::State& state) {
    TestPlace place;
    const std::string directory = place.root + "/t-0";
    place.fresh_shard();
    std::filesystem::create_directories(directory);
    if (!place.disk.write_file(directory + "/partition.metadata",
                               "version: 0\ntopic_id: 1fsMMVl-TKKFN__LTbtwCg"))
        std::abort();
    for (auto _ : state) {
        LogOpen how{.directory = directory, .partition = {"t", 0}, .now = kNow};
        if (!place.run(Log::open(*place.shard, std::move(how)))) std::abort();
    }
}
BENCHMARK(open_empty);

}  // namespace
