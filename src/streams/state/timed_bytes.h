// Entries of keys and times, as window and session stores keep them: until they are older than the
// retention, seen from the largest time that was put.
//
// Kafka's time-first stores on disk are less strict when they are read by time: windows that start
// one retention ago are found, and sessions until their whole segment is too old.
//
// Order of iteration over several keys: by segment, then key, then time; in memory by time, then
// key; of a store that is time first always by time. Kafka: AbstractRocksDBSegmentedBytesStore,
// InMemoryWindowStore, InMemorySessionStore.
#pragma once

#include <memory>

#include "streams/state/store.h"
#include "streams/state/store_bytes.h"
#include "streams/state/timed_key.h"

namespace millrace::streams {

class TimedIterator {
public:
    virtual ~TimedIterator() = default;
    virtual bool valid() const = 0;
    // Good until next().
    virtual TimedKey key() const = 0;
    virtual BytesView value() const = 0;
    virtual void next() = 0;
};
using TimedIteratorPtr = std::unique_ptr<TimedIterator>;

class TimedBytes final : private StoreBytes::Owner {
public:
    class Owner {
    public:
        virtual ~Owner() = default;
        virtual void log(const TimedKey& key, NullableView value) = 0;
    };

    void open(StoreContext& context, const StoreSpec& spec, TimedRest rest,
              std::unique_ptr<OrderedBytes> below, Owner& owner);

    // An entry that is too old is logged and dropped.
    void put(const TimedKey& key, NullableView value);
    // A time that counts although nothing is put.
    void observe(TimestampMs time);
    void restore(const TimedKey& key, NullableView value);
    NullableBytes get(const TimedKey& key) const;
    // Of one key, or of keys from one to another (inclusive, absent is open); times in [from, to].
    TimedIteratorPtr fetch(BytesView key, TimestampMs from, TimestampMs to, Order order) const;
    TimedIteratorPtr fetch_keys(NullableView key_from, NullableView key_to, TimestampMs from,
                                TimestampMs to, Order order) const;

    const TimedLayout& layout() const { return layout_; }

private:
    void write(OrderedBytes& below, BytesView key, NullableView value) override;
    void log(BytesView key, NullableView value) override;

    Bytes stored(const TimedKey& key) const {
        return time_first_ ? layout_.time_first(key) : layout_.by_key(key);
    }
    TimedKey decoded(BytesView stored) const {
        return time_first_ ? layout_.decode_time_first(stored) : layout_.decode_by_key(stored);
    }
    bool expired(TimestampMs time) const { return time < oldest_read(); }
    // The oldest time that is still taken, read of one key, and found among several keys.
    TimestampMs oldest_taken() const;
    TimestampMs oldest_read() const;
    TimestampMs oldest_found() const;
    void forget_expired(OrderedBytes& below);
    // The part of [from, to] in which there can be something to read.
    struct Span {
        TimestampMs from;
        TimestampMs to;
        int64_t first_segment;
        int64_t last_segment;
        bool empty() const { return from > to || first_segment > last_segment; }
    };
    Span span(TimestampMs from, TimestampMs to, TimestampMs oldest) const;

    StoreContext* context_ = nullptr;
    Owner* owner_ = nullptr;
    StoreBytes bytes_;
    TimedLayout layout_;
    TimedRest rest_ = TimedRest::sequence;
    bool time_first_ = false;
    bool in_memory_ = false;
    int64_t retention_ = 0;
    TimestampMs observed_ = -1;
    // Of what was ever written; first above last: nothing.
    int64_t first_segment_ = 0;
    int64_t last_segment_ = -1;
};

}  // namespace millrace::streams
