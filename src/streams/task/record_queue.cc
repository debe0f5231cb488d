#include "streams/task/record_queue.h"

#include <algorithm>

namespace millrace::streams {

ReadyRecord RecordQueue::take() {
    spent_.clear();
    ReadyRecord record = *std::move(head_);
    head_.reset();
    partition_time_ = std::max(partition_time_, record.timestamp);
    consumed_ = record.raw.offset;
    refill();
    return record;
}

void RecordQueue::refill() {
    while (!head_ && !waiting_.empty()) {
        std::optional<InputRecord> record = waiting_.front()->next();
        if (record) {
            head_ = prepare_(*std::move(record), partition_time_);
            continue;
        }
        spent_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

size_t RecordQueue::size() const {
    size_t count = head_ ? 1 : 0;
    for (const RecordSourcePtr& records : waiting_) count += records->left();
    return count;
}

RecordQueue& PartitionGroup::add_queue(std::unique_ptr<RecordQueue> queue) {
    return *queues_.emplace_back(std::move(queue));
}

RecordQueue* PartitionGroup::queue(const TopicPartition& partition) {
    const auto found = std::ranges::find_if(
        queues_, [&](const auto& queue) { return queue->partition() == partition; });
    return found == queues_.end() ? nullptr : found->get();
}

size_t PartitionGroup::size() const {
    size_t total = 0;
    for (const auto& queue : queues_) total += queue->size();
    return total;
}

void PartitionGroup::add(RecordQueue& queue, RecordSourcePtr records) {
    const bool was_empty = queue.empty();
    queue.add(std::move(records));
    if (was_empty && !queue.empty()) push(&queue);
}

std::pair<RecordQueue*, ReadyRecord> PartitionGroup::take() {
    RecordQueue* queue = pop();
    ReadyRecord record = queue->take();
    if (!queue->empty()) push(queue);
    return {queue, std::move(record)};
}

void PartitionGroup::push(RecordQueue* queue) {
    size_t at = heap_.size();
    heap_.push_back(queue);
    while (at > 0) {
        const size_t parent = (at - 1) / 2;
        if (queue->head_time() >= heap_[parent]->head_time()) break;
        std::swap(heap_[at], heap_[parent]);
        at = parent;
    }
}

RecordQueue* PartitionGroup::pop() {
    RecordQueue* first = heap_.front();
    heap_.front() = heap_.back();
    heap_.pop_back();
    size_t at = 0;
    while (2 * at + 1 < heap_.size()) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap_.size() && heap_[child]->head_time() > heap_[child + 1]->head_time())
            ++child;
        if (heap_[at]->head_time() <= heap_[child]->head_time()) break;
        std::swap(heap_[at], heap_[child]);
        at = child;
    }
    return first;
}

}  // namespace millrace::streams
