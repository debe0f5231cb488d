// What a consumer gives out: one batch of one partition, as views into the memory that it arrived
// in, or was decompressed to. The batch keeps that memory alive; keep it as long as any view.
//
//   for (RecordBatch& batch : polled)
//       CO_TRY_OK(batch.for_each([&](const RecordView& r) { use(batch.topic(), r.offset, r.value); }));
//
// Threads: one at a time; it may be read and dropped on any.
#pragma once

#include <memory>
#include <optional>

#include "base/units.h"
#include "protocol/record_batch.h"

namespace millrace::client {

using protocol::RecordView;

class RecordBatch {
public:
    // Gives records from `from` on, out of `records`, the decompressed form of the batch's payload.
    RecordBatch(std::shared_ptr<const TopicPartition> place, std::shared_ptr<const void> memory,
                protocol::BatchHeaderView header, ByteView records, Offset from)
        : place_(std::move(place)),
          memory_(std::move(memory)),
          header_(header),
          reader_(header, records),
          from_(from),
          until_(header.next_offset()),
          count_max_(header.record_count()) {}

    const TopicPartition& place() const { return *place_; }
    const std::string& topic() const { return place_->topic; }
    PartitionIndex partition() const { return place_->partition; }
    // Of the leader that appended it.
    LeaderEpoch leader_epoch() const { return header_.leader_epoch(); }
    protocol::TimestampType timestamp_type() const { return header_.timestamp_type(); }
    // At most so many come.
    int32_t count_max() const { return count_max_; }
    // Where reading goes on after the last record.
    Offset next_offset() const { return until_; }

    // The next record; false after the last. corrupt_message.
    Result<bool> next(RecordView& out) {
        for (;;) {
            TRY(const bool more, reader_.next(out));
            if (!more || out.offset >= until_) return false;
            if (out.offset >= from_) [[likely]]
                return true;
        }
    }
    // Calls fn(const RecordView&) for each that is left.
    template <typename Fn>
    Result<void> for_each(Fn&& fn) {
        RecordView record;
        for (;;) {
            TRY(const bool more, next(record));
            if (!more) return {};
            fn(static_cast<const RecordView&>(record));
        }
    }

    // Keeps the next `count` records and gives what comes after them; nothing when that is nothing.
    // corrupt_message.
    Result<std::optional<RecordBatch>> cut(int32_t count) {
        RecordBatch rest = *this;
        RecordView record;
        for (int32_t i = 0; i != count; ++i) {
            TRY(const bool more, rest.next(record));
            if (!more) return std::optional<RecordBatch>{};
        }
        RecordBatch beyond = rest;
        TRY(const bool more, beyond.next(record));
        if (!more) return std::optional<RecordBatch>{};
        until_ = record.offset;
        count_max_ = count;
        rest.count_max_ -= count;
        return std::optional{std::move(rest)};
    }

private:
    std::shared_ptr<const TopicPartition> place_;
    std::shared_ptr<const void> memory_;
    protocol::BatchHeaderView header_;
    protocol::RecordReader reader_;
    Offset from_;
    Offset until_;  // records from here on are not this batch's
    int32_t count_max_;
};

}  // namespace millrace::client
