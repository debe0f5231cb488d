// Any bytes as a Fetch response's records, as a segment's content and as a Produce request's
// records: no crash, no read outside the input, no unbounded memory; and what validation accepts
// must read back whole.
#include <cstdio>

#include "base/check.h"
#include "protocol/record_batch_validator.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

constexpr size_t kLimit = size_t{1} << 20;

void read(ByteView bytes) {
    std::vector<uint8_t> scratch;
    const auto used = for_each_batch(bytes, [&](BatchView batch) {
        (void)batch.verify_crc();
        (void)for_each_record(
            batch, scratch,
            [](const RecordView& record) {
                size_t size = record.key ? record.key->size() : 0;
                for (const RecordHeader& header : record.headers) size += header.key.size();
                INVARIANT(size <= kLimit);
            },
            kLimit);
    });
    if (used) INVARIANT(*used <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const ByteView input{data + 1, size - 1};
    read(input);

    std::vector<uint8_t> bytes(input.begin(), input.end());
    // A right CRC lets the fuzzer past the first check.
    if (auto batch = MutableBatchView::parse_frame(bytes)) {
        batch->set_producer(batch->producer_id(), batch->producer_epoch(), batch->base_sequence());
    }
    AppendRules rules{.compacted = (data[0] & 1) != 0,
                      .log_append_time = (data[0] & 2) != 0,
                      .now = 1700000000000,
                      .decompressed_bytes_max = kLimit};
    if ((data[0] & 4) != 0) rules.origin = AppendOrigin::coordinator;
    if ((data[0] & 8) != 0) rules.compression = static_cast<Codec>((data[0] >> 4) % 5);
    rules.levels.zstd = 1;
    const auto result = validate_for_append(bytes, rules);
    if (!result) return 0;
    INVARIANT(result->batch.verify_crc());
    std::vector<uint8_t> scratch;
    int32_t count = 0;
    const auto again =
        for_each_record(result->batch, scratch, [&](const RecordView&) { ++count; }, kLimit);
    if (!again) std::fputs(again.error().describe().c_str(), stderr);
    INVARIANT(again);
    INVARIANT(count == result->batch.record_count());
    return 0;
}
