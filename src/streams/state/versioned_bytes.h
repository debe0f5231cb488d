// Values of keys over time: each version is valid from its timestamp until that of the next one,
// and is kept for as long as the history's retention, seen from the largest timestamp put.
//
//   'L' key                                      timestamp (8) · version     the newest
//   'H' segment (8) · key length (4) · key · timestamp (8)
//                                                valid to (8) · version      older ones
//   'T' segment (8) · key                        timestamp (8)               newest is a tombstone
//
// A version is a byte, 1 for a tombstone, and the value. The segment is that of `valid to`, or of
// the tombstone: when all of it is too old, it goes. Kafka: RocksDBVersionedStore.
#pragma once

#include <memory>
#include <vector>

#include "base/units.h"
#include "streams/state/ordered_bytes.h"

namespace millrace::streams {

struct VersionBytes {
    NullableBytes value;  // absent: a tombstone
    TimestampMs timestamp = 0;
    std::optional<TimestampMs> valid_to;  // absent: it is the newest
};

class VersionedBytes {
public:
    VersionedBytes(std::unique_ptr<OrderedBytes> bytes, int64_t history_retention,
                   int64_t segment_interval);

    // Until when the version is valid; VersionedState::kLatest or kNotPut.
    int64_t put(BytesView key, NullableView value, TimestampMs timestamp);
    // The newest version; none if there never was one.
    std::optional<VersionBytes> newest(BytesView key) const;
    // The version of that time, if it is not older than the history.
    std::optional<VersionBytes> get(BytesView key, TimestampMs as_of) const;
    // Without tombstones, newest first.
    std::vector<VersionBytes> history(BytesView key, TimestampMs from, TimestampMs to) const;

private:
    int64_t segment(TimestampMs time) const { return std::max<TimestampMs>(time, 0) / interval_; }
    bool in_history(TimestampMs time) const { return time >= observed_ - retention_; }
    int64_t put_newest(BytesView key, NullableView value, TimestampMs timestamp,
                       const std::optional<VersionBytes>& before);
    void take_back_newest(BytesView key, TimestampMs timestamp);
    void write_newest(BytesView key, NullableView value, TimestampMs timestamp);
    int64_t put_older(BytesView key, NullableView value, TimestampMs timestamp, TimestampMs newest);
    void write_older(BytesView key, NullableView value, TimestampMs timestamp, TimestampMs to);
    // What is too old goes with a write to the history, as in Kafka: until then it can be read.
    void forget_expired();
    // The version of `time`, or else the oldest after it; only among the older ones.
    std::optional<VersionBytes> older_at(BytesView key, TimestampMs time) const;
    std::optional<VersionBytes> older_after(BytesView key, TimestampMs time) const;
    std::optional<VersionBytes> first_older(const Bytes& from, const Bytes& to,
                                            bool backward) const;
    void touch(int64_t segment);

    std::unique_ptr<OrderedBytes> bytes_;
    int64_t retention_;
    int64_t interval_;
    TimestampMs observed_ = -1;
    // Of those with anything in them; first above last: none.
    int64_t first_segment_ = 0;
    int64_t last_segment_ = -1;
};

}  // namespace millrace::streams
