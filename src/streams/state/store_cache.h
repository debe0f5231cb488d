// What cached stores hold back: the newest value of each key, until it is flushed.
//
// All stores of a thread share one budget of bytes (statestore.cache.max.bytes). A store whose write
// takes it over the budget lets its own least recently used entries go; with one that was not yet
// written below, all such entries of the store are flushed. Flushed entries stay, to be read from,
// until they go. Order of flushing: that of the last writes. Owner: the thread; it outlives its
// tasks. Kafka: ThreadCache, NamedCache.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "streams/core/record.h"

namespace millrace::streams {

class StoreCache {
public:
    explicit StoreCache(size_t bytes_max) : bytes_max_(bytes_max) {}
    StoreCache(const StoreCache&) = delete;
    size_t bytes() const { return bytes_; }
    bool is_over() const { return bytes_ > bytes_max_; }

private:
    friend class CachePart;
    size_t bytes_max_;
    size_t bytes_ = 0;
};

// Where the record came from that a cached value is of.
struct CachedContext {
    explicit CachedContext(const RecordContext& context);
    // Views of this.
    RecordContext view();

    std::string topic;
    PartitionIndex partition;
    Offset offset;
    TimestampMs timestamp;
    Headers headers;
};

// One store's entries.
class CachePart {
public:
    struct Dirty {
        Bytes key;
        NullableBytes value;  // absent: deleted
        CachedContext context;
    };
    // Writes entries below, in this order. May throw; they count as flushed then.
    using Flush = std::function<void(std::vector<Dirty>)>;

    CachePart(StoreCache& budget, Flush flush) : budget_(budget), flush_(std::move(flush)) {}
    ~CachePart() { budget_.bytes_ -= bytes_; }
    CachePart(const CachePart&) = delete;

    // Null: nothing is known of the key. Counts as a use. Good until the next call.
    const NullableBytes* find(BytesView key);
    void put(BytesView key, NullableView value, const RecordContext& context);
    // What was read from below, or written there past the cache.
    void put_clean(BytesView key, NullableView value);
    void flush();
    // What is cached of [from, to), in order.
    std::vector<std::pair<Bytes, NullableBytes>> range(BytesView from, NullableView to) const;

private:
    struct Entry;
    using Entries = std::map<Bytes, Entry, std::less<>>;
    using Places = std::list<Entries::iterator>;
    struct Entry {
        NullableBytes value;
        std::optional<CachedContext> dirty;
        size_t size = 0;
        Places::iterator use;
        Places::iterator write;  // if dirty
    };

    Entries::iterator place(BytesView key, NullableView value);
    void weigh(const Bytes& key, Entry& entry);
    void make_room();
    std::vector<Dirty> take_dirty();
    void remove(Entries::iterator entry);
    void flush(std::vector<Dirty> dirty);

    StoreCache& budget_;
    Flush flush_;
    Entries entries_;
    Places uses_;    // the latest first
    Places writes_;  // dirty ones, the latest last
    size_t bytes_ = 0;
};

}  // namespace millrace::streams
