// Changes that wait to be let go, one for each key: the store of suppress(). Kafka:
// InMemoryTimeOrderedKeyValueChangeBuffer.
//
// In memory; what changed since the last flush goes to the changelog with it, as Kafka writes it,
// so that the buffer comes back as it was.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "streams/state/store.h"

namespace millrace::streams::ops {

// Keys in the order in which Java's HashSet gives them: that of the changelog's records.
class DirtyKeys {
public:
    void add(BytesView key);
    // Leaves none.
    std::vector<Bytes> take();

private:
    std::unordered_map<Bytes, size_t> added_;  // and when
    size_t buckets_ = 16;                      // grows, and stays so
};

class SuppressBuffer final : public StateStore {
public:
    // A change that waits. The headers live here.
    struct Entry {
        // Before the first change that waited here, and before the last one.
        NullableBytes prior;
        NullableBytes old_value;
        NullableBytes new_value;
        std::string topic;
        PartitionIndex partition = -1;
        Offset offset = -1;
        TimestampMs timestamp = -1;
        Headers headers;
    };

    using StateStore::StateStore;
    void init(StoreContext& context) override { context_ = &context; }
    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers& headers) override;
    void flush() override;
    void close() override;

    // The key keeps the time and the place of its first change. `context` with the time and the
    // headers of the change.
    void put(TimestampMs time, const Bytes& key, NullableBytes old_value, NullableBytes new_value,
             const RecordContext& context);
    bool empty() const { return entries_.empty(); }
    // Of the first in line: the least, and of equal times that of the least key. Not if empty.
    TimestampMs first_time() const { return entries_.begin()->first.first; }
    // Calls `emit` in the context of the first in line's record, and removes it.
    void evict_first(const std::function<void(const Bytes& key, Entry& entry)>& emit);

    // Null: the key has no change here.
    const Entry* find(BytesView key) const;
    int64_t records() const { return static_cast<int64_t>(entries_.size()); }
    // As Kafka estimates it, to the byte.
    int64_t bytes() const { return bytes_; }

private:
    using Place = std::pair<TimestampMs, Bytes>;
    void set(TimestampMs time, const Bytes& key, Entry entry);
    void remove(std::map<Place, Entry>::iterator entry);

    StoreContext* context_ = nullptr;
    std::map<Place, Entry> entries_;
    std::unordered_map<Bytes, TimestampMs> times_;
    DirtyKeys dirty_;
    int64_t bytes_ = 0;
};

}  // namespace millrace::streams::ops
