// The records that wait for a task, partition by partition, and which of them is next.
//
// Of the partitions that have records the one goes first whose next record is the oldest. A record
// is deserialized when it becomes the first of its partition; one that cannot be, or that has no
// time, is passed over there. Kafka: PartitionGroup, RecordQueue.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "streams/core/topology_plan.h"

namespace millrace::streams {

// A record as it was read: views into memory of the RecordSource that it came from.
struct InputRecord {
    Offset offset = -1;
    TimestampMs timestamp = -1;
    NullableView key;
    NullableView value;
    Headers headers;
};

// Records of a partition in order, such as a batch that was fetched.
class RecordSource {
public:
    virtual ~RecordSource() = default;
    // The next one, good as long as the source; nothing at the end.
    virtual std::optional<InputRecord> next() = 0;
    // How many are left, at most.
    virtual size_t left() const = 0;
};
using RecordSourcePtr = std::unique_ptr<RecordSource>;

// A record with its key and value made, ready for its source node.
struct ReadyRecord {
    InputRecord raw;
    Box key;
    Box value;
    TimestampMs timestamp = -1;  // by the extractor
};

class RecordQueue {
public:
    // Makes a record ready; nothing, if it is to be passed over. May throw.
    using Prepare =
        std::function<std::optional<ReadyRecord>(InputRecord record, TimestampMs partition_time)>;
    RecordQueue(TopicPartition partition, size_t source, Prepare prepare)
        : partition_(std::move(partition)), source_(source), prepare_(std::move(prepare)) {}

    void add(RecordSourcePtr records) {
        waiting_.push_back(std::move(records));
        refill();
    }
    bool empty() const { return !head_; }
    // How many records wait, at most.
    size_t size() const;
    TimestampMs head_time() const { return head_->timestamp; }
    // The record's views are good until the next take().
    ReadyRecord take();

    const TopicPartition& partition() const { return partition_; }
    size_t source() const { return source_; }
    // The largest time taken from it; -1 at first.
    TimestampMs partition_time() const { return partition_time_; }
    void set_partition_time(TimestampMs time) { partition_time_ = time; }
    // Of the last record taken, or passed over before it; -1 at first.
    Offset consumed() const { return consumed_; }

private:
    void refill();

    TopicPartition partition_;
    size_t source_;  // the plan's node
    Prepare prepare_;
    std::deque<RecordSourcePtr> waiting_;  // the first one is that of the head
    // Read to the end since the last take(), whose record one of them holds.
    std::vector<RecordSourcePtr> spent_;
    std::optional<ReadyRecord> head_;
    TimestampMs partition_time_ = -1;
    Offset consumed_ = -1;
};

class PartitionGroup {
public:
    RecordQueue& add_queue(std::unique_ptr<RecordQueue> queue);
    // Null for a partition that is not the task's.
    RecordQueue* queue(const TopicPartition& partition);
    const std::vector<std::unique_ptr<RecordQueue>>& queues() const { return queues_; }

    void add(RecordQueue& queue, RecordSourcePtr records);
    bool empty() const { return heap_.empty(); }
    size_t queues_with_records() const { return heap_.size(); }
    size_t size() const;
    // The next record and its queue. Not of an empty group.
    std::pair<RecordQueue*, ReadyRecord> take();

private:
    void push(RecordQueue* queue);
    RecordQueue* pop();

    std::vector<std::unique_ptr<RecordQueue>> queues_;
    // Those with records, a binary heap by their heads' times. It is written out since equal times
    // must come in the same order as in Kafka's.
    std::vector<RecordQueue*> heap_;
};

}  // namespace millrace::streams
