// The journal's bytes: groups of entries, each written by one write.
//
//   file    groups, back to back; each begins at a multiple of 512, so that no two share a sector.
//           What lies behind the last one is what the file held before, or zeros.
//   group    0  4  "MRJ1"
//            4  4  CRC-32C of bytes [8, 32 + length of the entries)
//            8  8  sequence: one more than that of the group before, over all files of a journal
//           16  4  length of the entries
//           20  4  count of the entries
//           24  8  the lowest sequence still needed when this was written: groups below it may be
//                  in a file that is being filled again, next to nothing of what took them back
//           32     entries, back to back
//   entry    0  1  kind: 1 bytes, 2 settled
//            1  1  flags: 1 = an ack may have promised that they survive a loss of power
//            2  2  length of the name
//            4  4  length of the batches; 0 for settled
//            8 16  topic id; zeros: the partition has none
//           24  8  base offset of the segment
//           32  8  position in it
//           40     the name of the partition's directory, then the batches
//
// All integers are big-endian. `bytes` says that these batches lie at this position of this
// segment; `settled` that the earlier entries of this partition for places before this one no
// longer count: their bytes are synced in their segment, or were cut off.
//
// Pure: no I/O. Every length is checked before it is used.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"

namespace millrace::storage {

inline constexpr size_t kJournalAlignment = 512;
inline constexpr size_t kGroupHeaderBytes = 32;
inline constexpr size_t kEntryHeaderBytes = 40;

enum class JournalEntryKind : uint8_t { bytes = 1, settled = 2 };

struct JournalEntry {
    JournalEntryKind kind = JournalEntryKind::bytes;
    bool promised = false;
    std::string_view directory;
    Uuid topic_id;
    Offset base = 0;
    uint64_t position = 0;
    ByteView batches;
};

struct JournalGroupView {
    uint64_t sequence = 0;
    uint64_t needed_from = 0;
    size_t position = 0;  // in the file
    size_t bytes = 0;     // with what fills up the last sector
    std::vector<JournalEntry> entries;
};

// Writes one group; the entries are copied as they come.
class JournalGroupBuilder {
public:
    // `room`: how many bytes are expected.
    explicit JournalGroupBuilder(size_t room = 0) {
        bytes_.reserve(room);
        bytes_.resize(kGroupHeaderBytes);
    }
    void add(const JournalEntry& entry);
    size_t size() const { return bytes_.size(); }
    uint32_t count() const { return count_; }
    // Fills up the last sector and closes the header. Once.
    ByteView finish(uint64_t sequence, uint64_t needed_from);

private:
    std::vector<uint8_t> bytes_;
    uint32_t count_ = 0;
};

// The group at the beginning of `bytes`; malformed when none is there or it is not whole. The views
// in it are of `bytes`.
Result<JournalGroupView> parse_journal_group(ByteView bytes);

// A part of a file that holds no sound group although sound ones come later.
struct JournalDamage {
    size_t position;
    size_t bytes;
    uint64_t groups;  // how many sequence numbers are missing; 0 = unknown
};

// The beginning of the group that comes next, without the rest of it: what a crash leaves of a write
// that was under way; or the last group was damaged later.
struct JournalTorn {
    size_t position;
    uint64_t sequence;
};

struct JournalFileView {
    std::vector<JournalGroupView> groups;  // ascending sequences
    std::vector<JournalDamage> damage;
    std::optional<JournalTorn> torn;
    size_t end = 0;  // behind the last group
};

// All groups of one file, up to where older content or nothing follows.
JournalFileView scan_journal_file(ByteView file);

}  // namespace millrace::storage
