// Recent batches of all logs of a shard, kept in the memory they were appended from (small ones are
// copied together), so that readers at the end of a log are served without touching a file.
//
// Each log has a Tail: runs of bytes that lie one behind the other in its segments and end at its
// log end. The cache bounds the memory of all tails together and lets the oldest runs go first.
// Owner: Shard; a Tail: its Log. Loop: the shard's.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/units.h"

namespace millrace::storage {

class Tail;

class TailCache {
public:
    explicit TailCache(size_t bytes_max) : bytes_max_(bytes_max) {}
    TailCache(const TailCache&) = delete;
    size_t bytes() const { return bytes_; }
    size_t bytes_max() const { return bytes_max_; }

private:
    friend class Tail;
    struct Item {
        Tail* tail;
        size_t charge;
    };
    std::list<Item>::iterator add(Tail* tail, size_t charge);
    void remove(std::list<Item>::iterator item);
    void shrink();
    // Whether the newest run holds this memory already: further slices of it are not charged again.
    bool newest_is_of(const std::shared_ptr<const void>& owner) const;

    std::list<Item> items_;  // oldest first
    size_t bytes_ = 0;
    size_t bytes_max_;
};

class Tail {
public:
    explicit Tail(TailCache& cache) : cache_(cache) {}
    ~Tail() { clear(); }
    Tail(const Tail&) = delete;

    // `bytes` were appended at `position` of the segment at `base`. `owner` may be null: copied.
    void add(Offset base, uint64_t position, ByteView bytes, std::shared_ptr<const void> owner,
             size_t owner_bytes);
    // The same for bytes that are in no file yet: copied, and kept whatever the cache's bound until
    // unpin(). Behind what is pinned nothing else may be added.
    void add_pinned(Offset base, uint64_t position, ByteView bytes);
    // What is pinned, in order; and: all of it is in a file now.
    std::vector<ByteView> pinned() const;
    void unpin();
    // The longest piece from `position` on that lies in one run; empty when it is not cached.
    SharedBytes find(Offset base, uint64_t position) const;
    // The first cached position of the segment at `base` that is above `position`; none above it:
    // all ones.
    uint64_t next_position(Offset base, uint64_t position) const;
    void clear();
    // Of the segments below `base`.
    void clear_below(Offset base);

private:
    friend class TailCache;
    struct Run {
        Offset base;
        uint64_t position;
        SharedBytes bytes;
        uint8_t* room = nullptr;  // where a copied run goes on
        size_t room_bytes = 0;
        std::optional<std::list<TailCache::Item>::iterator> item;  // none: pinned
        uint64_t end() const { return position + bytes.size(); }
    };
    void drop_oldest() { runs_.pop_front(); }
    void add_copy(Offset base, uint64_t position, ByteView bytes, bool pin);
    void start(Offset base, uint64_t position);

    TailCache& cache_;
    std::deque<Run> runs_;
};

}  // namespace millrace::storage
