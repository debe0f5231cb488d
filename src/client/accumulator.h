// Where records gather into batches: the topics that a producer writes to, a queue of batches for
// each of their partitions, and the memory that all of it may take.
//
// Owner: Producer. Loop: its. Bound: buffer.memory, counted as batch.size for each batch, or the
// record's size where that is larger. Kafka: RecordAccumulator, BuiltInPartitioner.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/producer_config.h"
#include "client/send_schedule.h"

namespace millrace::client {

class Accumulator {
public:
    Accumulator(Cluster& cluster, const ProducerConfig& config, SendSchedule& schedule)
        : cluster_(cluster), config_(config), schedule_(schedule) {}

    // Puts the record behind the others of its partition. Never waits. Errors: would_block (the
    // topic is not known yet, or there is no memory: see room() and missing_topic());
    // message_too_large; invalid_request (a partition that is not there).
    Result<Delivery> append(const Record& record);
    // A batch of this one record with a condition: the partition must end at that offset.
    Result<Delivery> append_if(const Record& record, Offset expected_end);
    // Whether the metadata has the topic.
    bool knows(std::string_view topic) const;
    // Rings when memory was given back.
    runtime::Signal& room() { return room_; }

    // Everything that is open is closed and due. Returns what is not delivered now.
    std::vector<BatchRef> close_batches();
    // A batch is done: its memory is free again, whoever waits for it hears of it.
    void finish(ProducerBatch& batch);
    // Cuts a batch that was too large in two: nothing if it has but one record.
    Result<void> split(const BatchRef& batch);

    // The oldest batch that is not done, nullptr when there is none.
    ProducerBatch* oldest() { return undelivered_.empty() ? nullptr : &undelivered_.front(); }
    bool empty() { return undelivered_.empty(); }
    std::vector<BatchRef> undelivered();
    int64_t bytes_used() const { return used_; }
    bool transactional = false;  // of the batches to come
    void metadata_changed();
    // All queues that there are.
    template <typename Visit>
    void for_each_queue(Visit visit) {
        for (auto& [name, topic] : topics_)
            for (auto& queue : topic->queues) visit(*queue);
    }
    // Of all topics: visit(name, SendCounts).
    template <typename Visit>
    void for_each_topic(Visit visit) const {
        for (const auto& [name, topic] : topics_) visit(name, topic->counts);
    }

private:
    struct Topic {
        TopicPtr info;
        std::vector<std::unique_ptr<PartitionQueue>> queues;  // by partition
        SendCounts counts;
        // Records without key: to this partition until it has had a batch's worth.
        PartitionIndex sticky = -1;
        int64_t sticky_bytes = 0;
    };

    Topic* find(std::string_view name);
    static void add_queues(Topic& topic);
    Result<PartitionIndex> choose(Topic& topic, const Record& record);
    PartitionIndex next_sticky(const Topic& topic);
    Result<ProducerBatch*> batch_for(Topic& topic, PartitionQueue& queue, size_t record_bytes,
                                     bool alone);
    Result<Delivery> append_to(const Record& record, std::optional<Offset> expected_end);
    BatchRef make_batch(PartitionQueue& queue, int64_t charged);

    Cluster& cluster_;
    const ProducerConfig& config_;
    SendSchedule& schedule_;
    std::unordered_map<std::string, std::unique_ptr<Topic>> topics_;
    Topic* last_ = nullptr;  // most records go where the one before went
    uint64_t next_order_ = 0;
    int64_t used_ = 0;
    runtime::Signal room_;
    runtime::List<ProducerBatch> undelivered_;  // from the oldest on
};

}  // namespace millrace::client
