// The entries of a segment's index files, in memory: what is on the file, and what is still to be
// written there. Offsets are relative to the segment's base.
//
//   .index      int32 offset, int32 position     last offset of a batch, where that batch begins
//   .timeindex  int64 timestamp, int32 offset    largest timestamp so far, last offset of its batch
//   .txnindex   int16 version 0, int64 producer id, int64 first offset, int64 last offset (that of
//               the abort marker), int64 last stable offset; these offsets are absolute
//
// Kafka preallocates the first two and keeps them mapped; here they are written in large pieces,
// and rebuilt from the log after a crash, so the newest entries may be missing on the file.
// Owner: Segment. Kafka: OffsetIndex, TimeIndex, TransactionIndex.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "runtime/disk.h"

namespace millrace::storage {

struct IndexEntry {
    int32_t offset;
    int32_t position;
    static constexpr size_t kBytes = 8;
    void store(uint8_t* to) const;
    static IndexEntry load(const uint8_t* from);
    // Whether this entry may follow `last` on a file; nullptr = it is the first. Zeros never may.
    bool follows(const IndexEntry* last) const;
};

struct TimeEntry {
    TimestampMs timestamp;
    int32_t offset;
    static constexpr size_t kBytes = 12;
    void store(uint8_t* to) const;
    static TimeEntry load(const uint8_t* from);
    bool follows(const TimeEntry* last) const;
};

struct AbortEntry {
    ProducerId producer_id;
    Offset first_offset;
    Offset last_offset;
    Offset last_stable_offset;
    static constexpr size_t kBytes = 34;
    void store(uint8_t* to) const;
    static AbortEntry load(const uint8_t* from);
    bool follows(const AbortEntry* last) const;
};

template <typename Entry>
class IndexEntries {
public:
    bool loaded() const { return loaded_; }
    const std::vector<Entry>& all() const { return entries_; }
    size_t bytes() const { return entries_.size() * Entry::kBytes; }
    bool has_unsaved() const { return saved_ < entries_.size() || file_bytes_ != bytes(); }
    size_t unsaved() const { return entries_.size() - saved_; }

    void start_empty();
    // Takes in a file's content, up to the first entry that makes no sense (a preallocated file
    // ends in zeros).
    void load(ByteView file);
    // Takes in what a scan of the log found; nothing of it counts as saved.
    void rebuild(std::vector<Entry> entries);
    void add(const Entry& entry) { entries_.push_back(entry); }
    // Keeps the first `count` entries.
    void cut(size_t count);
    // Brings the file at `path` up to date; makes it when it is missing.
    Result<void> save(runtime::Disk& disk, const std::string& path);
    // Gives the memory back; everything must be saved.
    void drop();

private:
    std::vector<Entry> entries_;
    size_t saved_ = 0;         // entries_[0, saved_) are on the file
    uint64_t file_bytes_ = 0;  // the file's size
    bool loaded_ = false;

    static constexpr uint64_t kUnknownBytes = UINT64_MAX;
};

extern template class IndexEntries<IndexEntry>;
extern template class IndexEntries<TimeEntry>;
extern template class IndexEntries<AbortEntry>;

}  // namespace millrace::storage
