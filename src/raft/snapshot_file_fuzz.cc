// Any bytes as a metadata snapshot, as the file quorum-state, or as a snapshot's name, by the first
// byte: no crash, no unbounded memory; and what was read is the same after being written again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "raft/quorum_state.h"
#include "raft/snapshot_file.h"

using namespace millrace;
using namespace millrace::raft;

namespace {

using Records = std::vector<std::vector<uint8_t>>;

Result<SnapshotContent> read(ByteView file, Records& records) {
    return read_snapshot(file, [&](ByteView record) -> Result<void> {
        records.emplace_back(record.begin(), record.end());
        return {};
    });
}

// With `sound` the batches get right CRCs, which lets the fuzzer past the first check.
void fuzz_snapshot(ByteView input, bool sound) {
    std::vector<uint8_t> bytes(input.begin(), input.end());
    for (size_t at = 0; sound && at < bytes.size();) {
        auto batch = protocol::MutableBatchView::parse_frame(MutableByteView{bytes}.subspan(at));
        if (!batch) break;
        at += batch->size_bytes();
        batch->set_producer(batch->producer_id(), batch->producer_epoch(), batch->base_sequence());
    }
    Records records;
    const auto content = read(bytes, records);
    if (!content) return;
    SnapshotWriter writer({.last_contained_timestamp = content->last_contained_timestamp});
    for (const auto& record : records) writer.append(record);
    const auto file = writer.finish();
    INVARIANT(file);
    Records again;
    const auto reread = read(as_bytes(*file), again);
    INVARIANT(reread && again == records);
    INVARIANT(reread->last_contained_timestamp == content->last_contained_timestamp);
}

void fuzz_quorum_state(std::string_view text) {
    const auto state = parse_quorum_state(text);
    if (!state) return;
    const auto again = parse_quorum_state(format_quorum_state(*state, 1, {}));
    INVARIANT(again && *again == *state);
}

void fuzz_name(std::string_view name) {
    (void)is_snapshot_leftover(name);
    const auto id = parse_snapshot_file_name(name);
    if (id) INVARIANT(snapshot_file_name(*id) == name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const ByteView rest{data + 1, size - 1};
    switch (data[0] % 4) {
        case 0:
            fuzz_snapshot(rest, false);
            break;
        case 1:
            fuzz_snapshot(rest, true);
            break;
        case 2:
            fuzz_quorum_state(as_text(rest));
            break;
        default:
            fuzz_name(as_text(rest));
    }
    return 0;
}
