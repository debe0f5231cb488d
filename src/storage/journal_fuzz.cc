// Any bytes as a journal file: the scan ends, stays inside of them, and takes nothing twice.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/crc32c.h"
#include "storage/journal_format.h"

using namespace millrace;
using namespace millrace::storage;

namespace {

void scan(ByteView file) {
    const JournalFileView view = scan_journal_file(file);
    uint64_t last = 0;
    size_t end = 0;
    for (const JournalGroupView& group : view.groups) {
        INVARIANT(group.sequence > last && group.position >= end);
        last = group.sequence;
        end = group.position + kGroupHeaderBytes;
        for (const JournalEntry& entry : group.entries) {
            INVARIANT(entry.batches.data() >= file.data());
            INVARIANT(entry.batches.data() + entry.batches.size() <= file.data() + file.size());
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteView input{data, size};
    scan(input);
    // With a checksum that fits, so that the entries are reached.
    if (size < kGroupHeaderBytes) return 0;
    std::vector<uint8_t> file(input.begin(), input.end());
    store_be(file.data(), uint32_t{0x4d524a31});
    store_be(file.data() + 16, static_cast<uint32_t>(size - kGroupHeaderBytes));
    store_be(file.data() + 4, crc32c(ByteView{file}.subspan(8)));
    scan(file);
    return 0;
}
