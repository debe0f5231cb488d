#include "storage/journal_format.h"

#include <algorithm>
#include <array>

#include "base/crc32c.h"

namespace millrace::storage {
namespace {

constexpr std::array<uint8_t, 4> kMagic{'M', 'R', 'J', '1'};
constexpr size_t kNameBytesMax = 255;

size_t aligned(size_t bytes) {
    return (bytes + kJournalAlignment - 1) / kJournalAlignment * kJournalAlignment;
}

Error unsound() {
    return fail(ErrorCode::malformed, "no whole group");
}

Result<JournalEntry> parse_entry(ByteView& left) {
    if (left.size() < kEntryHeaderBytes) return unsound();
    const uint8_t* p = left.data();
    JournalEntry entry;
    if (p[0] != 1 && p[0] != 2) return unsound();
    entry.kind = static_cast<JournalEntryKind>(p[0]);
    entry.promised = (p[1] & 1) != 0;
    const size_t name_bytes = load_be<uint16_t>(p + 2);
    const size_t batch_bytes = load_be<uint32_t>(p + 4);
    if (name_bytes > kNameBytesMax || left.size() - kEntryHeaderBytes < name_bytes ||
        left.size() - kEntryHeaderBytes - name_bytes < batch_bytes)
        return unsound();
    entry.topic_id = {load_be<uint64_t>(p + 8), load_be<uint64_t>(p + 16)};
    entry.base = load_be<int64_t>(p + 24);
    entry.position = load_be<uint64_t>(p + 32);
    entry.directory = as_text(left.subspan(kEntryHeaderBytes, name_bytes));
    entry.batches = left.subspan(kEntryHeaderBytes + name_bytes, batch_bytes);
    if (entry.base < 0 || entry.position > INT64_MAX / 2) return unsound();
    left = left.subspan(kEntryHeaderBytes + name_bytes + batch_bytes);
    return entry;
}

}  // namespace

void JournalGroupBuilder::add(const JournalEntry& entry) {
    const size_t at = bytes_.size();
    const size_t name_at = at + kEntryHeaderBytes;
    bytes_.resize(name_at + entry.directory.size() + entry.batches.size());
    uint8_t* p = bytes_.data() + at;
    p[0] = static_cast<uint8_t>(entry.kind);
    p[1] = entry.promised ? 1 : 0;
    store_be(p + 2, static_cast<uint16_t>(entry.directory.size()));
    store_be(p + 4, static_cast<uint32_t>(entry.batches.size()));
    store_be(p + 8, entry.topic_id.high);
    store_be(p + 16, entry.topic_id.low);
    store_be(p + 24, entry.base);
    store_be(p + 32, entry.position);
    std::ranges::copy(entry.directory, p + kEntryHeaderBytes);
    std::ranges::copy(entry.batches, p + kEntryHeaderBytes + entry.directory.size());
    ++count_;
}

ByteView JournalGroupBuilder::finish(uint64_t sequence, uint64_t needed_from) {
    const size_t length = bytes_.size();
    uint8_t* p = bytes_.data();
    std::ranges::copy(kMagic, p);
    store_be(p + 8, sequence);
    store_be(p + 16, static_cast<uint32_t>(length - kGroupHeaderBytes));
    store_be(p + 20, count_);
    store_be(p + 24, needed_from);
    store_be(p + 4, crc32c(ByteView{bytes_}.subspan(8)));
    bytes_.resize(aligned(length));
    return bytes_;
}

Result<JournalGroupView> parse_journal_group(ByteView bytes) {
    if (bytes.size() < kGroupHeaderBytes || !std::ranges::equal(bytes.first(4), kMagic))
        return unsound();
    const size_t length = load_be<uint32_t>(bytes.data() + 16);
    const size_t count = load_be<uint32_t>(bytes.data() + 20);
    if (length > bytes.size() - kGroupHeaderBytes || count > length / kEntryHeaderBytes)
        return unsound();
    if (crc32c(bytes.subspan(8, kGroupHeaderBytes - 8 + length)) !=
        load_be<uint32_t>(bytes.data() + 4))
        return unsound();
    JournalGroupView group{.sequence = load_be<uint64_t>(bytes.data() + 8),
                           .needed_from = load_be<uint64_t>(bytes.data() + 24),
                           .bytes = aligned(kGroupHeaderBytes + length)};
    group.entries.reserve(count);
    ByteView left = bytes.subspan(kGroupHeaderBytes, length);
    for (size_t i = 0; i != count; ++i) {
        TRY(const JournalEntry entry, parse_entry(left));
        group.entries.push_back(entry);
    }
    if (!left.empty()) return unsound();
    return group;
}

JournalFileView scan_journal_file(ByteView file) {
    JournalFileView out;
    size_t at = 0;
    size_t sound_end = 0;  // behind the last group that was taken
    while (at < file.size()) {
        auto group = parse_journal_group(file.subspan(at));
        const uint64_t last = out.groups.empty() ? 0 : out.groups.back().sequence;
        // What has a lower number is from an earlier use of the file.
        if (!group || group->sequence <= last) {
            at += kJournalAlignment;
            continue;
        }
        const uint64_t missing = out.groups.empty() ? 0 : group->sequence - last - 1;
        if (at != sound_end || missing != 0)
            out.damage.push_back({sound_end, at - sound_end, missing});
        group->position = at;
        at += group->bytes;
        sound_end = at;
        out.groups.push_back(*std::move(group));
    }
    out.end = std::min(sound_end, file.size());
    const ByteView rest = file.subspan(out.end);
    if (rest.size() >= kGroupHeaderBytes && std::ranges::equal(rest.first(4), kMagic)) {
        const auto sequence = load_be<uint64_t>(rest.data() + 8);
        if (out.groups.empty() || sequence == out.groups.back().sequence + 1)
            out.torn = JournalTorn{out.end, sequence};
    }
    return out;
}

}  // namespace millrace::storage
