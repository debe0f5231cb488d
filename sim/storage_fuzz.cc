// A partition's directory whose files are damaged in any way gives a log or an error, never a
// crash; and a log that opened can be asked, appended to, cut, closed and opened again. One that was
// recovered from its start is then the same.
//
// The input says how to open and ask it (seven bytes), then damages, one after the other: what, to
// which file, where (u16), and what that needs. The files begin as those of a sound log of several
// segments, on a simulated disk, so that a run makes no system call.
#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "protocol/record_batch_builder.h"
#include "sim/sim_disk.h"
#include "storage/file_names.h"
#include "storage/log.h"
#include "storage/shard.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::storage;

namespace {

const std::string kDirectory = "/t-0";
constexpr LogConfig kConfig{
    .segment_bytes = 600, .index_interval_bytes = 60, .timestamp_after_max_ms = INT64_MAX};
constexpr size_t kFileBytesMax = 2000;

using Files = std::map<std::string, std::vector<uint8_t>>;

struct Place {
    explicit Place(uint64_t seed) : sim(seed) { INVARIANT(disk.make_directories(kDirectory)); }

    template <typename T>
    T run(runtime::Task<T> task) {
        auto result = sim.run(loop, std::move(task));
        INVARIANT(result.has_value());
        return *std::move(result);
    }
    Result<std::unique_ptr<Log>> open(LogOpen how) {
        how.directory = kDirectory;
        how.partition = {"t", 0};
        how.now = 5000;
        return run(Log::open(shard, std::move(how)));
    }

    Simulation sim;
    SimLoop loop{sim};
    SimDisk disk{sim};
    Shard shard{disk, {}};
};

AppendBytes batch(protocol::BatchOptions options, TimestampMs timestamp,
                  std::optional<protocol::ControlType> marker = {}) {
    options.control = marker.has_value();
    protocol::BatchBuilder builder(options);
    if (marker) {
        builder.append_control(timestamp, *marker, protocol::encode_end_txn_marker(1));
    } else {
        builder.append(timestamp, std::nullopt, as_bytes("0123456789"));
        builder.append(timestamp + 1, as_bytes("key"), as_bytes("0123456789"));
    }
    auto owner = std::make_shared<std::vector<uint8_t>>(*builder.finish());
    const MutableByteView view{*owner};
    return {view, std::move(owner)};
}

// Idempotent batches, and an aborted transaction in each leader epoch.
Files make_sound_files() {
    Place place(0);
    auto log = *place.open({.config = kConfig, .clean = true});
    INVARIANT(log->set_topic_id(Uuid{1, 2}));
    for (int i = 0; i < 16; ++i) {
        const auto epoch = static_cast<LeaderEpoch>(i / 4);
        const TimestampMs time = 1000 + 10 * i;
        const LeaderAppend how{
            .leader_epoch = epoch, .now = 5000, .origin = protocol::AppendOrigin::coordinator};
        protocol::BatchOptions from{.producer_id = 1, .producer_epoch = 0, .base_sequence = 2 * i};
        if (i % 4 == 2) from = {.producer_id = 2, .producer_epoch = 0, .base_sequence = i / 2 - 1};
        from.transactional = i % 4 == 2;
        if (i % 4 == 3) {
            from = {.producer_id = 2, .producer_epoch = 0, .transactional = true};
            (void)log->append_as_leader(batch(from, time, protocol::ControlType::abort), how);
        } else {
            (void)log->append_as_leader(batch(from, time), how);
        }
    }
    INVARIANT(place.run(log->close()));
    log.reset();
    Files files;
    for (const auto& entry : *place.disk.list(kDirectory)) {
        const auto text = *place.disk.read_file(kDirectory + "/" + entry.name, 1u << 20);
        files[entry.name].assign(text.begin(), text.end());
    }
    return files;
}

class Input {
public:
    explicit Input(ByteView bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    ByteView take(size_t count) {
        const ByteView out = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(out.size());
        return out;
    }
    uint8_t byte() {
        const ByteView one = take(1);
        return one.empty() ? uint8_t{0} : one[0];
    }
    size_t u16() {
        const size_t low = byte();
        return low | size_t{byte()} << 8;
    }

private:
    ByteView bytes_;
};

void write_over(std::vector<uint8_t>& file, size_t at, ByteView bytes) {
    if (file.size() < at + bytes.size()) file.resize(at + bytes.size());
    std::ranges::copy(bytes, file.begin() + static_cast<ptrdiff_t>(at));
}

// Right CRCs in every whole batch of the file.
void mend(std::vector<uint8_t>& file) {
    for (size_t at = 0; at < file.size();) {
        auto batch = protocol::MutableBatchView::parse_frame(MutableByteView{file}.subspan(at));
        if (!batch) return;
        at += batch->size_bytes();
        batch->set_producer(batch->producer_id(), batch->producer_epoch(), batch->base_sequence());
    }
}

void damage(Files& files, Input& input) {
    const uint8_t what = input.byte();
    if (files.empty()) return;
    const auto target = std::next(files.begin(), input.byte() % static_cast<int>(files.size()));
    std::vector<uint8_t>& file = target->second;
    const size_t at = input.u16() % kFileBytesMax;
    constexpr std::string_view kMarks[] = {kSwapSuffix, kCleanedSuffix, kDeletedSuffix};
    switch (what % 9) {
        case 0:
            return write_over(file, at, input.take(1));
        case 1:
            return write_over(file, at, input.take(8));
        case 2:
            return write_over(file, at, input.take(input.byte()));
        case 3:
            return file.resize(at);
        case 4:
            file.erase(
                file.begin() + static_cast<ptrdiff_t>(std::min(at, file.size())),
                file.begin() + static_cast<ptrdiff_t>(std::min(at + input.byte(), file.size())));
            return;
        case 5:
            files.erase(target);
            return;
        case 6: {
            const auto name = target->first + std::string{kMarks[at % 3]};
            auto content = std::move(file);
            files.erase(target);
            files[name] = std::move(content);
            return;
        }
        case 7: {
            const auto name = parse_offset_file(target->first);
            if (!name) return;
            const auto path = offset_file_path("", static_cast<Offset>(at % 64), name->kind);
            files[path.substr(path.rfind('/') + 1) + std::string{name->mark}] = std::vector(file);
            return;
        }
        default:
            return mend(file);
    }
}

void ask_everything(Place& place, Log& log, Input& how) {
    log.set_high_watermark(log.end_offset());
    Offset from = log.start_offset();
    for (int i = 0; i < 20 && from < log.end_offset(); ++i) {
        auto result = place.run(log.read({from, log.end_offset(), 500, true}));
        if (!result || result->next_offset <= from) break;
        from = result->next_offset;
    }
    (void)place.run(log.aborted_transactions(log.start_offset(), log.end_offset()));
    (void)place.run(log.offset_for_timestamp(1000 + how.byte(), log.end_offset()));
    (void)place.run(log.offset_for_timestamp(kMaxTimestamp, log.end_offset()));
    (void)log.epoch_at(log.start_offset() + how.byte() % 32);
    (void)log.end_of_epoch(how.byte() % 8);
    (void)log.producers();
    const uint8_t cut = how.byte();
    if (cut & 1) (void)place.run(log.truncate_to(std::max<Offset>(log.end_offset() - cut % 16, 0)));
    if (cut & 2) (void)log.delete_records(log.start_offset() + cut % 16, 5000);
    if (cut & 4) (void)place.run(log.apply_retention(6000));
    if (cut & 8) (void)place.run(log.save());
    place.run(place.shard.delete_due(INT64_MAX));
}

void open_again(Place& place, std::unique_ptr<Log> log, const LogConfig& config, bool verified) {
    // A cut inside of a batch leaves a hole at the end, which only an append makes last.
    if (!log->append_as_leader(batch({}, 1000), {.leader_epoch = 9, .now = 5000})) return;
    const Offset start = log->start_offset();
    const Offset end = log->end_offset();
    const LeaderEpoch epoch = log->epoch_at(end - 1);
    if (!place.run(log->close())) return;
    log.reset();
    auto again = place.open({.config = config,
                             .log_start = start,
                             .recovery_point = end,
                             .high_watermark = end,
                             .clean = true});
    if (verified) {
        if (!again) std::fputs(again.error().describe().c_str(), stderr);
        INVARIANT(again.has_value());
        INVARIANT((*again)->start_offset() == start);
        INVARIANT((*again)->end_offset() == end);
        INVARIANT((*again)->epoch_at(end - 1) == epoch);
    }
    if (again) (void)place.run((*again)->close());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Files sound_files = make_sound_files();
    if (size < 4 || size > 1024) return 0;
    Input input{ByteView{data, size}};
    const uint8_t flags = input.byte();
    const bool clean = (flags & 1) != 0;
    const auto chosen_point = static_cast<Offset>(input.byte() % 40);
    const Offset recovery_point = (flags & 8) != 0 ? 0 : chosen_point;
    const auto log_start = static_cast<Offset>(input.byte() % 40);
    Input how{input.take(4)};
    Files files = sound_files;
    while (!input.empty()) damage(files, input);

    Place place(flags);
    place.disk.faults.cold_chance = (flags & 4) != 0 ? 0.3 : 0;
    for (const auto& [name, content] : files)
        INVARIANT(place.disk.write_file(kDirectory + "/" + name, as_text(content)));
    LogConfig config = kConfig;
    config.cleanup_compact = (flags & 2) != 0;
    config.retention_bytes = 700;
    auto log = place.open({.config = config,
                           .log_start = log_start,
                           .recovery_point = recovery_point,
                           .high_watermark = recovery_point,
                           .clean = clean});
    if (!log) return 0;
    ask_everything(place, **log, how);
    // Segments before the recovery point, or of a log that was stopped cleanly, are trusted: only
    // those that a recovery has read must still be the same.
    open_again(place, *std::move(log), config, !clean && recovery_point == 0);
    return 0;
}
