// A task: one instance of a sub-topology's nodes and stores, for one partition of its topics.
//
// Records are added and processed one at a time; what leaves goes to the RecordCollector. A task
// runs on one thread. What the topology throws leaves process() and punctuate() as StreamsException
// with its cause, after the handlers have let it: the task is then done for, and close() is all
// that may follow. Kafka: StreamTask.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "client/topic_pattern.h"
#include "streams/config.h"
#include "streams/state/ordered_bytes.h"
#include "streams/task/commit_metadata.h"
#include "streams/task/punctuation.h"
#include "streams/task/record_queue.h"

namespace millrace::streams {

// Where the records go that tasks send. Owner: the thread; it outlives its tasks.
class RecordCollector {
public:
    virtual ~RecordCollector() = default;
    // `partition` absent: by the key's bytes. `timestamp` absent: the producer's clock.
    virtual void send(std::string_view topic, std::optional<PartitionIndex> partition,
                      NullableView key, NullableView value, std::optional<TimestampMs> timestamp,
                      const Headers& headers) = 0;
    // Of an existing topic; StreamsException for one that is not there.
    virtual int32_t partitions(std::string_view topic) = 0;
};

// What a task is made of and surrounded by. All of it outlives the task.
struct TaskParts {
    const TopologyPlan& plan;
    std::vector<size_t> nodes;  // of the plan, in its order
    TaskId id;
    const StreamsConfig& config;
    RecordCollector& collector;
    std::function<TimestampMs()> wall_ms;
    // The bytes of a store, kept over a restart if the spec says so.
    std::function<std::unique_ptr<OrderedBytes>(const StoreSpec& spec, const TaskId& task)> bytes;
    StoreCache* cache = nullptr;
    // The stores that every instance has.
    const std::map<std::string, StateStore*>* global_stores = nullptr;
};

class Task final : private StoreContext {
public:
    explicit Task(TaskParts parts);
    ~Task() override;

    // Opens the stores; they can be restored then.
    void open_stores();
    // Initialises the processors, which may schedule and forward.
    void start();

    // Whether a source of the task reads the topic.
    bool reads(std::string_view topic);
    // Records of a partition that the task reads, in order.
    void add(const TopicPartition& partition, RecordSourcePtr records);
    bool has_records() const { return !group_.empty(); }
    bool has_records(const TopicPartition& partition);
    size_t records_waiting() const { return group_.size(); }
    // The next record goes through the topology. False: there was none.
    bool process();
    // Runs the timers that are due; true if any was.
    bool punctuate_stream_time();
    bool punctuate_wall_clock();
    // Writes and forwards what caches hold back: before every commit.
    void flush();
    // Whether a processor has asked for a commit since the last call.
    bool take_commit_request() { return std::exchange(commit_requested_, false); }
    // Processors and stores; nothing is forwarded any more.
    void close();

    const TaskId& id() const { return parts_.id; }
    TimestampMs stream_time() const { return stream_time_; }
    // The partitions it reads, each with the offset of the last record that was processed.
    const PartitionGroup& inputs() const { return group_; }
    const std::map<std::string, std::unique_ptr<StateStore>>& stores() const { return stores_; }
    int64_t dropped_records() const { return dropped_; }
    // Before start(): what stood beside the committed offset of a partition that it reads.
    void set_committed(const TopicPartition& partition, const CommitMetadata& metadata);
    // What is to stand there now: the partition's time, and what the nodes want to have kept.
    CommitMetadata commit_metadata(const RecordQueue& queue) const {
        return {queue.partition_time(), numbers_};
    }
    // When its group has no committed offset, if the source says so itself.
    std::optional<AutoOffsetReset> offset_reset(const TopicPartition& partition);

private:
    class Slot;  // a node with its surroundings
    friend class Slot;

    void add_store(const std::string& name);
    void add_sources(const PlanNode& node, size_t index);
    RecordQueue* queue_of(const TopicPartition& partition);
    RecordQueue& add_queue(const PlanNode& node, size_t index, const TopicPartition& partition);
    std::optional<ReadyRecord> prepare(const PlanNode& source, const TopicPartition& partition,
                                       InputRecord record, TimestampMs partition_time);
    void run_at(Slot& slot, const RecordContext& context, const std::function<void()>& work,
                std::string_view what);
    // Rethrows what the handler does not let pass.
    void handle_failure(std::string_view node, const std::exception& e);
    void send_dead_letter(const RecordContext& context, const std::exception& e);
    std::string topic_name(std::string_view topic) const;

    // StoreContext
    std::unique_ptr<OrderedBytes> open_bytes(const StoreSpec& spec) override;
    void log_change(const StoreSpec& spec, BytesView key, NullableView value,
                    std::optional<TimestampMs> timestamp, const Headers& headers) override;
    StoreCache* cache() override { return parts_.cache; }
    const RecordContext* record_context() const override { return current_; }
    void in_context(const RecordContext& context, const std::function<void()>& flush) override;
    const SerdeDefaults& serde_defaults() const override { return defaults_; }
    TimestampMs wall_ms() const override { return parts_.wall_ms(); }
    const TaskId& task_id() const override { return parts_.id; }
    void dropped(std::string_view why) override;

    TaskParts parts_;
    SerdeDefaults defaults_;
    TimestampExtractor default_extractor_;
    std::map<std::string, std::unique_ptr<StateStore>> stores_;
    std::vector<std::string> store_order_;
    std::unordered_map<const StoreSpec*, std::string> changelogs_;  // to topics
    std::map<size_t, std::unique_ptr<Slot>> slots_;                 // by the plan's index
    std::vector<Slot*> slot_order_;
    std::vector<std::pair<size_t, client::TopicPattern>> patterns_;
    PartitionGroup group_;
    PunctuationQueue stream_timers_;
    PunctuationQueue wall_timers_;
    const RecordContext* current_ = nullptr;
    TimestampMs stream_time_ = -1;
    std::map<std::string, int64_t> numbers_;
    int64_t dropped_ = 0;
    bool commit_requested_ = false;
    bool closed_ = false;
};

}  // namespace millrace::streams
