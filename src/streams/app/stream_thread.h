// A thread of a streams application: a member of the group, its tasks, and everything they need.
//
// One loop does it all: polls, restores, processes in slices, runs timers, commits. Between slices
// the loop sends and receives, so that a fetch is under way while records are processed.
//
//   run(): prepare topics -> subscribe -> { poll; restore; process; punctuate; commit } until stop()
//
// Owner: KafkaStreams, or a test. Loop: that of the context; RocksDB reads and writes block it.
// Errors of run(): what ended it; the thread cannot be used again. Kafka: StreamThread, TaskManager.
#pragma once

#include <memory>

#include "client/admin.h"
#include "client/consumer.h"
#include "streams/app/producer_collector.h"
#include "streams/app/running_task.h"

namespace millrace::streams {

enum class ThreadState : uint8_t { created, starting, rebalancing, running, stopping, dead };

// Told how far stores are restored, from inside the thread. Kafka: StateRestoreListener.
class StateRestoreListener {
public:
    virtual ~StateRestoreListener() = default;
    virtual void restore_started(const TopicPartition& changelog, const std::string& store,
                                 Offset from, Offset to) = 0;
    virtual void batch_restored(const TopicPartition& changelog, const std::string& store,
                                Offset end, int64_t records) = 0;
    virtual void restore_ended(const TopicPartition& changelog, const std::string& store,
                               int64_t records) = 0;
};

struct ThreadParts {
    runtime::Context context;
    std::shared_ptr<const TopologyPlan> plan;
    StreamsConfig config;
    StateDirectory& directory;
    std::string name;  // <client id>-StreamThread-<index>
    StateRestoreListener* restore_listener = nullptr;
    std::function<void(ThreadState)> state_changed;
};

class StreamThread {
public:
    // ConfigException for settings that the clients refuse.
    explicit StreamThread(ThreadParts parts);
    ~StreamThread();
    StreamThread(const StreamThread&) = delete;

    // Until stop(), or a failure. Afterwards everything is committed (unless it failed) and closed.
    runtime::Task<Result<void>> run();
    // run() comes to its end soon.
    void stop();
    ThreadState state() const { return state_; }
    // Those that run here now.
    std::vector<TaskId> tasks() const;
    // A store of a running task; null: it is not here, or still restoring.
    StateStore* store(const TaskId& task, const std::string& name);

    struct Counts {
        int64_t processed = 0;
        int64_t commits = 0;
        int64_t restored = 0;
    };
    const Counts& counts() const { return counts_; }

private:
    class Listener;

    runtime::Task<Result<void>> prepare_topics();
    runtime::Task<Result<void>> create_missing(const Layout& layout);
    runtime::Task<Result<void>> work();
    runtime::Task<Result<void>> begin_restoring();
    runtime::Task<Result<void>> restore_some();
    runtime::Task<Result<void>> commit();
    runtime::Task<Result<void>> commit_offsets(client::CommittedOffsets offsets);
    runtime::Task<Result<void>> shut_down(bool commit_first);
    void take_batch(client::RecordBatch batch);
    Result<void> process_slice();
    Result<void> run_timers();
    void finish_restoring(RunningTask& task);
    void add_partitions(std::span<const TopicPartition> partitions);
    std::unique_ptr<RunningTask> make_task(const TaskId& id);
    runtime::Task<void> give_up(std::span<const TopicPartition> partitions, bool clean);
    std::optional<TaskId> task_of(const TopicPartition& partition) const;
    client::CommittedOffsets consumed() const;
    void balance_fetching();
    void set_state(ThreadState state);
    template <typename F>
    Result<void> guarded(F work);

    ThreadParts parts_;
    client::Consumer consumer_;
    client::Consumer restorer_;
    client::Producer producer_;
    ProducerCollector collector_;
    client::Cluster admin_cluster_;
    Layout layout_;
    std::map<TaskId, std::unique_ptr<RunningTask>> tasks_;
    std::set<TopicPartition> paused_;
    std::map<TopicPartition, Offset> committed_;  // the last record that counts as read
    std::optional<Error> failure_;
    runtime::TimePoint next_commit_{};
    Counts counts_;
    ThreadState state_ = ThreadState::created;
    bool stopping_ = false;
    bool restore_set_changed_ = false;
};

}  // namespace millrace::streams
