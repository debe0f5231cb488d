// A process that dies at each step of a cleaning in turn: the next start finds the old records or the new ones,
// and no file left over.
#include <doctest/doctest.h>

#include "storage/file_names.h"
#include "storage/log_clean.h"
#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

using runtime::OpenMode;
using runtime::Task;

// A process that dies needs nothing to be durable: no time is spent on it.
class UnsyncedFile final : public runtime::File {
public:
    explicit UnsyncedFile(std::shared_ptr<runtime::File> file) : file_(std::move(file)) {}
    Result<void> write_at(uint64_t position, std::span<const ByteView> parts) override {
        return file_->write_at(position, parts);
    }
    Result<size_t> read_at_now(uint64_t position, MutableByteView into) override {
        return file_->read_at_now(position, into);
    }
    Task<Result<size_t>> read_at(uint64_t position, MutableByteView into) override {
        co_return co_await file_->read_at(position, into);
    }
    Task<Result<void>> sync() override { co_return Result<void>{}; }
    Result<void> truncate(uint64_t size) override { return file_->truncate(size); }
    Result<void> reserve(uint64_t size) override { return file_->reserve(size); }
    Result<uint64_t> size() override { return file_->size(); }

private:
    std::shared_ptr<runtime::File> file_;
};

// Fails every change of a name from the `steps`th on, and all that comes after: the process is dead.
class DyingDisk final : public runtime::Disk {
public:
    explicit DyingDisk(runtime::Disk& disk) : disk_(disk) {}

    size_t steps = SIZE_MAX;
    bool dead = false;

    Result<std::shared_ptr<runtime::File>> open(const std::string& path, OpenMode mode) override {
        if (mode == OpenMode::create) TRY_OK(step());
        TRY_OK(alive());
        TRY(auto file, disk_.open(path, mode));
        return std::make_shared<UnsyncedFile>(std::move(file));
    }
    Result<std::vector<runtime::DirEntry>> list(const std::string& path) override {
        TRY_OK(alive());
        return disk_.list(path);
    }
    Result<runtime::FileInfo> info(const std::string& path) override { return disk_.info(path); }
    Result<void> make_directories(const std::string& path) override {
        return disk_.make_directories(path);
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        if (!disk_.info(from)) return fail(ErrorCode::not_found, from);
        TRY_OK(step());
        return disk_.rename(from, to);
    }
    Result<void> remove(const std::string& path) override {
        TRY_OK(step());
        return disk_.remove(path);
    }
    Task<Result<void>> remove_all(std::string path) override {
        CO_TRY_OK(step());
        co_return co_await disk_.remove_all(path);
    }
    Result<void> set_modified(const std::string& path, int64_t modified_ms) override {
        TRY_OK(alive());
        return disk_.set_modified(path, modified_ms);
    }
    Task<Result<void>> sync_directory(const std::string& path) override {
        CO_TRY_OK(disk_.info(path));
        co_return alive();
    }
    Result<runtime::DiskSpace> space(const std::string& path) override { return disk_.space(path); }
    Result<std::string> read_file(const std::string& path, size_t size_max) override {
        return disk_.read_file(path, size_max);
    }
    Result<void> write_file(const std::string& path, std::string_view content) override {
        TRY_OK(step());
        return disk_.write_file(path, content);
    }
    Task<Result<void>> replace_file(std::string path, std::string content) override {
        CO_TRY_OK(step());
        co_return disk_.write_file(path, content);
    }
    Result<std::shared_ptr<void>> lock(const std::string& path) override {
        return disk_.lock(path);
    }

private:
    Result<void> alive() const {
        if (dead) return fail(ErrorCode::io_error, "the process is dead");
        return {};
    }
    Result<void> step() {
        if (steps == 0) dead = true;
        if (steps > 0) --steps;
        return alive();
    }
    runtime::Disk& disk_;
};

struct Place : TestPlace {
    Place() { reopen(true, 0); }
    ~Place() { log.reset(); }

    void reopen(bool clean, Offset recovery_point) {
        log.reset();
        dying.dead = false;
        dying.steps = SIZE_MAX;
        shard.emplace(dying, shard_limits);
        auto opened = open({.directory = root + "/t-0",
                            .partition = {"t", 0},
                            .config = {.segment_bytes = 400,
                                       .cleanup_delete = false,
                                       .cleanup_compact = true,
                                       .timestamp_after_max_ms = INT64_MAX},
                            .recovery_point = recovery_point,
                            .clean = clean,
                            .now = kNow});
        if (!opened) FAIL(opened.error().describe());
        log = *std::move(opened);
        log->set_high_watermark(log->end_offset());
    }
    void append(std::vector<uint8_t> batch, protocol::AppendOrigin origin) {
        auto done =
            log->append_as_leader(to_append(std::move(batch)), {.now = kNow, .origin = origin});
        if (!done) FAIL(done.error().detail);
        log->set_high_watermark(log->end_offset());
    }
    // Some keys, some of them in transactions of which every other one is aborted.
    void fill() {
        for (int i = 0; i < 20; ++i) {
            const bool transactional = i % 3 == 0;
            protocol::BatchOptions options;
            if (transactional)
                options = {.producer_id = 7,
                           .producer_epoch = 0,
                           .base_sequence = sequence++,
                           .transactional = true};
            protocol::BatchBuilder builder(options);
            const std::string key = fmt::format("k{}", i * 7 % 10);
            const std::string value = fmt::format("v{}", i);
            builder.append(kNow, as_bytes(key), as_bytes(value));
            append(*builder.finish(), protocol::AppendOrigin::client);
            if (transactional)
                append(make_marker(i % 2 == 0, 7, 0, 1), protocol::AppendOrigin::coordinator);
        }
        REQUIRE(log->roll(kNow).has_value());
    }
    Result<CleanReport> clean() {
        auto range = run(log->cleanable(kNow));
        if (!range) return range.error();
        return run(log->clean(*range,
                              {.workers = workers,
                               .budget = budget,
                               .hasher = KeyHasher(1, 2),
                               .map_bytes = 1 << 20,
                               .load_factor = 0.9,
                               .piece_bytes = 150},
                              kNow));
    }
    // The last committed value of each key.
    std::map<std::string, std::string> values() {
        std::map<std::string, std::string> found;
        const auto aborts = run(log->aborted_transactions(0, log->end_offset()));
        REQUIRE(aborts.has_value());
        std::set<Offset> aborted;
        for (const AbortedTransaction& a : *aborts) aborted.insert(a.first_offset);
        Offset from = log->start_offset();
        std::vector<uint8_t> scratch;
        while (from < log->end_offset()) {
            auto result = run(log->read({from, log->end_offset(), 300, true}));
            if (!result) FAIL(result.error().describe());
            const auto whole =
                protocol::for_each_batch(flatten(result->records), [&](protocol::BatchView batch) {
                    CHECK(batch.verify_crc());
                    if (batch.is_control() || aborted.contains(batch.base_offset())) return;
                    (void)protocol::for_each_record(
                        batch, scratch, [&](const protocol::RecordView& r) {
                            found[std::string{as_text(*r.key)}] = as_text(*r.value);
                        });
                });
            REQUIRE(whole.has_value());
            from = result->next_offset;
        }
        return found;
    }
    size_t leftovers() const {
        size_t count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(root + "/t-0")) {
            const auto name = parse_offset_file(entry.path().filename().string());
            count += name && !name->mark.empty();
        }
        return count;
    }

    static constexpr TimestampMs kNow = 1'000'000;
    DyingDisk dying{disk};
    runtime::LinuxWorkers workers{pool};
    runtime::CancelSource stop;
    IoBudget budget{loop, stop.token()};
    int32_t sequence = 0;
    std::unique_ptr<Log> log;
};

}  // namespace

TEST_CASE("a process may die at any step of a cleaning") {
    bool finished = false;
    size_t steps = 0;
    for (; !finished; ++steps) {
        CAPTURE(steps);
        REQUIRE(steps < 1000);
        Place place;
        place.fill();
        const auto expected = place.values();
        REQUIRE(expected.size() == 10);
        REQUIRE(place.run(place.log->save()).has_value());
        const Offset end = place.log->end_offset();
        place.dying.steps = steps;
        const auto report = place.clean();
        finished = report.has_value();
        // Recovery itself may die as well, and is begun again.
        place.log.reset();
        const Offset recovery_point = end;
        if (steps % 2 == 1) {
            place.dying.dead = false;
            place.dying.steps = steps % 7;
            place.shard.emplace(place.dying, place.shard_limits);
            (void)place.open({.directory = place.root + "/t-0",
                              .partition = {"t", 0},
                              .config = {.cleanup_delete = false, .cleanup_compact = true},
                              .recovery_point = recovery_point,
                              .now = Place::kNow});
        }
        place.reopen(false, recovery_point);
        CHECK(place.leftovers() == 0);
        CHECK(place.log->end_offset() == end);
        CHECK(place.values() == expected);
        // And it can be cleaned as if nothing had been.
        REQUIRE(place.clean().has_value());
        CHECK(place.values() == expected);
        place.reopen(false, recovery_point);
        CHECK(place.values() == expected);
    }
    CHECK(steps > 30);
}
