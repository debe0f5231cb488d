// Any bytes in any file of a log directory give a log or an error, never a crash: the first byte
// chooses the file, the rest is its content or a change to a sound one.
#include <cstddef>
#include <cstdint>

#include "storage/checkpoint_files.h"
#include "storage/log_manager.h"
#include "storage/producer_state.h"
#include "storage/test_place.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

void ask_everything(TestPlace& place, Log& log) {
    log.set_high_watermark(log.end_offset());
    Offset from = log.start_offset();
    for (int i = 0; i < 20 && from < log.end_offset(); ++i) {
        auto result = place.run(log.read({from, log.end_offset(), 500, true}));
        if (!result || result->next_offset <= from) break;
        from = result->next_offset;
    }
    (void)place.run(log.aborted_transactions(0, log.end_offset()));
    (void)place.run(log.offset_for_timestamp(1005, log.end_offset()));
    (void)place.run(log.offset_for_timestamp(kMaxTimestamp, log.end_offset()));
    (void)log.append_as_leader(to_append(make_batch(1, "new")), {.now = 5000});
    (void)place.run(log.truncate_to(log.end_offset() / 2));
    (void)place.run(log.close());
}

// A sound log of a few segments, in memory.
const std::map<std::string, std::string>& sound_files() {
    static const std::map<std::string, std::string> files = [] {
        TestPlace place;
        auto log = *place.open({.directory = place.root + "/t-0",
                                .partition = {"t", 0},
                                .config = {.segment_bytes = 500, .index_interval_bytes = 60},
                                .clean = true});
        for (int i = 0; i < 12; ++i)
            (void)log->append_as_leader(
                to_append(make_batch(
                    2, "0123456789",
                    {.producer_id = 1, .producer_epoch = 0, .base_sequence = 2 * i}, 1000 + i)),
                {.leader_epoch = i / 4, .now = 5000});
        (void)place.run(log->close());
        log.reset();
        std::map<std::string, std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(place.root + "/t-0"))
            found[entry.path().filename()] = *place.disk.read_file(entry.path(), 1 << 20);
        return found;
    }();
    return files;
}

void open_changed(ByteView input) {
    TestPlace place;
    const std::string directory = place.root + "/t-0";
    std::filesystem::create_directories(directory);
    const auto& files = sound_files();
    size_t chosen = input[0] % files.size();
    const bool clean = input[0] & 0x80;
    const Offset recovery_point = input.size() > 1 ? input[1] % 30 : 0;
    for (const auto& [name, content] : files) {
        std::string bytes = content;
        if (chosen-- == 0)
            for (size_t i = 2; i + 2 < input.size(); i += 3) {
                const size_t at = static_cast<size_t>(input[i] | input[i + 1] << 8);
                if (at < bytes.size())
                    bytes[at] = static_cast<char>(input[i + 2]);
                else
                    bytes.resize(at % (bytes.size() + 100));
            }
        if (!place.disk.write_file(directory + "/" + name, bytes)) std::abort();
    }
    auto log = place.open({.directory = directory,
                           .partition = {"t", 0},
                           .config = {.segment_bytes = 500, .index_interval_bytes = 60},
                           .recovery_point = recovery_point,
                           .clean = clean,
                           .now = 5000});
    if (log) ask_everything(place, **log);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    const ByteView input{data, size};
    const ByteView rest = input.subspan(1);
    switch (data[0] % 8) {
        case 0:
            (void)parse_offset_checkpoint(as_text(rest));
            break;
        case 1:
            (void)parse_epoch_checkpoint(as_text(rest));
            break;
        case 2:
            (void)parse_partition_metadata(as_text(rest));
            (void)parse_clean_shutdown(as_text(rest));
            (void)MetaProperties::parse(as_text(rest));
            break;
        case 3: {
            ProducerState state;
            (void)state.load_snapshot(rest, 0, 1);
            break;
        }
        default:
            if (!rest.empty()) open_changed(rest);
    }
    return 0;
}
