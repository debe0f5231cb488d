#include "storage/index_entries.h"

#include "base/check.h"

namespace millrace::storage {

void IndexEntry::store(uint8_t* to) const {
    store_be(to, offset);
    store_be(to + 4, position);
}
IndexEntry IndexEntry::load(const uint8_t* from) {
    return {load_be<int32_t>(from), load_be<int32_t>(from + 4)};
}
bool IndexEntry::follows(const IndexEntry* last) const {
    if (!last) return offset >= 0 && position > 0;
    return offset > last->offset && position > last->position;
}

void TimeEntry::store(uint8_t* to) const {
    store_be(to, timestamp);
    store_be(to + 8, offset);
}
TimeEntry TimeEntry::load(const uint8_t* from) {
    return {load_be<int64_t>(from), load_be<int32_t>(from + 8)};
}
bool TimeEntry::follows(const TimeEntry* last) const {
    // A segment's only entry may have offset 0, and a timestamp may be 0, but not both: that is the
    // preallocated tail.
    if (!last) return timestamp >= 0 && offset >= 0 && (timestamp > 0 || offset > 0);
    return timestamp > last->timestamp && offset > last->offset;
}

void AbortEntry::store(uint8_t* to) const {
    store_be<int16_t>(to, 0);
    store_be(to + 2, producer_id);
    store_be(to + 10, first_offset);
    store_be(to + 18, last_offset);
    store_be(to + 26, last_stable_offset);
}
AbortEntry AbortEntry::load(const uint8_t* from) {
    if (load_be<int16_t>(from) != 0) return {-1, -1, -1, -1};
    return {load_be<int64_t>(from + 2), load_be<int64_t>(from + 10), load_be<int64_t>(from + 18),
            load_be<int64_t>(from + 26)};
}
bool AbortEntry::follows(const AbortEntry* last) const {
    const bool sound = producer_id >= 0 && first_offset >= 0 && last_offset >= first_offset;
    return sound && (!last || last_offset > last->last_offset);
}

template <typename Entry>
void IndexEntries<Entry>::start_empty() {
    entries_.clear();
    saved_ = 0;
    loaded_ = true;
}

template <typename Entry>
void IndexEntries<Entry>::load(ByteView file) {
    entries_.clear();
    for (size_t at = 0; at + Entry::kBytes <= file.size(); at += Entry::kBytes) {
        const Entry entry = Entry::load(file.data() + at);
        if (!entry.follows(entries_.empty() ? nullptr : &entries_.back())) break;
        entries_.push_back(entry);
    }
    saved_ = entries_.size();
    file_bytes_ = file.size();
    loaded_ = true;
}

template <typename Entry>
void IndexEntries<Entry>::rebuild(std::vector<Entry> entries) {
    entries_ = std::move(entries);
    saved_ = 0;
    file_bytes_ = kUnknownBytes;
    loaded_ = true;
}

template <typename Entry>
void IndexEntries<Entry>::cut(size_t count) {
    if (count >= entries_.size()) return;
    entries_.resize(count);
    saved_ = std::min(saved_, count);
}

template <typename Entry>
Result<void> IndexEntries<Entry>::save(runtime::Disk& disk, const std::string& path) {
    INVARIANT(loaded_);
    TRY(auto file, disk.open(path, runtime::OpenMode::create));
    if (saved_ < entries_.size()) {
        std::vector<uint8_t> bytes((entries_.size() - saved_) * Entry::kBytes);
        uint8_t* to = bytes.data();
        for (size_t i = saved_; i < entries_.size(); ++i, to += Entry::kBytes)
            entries_[i].store(to);
        const ByteView part{bytes};
        TRY_OK(file->write_at(saved_ * Entry::kBytes, {&part, 1}));
        file_bytes_ = std::max<uint64_t>(file_bytes_, this->bytes());
        saved_ = entries_.size();
    }
    if (file_bytes_ != this->bytes()) {
        TRY_OK(file->truncate(this->bytes()));
        file_bytes_ = this->bytes();
    }
    return {};
}

template <typename Entry>
void IndexEntries<Entry>::drop() {
    INVARIANT(!has_unsaved());
    std::vector<Entry>{}.swap(entries_);
    saved_ = 0;
    loaded_ = false;
}

template class IndexEntries<IndexEntry>;
template class IndexEntries<TimeEntry>;
template class IndexEntries<AbortEntry>;

}  // namespace millrace::storage
