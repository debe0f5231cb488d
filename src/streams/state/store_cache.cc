#include "streams/state/store_cache.h"

namespace millrace::streams {
namespace {

// As Kafka estimates an entry, so that the same budget holds the same.
constexpr size_t kEntryOverhead = 25;
constexpr size_t kContextOverhead = 20;

}  // namespace

CachedContext::CachedContext(const RecordContext& context)
    : topic(context.topic),
      partition(context.partition),
      offset(context.offset),
      timestamp(context.timestamp) {
    if (context.headers) headers = *context.headers;
}

RecordContext CachedContext::view() {
    return {.topic = topic,
            .partition = partition,
            .offset = offset,
            .timestamp = timestamp,
            .headers = &headers};
}

const NullableBytes* CachePart::find(BytesView key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    uses_.splice(uses_.begin(), uses_, found->second.use);
    return &found->second.value;
}

// The entry of the key, with the value, as the last used one.
CachePart::Entries::iterator CachePart::place(BytesView key, NullableView value) {
    auto found = entries_.lower_bound(key);
    if (found == entries_.end() || found->first != key) {
        found = entries_.emplace_hint(found, Bytes(key), Entry());
        uses_.push_front(found);
        found->second.use = uses_.begin();
    } else {
        uses_.splice(uses_.begin(), uses_, found->second.use);
    }
    if (value)
        found->second.value.emplace(*value);
    else
        found->second.value.reset();
    return found;
}

void CachePart::weigh(const Bytes& key, Entry& entry) {
    size_t size = key.size() + kEntryOverhead + kContextOverhead;
    if (entry.value) size += entry.value->size();
    if (entry.dirty) {
        size += entry.dirty->topic.size();
        for (const Header& header : entry.dirty->headers)
            size += header.key.size() + (header.value ? header.value->size() : 0);
    }
    budget_.bytes_ += size - entry.size;
    bytes_ += size - entry.size;
    entry.size = size;
}

void CachePart::put(BytesView key, NullableView value, const RecordContext& context) {
    const auto entry = place(key, value);
    Entry& written = entry->second;
    if (written.dirty)
        writes_.splice(writes_.end(), writes_, written.write);
    else
        written.write = writes_.insert(writes_.end(), entry);
    written.dirty.emplace(context);
    weigh(entry->first, written);
    make_room();
}

void CachePart::put_clean(BytesView key, NullableView value) {
    const auto entry = place(key, value);
    if (entry->second.dirty) {
        writes_.erase(entry->second.write);
        entry->second.dirty.reset();
    }
    weigh(entry->first, entry->second);
    make_room();
}

void CachePart::make_room() {
    while (budget_.is_over() && !uses_.empty()) {
        const auto last = uses_.back();
        std::vector<Dirty> dirty;
        if (Entry& entry = last->second; entry.dirty) {
            dirty.push_back({last->first, std::move(entry.value), *std::move(entry.dirty)});
            writes_.erase(entry.write);
            entry.dirty.reset();
            for (Dirty& one : take_dirty()) dirty.push_back(std::move(one));
        }
        remove(last);
        if (!dirty.empty()) flush(std::move(dirty));
    }
}

std::vector<CachePart::Dirty> CachePart::take_dirty() {
    std::vector<Dirty> dirty;
    for (const auto& entry : writes_) {
        dirty.push_back({entry->first, entry->second.value, *std::move(entry->second.dirty)});
        entry->second.dirty.reset();
    }
    writes_.clear();
    return dirty;
}

void CachePart::remove(Entries::iterator entry) {
    budget_.bytes_ -= entry->second.size;
    bytes_ -= entry->second.size;
    uses_.erase(entry->second.use);
    entries_.erase(entry);
}

void CachePart::flush() {
    if (!writes_.empty()) flush(take_dirty());
}

void CachePart::flush(std::vector<Dirty> dirty) {
    std::vector<Bytes> deleted;
    for (const Dirty& entry : dirty)
        if (!entry.value) deleted.push_back(entry.key);
    flush_(std::move(dirty));
    // What is deleted below, too, need not be remembered.
    for (const Bytes& key : deleted) {
        const auto found = entries_.find(key);
        if (found != entries_.end() && !found->second.dirty && !found->second.value) remove(found);
    }
}

std::vector<std::pair<Bytes, NullableBytes>> CachePart::range(BytesView from,
                                                              NullableView to) const {
    std::vector<std::pair<Bytes, NullableBytes>> found;
    for (auto it = entries_.lower_bound(from); it != entries_.end(); ++it) {
        if (to && it->first >= *to) break;
        found.emplace_back(it->first, it->second.value);
    }
    return found;
}

}  // namespace millrace::streams
