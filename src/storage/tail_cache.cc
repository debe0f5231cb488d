#include "storage/tail_cache.h"

#include <algorithm>

namespace millrace::storage {
namespace {

// Batches up to this size are copied into a run of their own, so that many of them make one slice.
constexpr size_t kCopyBytesMax = 8192;
constexpr size_t kCopyRunBytesMin = 4096;
// Pinned ones count against the journal's bound, and idle logs have one too.
constexpr size_t kPinnedRunBytesMin = 1024;
constexpr size_t kCopyRunBytesMax = 64 << 10;
// Larger ones are left to the page cache: sending a file range costs less than copying the bytes
// again, and the memory they were received in is used again while the processor still caches it.
constexpr size_t kBytesMax = 32 << 10;
// A slice is not kept when its owner holds this many times its size: it is copied.
constexpr size_t kOwnerTimesMax = 16;

}  // namespace

std::list<TailCache::Item>::iterator TailCache::add(Tail* tail, size_t charge) {
    bytes_ += charge;
    return items_.insert(items_.end(), {tail, charge});
}

void TailCache::remove(std::list<Item>::iterator item) {
    bytes_ -= item->charge;
    items_.erase(item);
}

void TailCache::shrink() {
    while (bytes_ > bytes_max_ && !items_.empty()) {
        Tail* tail = items_.front().tail;
        bytes_ -= items_.front().charge;
        items_.pop_front();
        tail->drop_oldest();
    }
}

bool TailCache::newest_is_of(const std::shared_ptr<const void>& owner) const {
    return !items_.empty() && items_.back().tail->runs_.back().bytes.owner == owner;
}

// What is kept must end where the next bytes lie.
void Tail::start(Offset base, uint64_t position) {
    if (!runs_.empty() &&
        (runs_.back().base != base ? position != 0 : runs_.back().end() != position))
        clear();
}

void Tail::add_pinned(Offset base, uint64_t position, ByteView bytes) {
    start(base, position);
    add_copy(base, position, bytes, true);
}

std::vector<ByteView> Tail::pinned() const {
    std::vector<ByteView> parts;
    for (const Run& run : runs_)
        if (!run.item) parts.push_back(run.bytes.view);
    return parts;
}

void Tail::unpin() {
    for (Run& run : runs_)
        if (!run.item) run.item = cache_.add(this, run.bytes.size() + run.room_bytes);
    cache_.shrink();
}

void Tail::add(Offset base, uint64_t position, ByteView bytes, std::shared_ptr<const void> owner,
               size_t owner_bytes) {
    start(base, position);
    if (bytes.size() > std::min(cache_.bytes_max_ / 4, kBytesMax)) return clear();
    if (owner_bytes == 0) owner_bytes = bytes.size();
    if (bytes.size() <= kCopyBytesMax || !owner || owner_bytes / kOwnerTimesMax > bytes.size()) {
        add_copy(base, position, bytes, false);
    } else {
        const bool charged = cache_.newest_is_of(owner);
        runs_.push_back({.base = base, .position = position, .bytes = {std::move(owner), bytes}});
        runs_.back().item = cache_.add(this, charged ? 0 : owner_bytes);
    }
    cache_.shrink();
}

void Tail::add_copy(Offset base, uint64_t position, ByteView bytes, bool pin) {
    Run* run = runs_.empty() ? nullptr : &runs_.back();
    if (!run || run->base != base || run->room_bytes < bytes.size() ||
        run->item.has_value() == pin) {
        const size_t grown = run && run->room ? 4 * run->bytes.size() : 0;
        const size_t capacity = std::max(
            bytes.size(),
            std::clamp(grown, pin ? kPinnedRunBytesMin : kCopyRunBytesMin, kCopyRunBytesMax));
        auto memory = std::make_shared_for_overwrite<uint8_t[]>(capacity);
        uint8_t* begin = memory.get();
        runs_.push_back({.base = base,
                         .position = position,
                         .bytes = {std::move(memory), ByteView{begin, 0}},
                         .room = begin,
                         .room_bytes = capacity});
        run = &runs_.back();
        if (!pin) run->item = cache_.add(this, capacity);
    }
    std::ranges::copy(bytes, run->room);
    run->room += bytes.size();
    run->room_bytes -= bytes.size();
    run->bytes.view = {run->bytes.view.data(), run->bytes.size() + bytes.size()};
}

SharedBytes Tail::find(Offset base, uint64_t position) const {
    auto after = std::upper_bound(
        runs_.begin(), runs_.end(), std::pair{base, position},
        [](const auto& at, const Run& run) { return at < std::pair{run.base, run.position}; });
    if (after == runs_.begin()) return {};
    const Run& run = *(after - 1);
    if (run.base != base || position >= run.end()) return {};
    return run.bytes.slice(position - run.position, run.end() - position);
}

uint64_t Tail::next_position(Offset base, uint64_t position) const {
    for (const Run& run : runs_)
        if (run.base == base && run.position > position) return run.position;
    return UINT64_MAX;
}

void Tail::clear_below(Offset base) {
    while (!runs_.empty() && runs_.front().base < base) {
        if (runs_.front().item) cache_.remove(*runs_.front().item);
        runs_.pop_front();
    }
}

void Tail::clear() {
    for (Run& run : runs_)
        if (run.item) cache_.remove(*run.item);
    runs_.clear();
}

}  // namespace millrace::storage
