// What a share consumer gives out: of one batch of one partition, the records that this consumer
// has acquired, as views into the memory that they arrived in. The batch keeps that memory alive.
//
//   for (ShareBatch& batch : polled)
//       CO_TRY_OK(batch.for_each([&](const RecordView& record, int16_t delivery_count) {...}));
//
// Threads: one at a time; it may be read and dropped on any.
#pragma once

#include <vector>

#include "client/record_batch.h"

namespace millrace::client {

// The offsets [first, last] were acquired for the `delivery_count`th time (from 1 on).
struct AcquiredRange {
    Offset first = 0;
    Offset last = 0;
    int16_t delivery_count = 1;
};

class ShareBatch {
public:
    // `acquired`: ascending, not empty, inside the batch.
    ShareBatch(RecordBatch batch, std::vector<AcquiredRange> acquired)
        : batch_(std::move(batch)), acquired_(std::move(acquired)) {}

    const TopicPartition& place() const { return batch_.place(); }
    const std::string& topic() const { return batch_.topic(); }
    PartitionIndex partition() const { return batch_.partition(); }
    LeaderEpoch leader_epoch() const { return batch_.leader_epoch(); }
    protocol::TimestampType timestamp_type() const { return batch_.timestamp_type(); }
    const std::vector<AcquiredRange>& acquired() const { return acquired_; }

    // The next record; false after the last. corrupt_message.
    Result<bool> next(RecordView& out, int16_t& delivery_count) {
        for (;;) {
            if (at_ == acquired_.size()) return false;
            TRY(const bool more, batch_.next(out));
            if (!more) return false;
            while (at_ != acquired_.size() && acquired_[at_].last < out.offset) ++at_;
            if (at_ == acquired_.size()) return false;
            if (out.offset < acquired_[at_].first) continue;
            delivery_count = acquired_[at_].delivery_count;
            return true;
        }
    }
    // Calls fn(const RecordView&, int16_t delivery_count) for each that is left.
    template <typename Fn>
    Result<void> for_each(Fn&& fn) {
        RecordView record;
        int16_t delivery_count = 0;
        for (;;) {
            TRY(const bool more, next(record, delivery_count));
            if (!more) return {};
            fn(static_cast<const RecordView&>(record), delivery_count);
        }
    }

private:
    RecordBatch batch_;
    std::vector<AcquiredRange> acquired_;
    size_t at_ = 0;  // the range that the next record may be in
};

}  // namespace millrace::client
