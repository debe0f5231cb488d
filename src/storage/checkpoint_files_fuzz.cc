// Any text in the small files of a log directory, by the first byte: read without a crash, and what
// was read is the same after being written and read again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/crc32c.h"
#include "storage/checkpoint_files.h"
#include "storage/file_names.h"
#include "storage/log_manager.h"
#include "storage/producer_state.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

void fuzz_offsets(std::string_view text) {
    const auto offsets = parse_offset_checkpoint(text);
    if (!offsets) return;
    OffsetCheckpointText out;
    for (const auto& [partition, offset] : *offsets) out.add(partition, offset);
    const auto again = parse_offset_checkpoint(out.finish());
    INVARIANT(again && *again == *offsets);
}

void fuzz_epochs(std::string_view text) {
    const auto epochs = parse_epoch_checkpoint(text);
    if (!epochs) return;
    const auto again = parse_epoch_checkpoint(format_epoch_checkpoint(*epochs));
    INVARIANT(again && *again == *epochs);
}

void fuzz_partition_metadata(std::string_view text) {
    const auto id = parse_partition_metadata(text);
    if (!id) return;
    const auto again = parse_partition_metadata(format_partition_metadata(*id));
    INVARIANT(again && *again == *id);
}

void fuzz_clean_shutdown(std::string_view text) {
    const auto epoch = parse_clean_shutdown(text);
    if (!epoch) return;
    const auto again = parse_clean_shutdown(format_clean_shutdown(*epoch));
    INVARIANT(again && *again == *epoch);
}

void fuzz_meta_properties(std::string_view text) {
    const auto meta = MetaProperties::parse(text);
    if (!meta) return;
    const auto again = MetaProperties::parse(meta->format());
    INVARIANT(again && again->cluster_id == meta->cluster_id && again->node_id == meta->node_id &&
              again->directory_id == meta->directory_id);
}

void fuzz_producer_snapshot(ByteView bytes) {
    // A right CRC lets the fuzzer past the first check: int16 version, uint32 CRC of the rest.
    std::vector<uint8_t> sound(bytes.begin(), bytes.end());
    if (sound.size() >= 6) store_be(sound.data() + 2, crc32c(ByteView{sound}.subspan(6)));
    ProducerState state;
    (void)state.load_snapshot(bytes, 0, INT64_MAX);
    if (!state.load_snapshot(sound, 0, INT64_MAX)) return;
    (void)state.active();
    (void)state.first_unstable();
    const auto first = state.encode_snapshot();
    ProducerState again;
    INVARIANT(again.load_snapshot(first, 0, INT64_MAX));
    INVARIANT(again.first_unstable() == state.first_unstable());
    INVARIANT(again.active().size() == state.active().size());
}

void fuzz_file_name(std::string_view name) {
    const auto file = parse_offset_file(name);
    if (!file) return;
    const std::string path = offset_file_path("d", file->offset, file->kind);
    INVARIANT(path + std::string{file->mark} == join_path("d", name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const ByteView rest{data + 1, size - 1};
    switch (data[0] % 7) {
        case 0:
            fuzz_offsets(as_text(rest));
            break;
        case 1:
            fuzz_epochs(as_text(rest));
            break;
        case 2:
            fuzz_partition_metadata(as_text(rest));
            break;
        case 3:
            fuzz_clean_shutdown(as_text(rest));
            break;
        case 4:
            fuzz_meta_properties(as_text(rest));
            break;
        case 5:
            fuzz_producer_snapshot(rest);
            break;
        default:
            fuzz_file_name(as_text(rest));
    }
    return 0;
}
