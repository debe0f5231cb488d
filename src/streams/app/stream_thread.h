// A thread of a streams application: a member of the group, its tasks, and everything they need.
//
// One loop does it all: polls, restores, processes in slices, runs timers, commits. Between slices
// the loop sends and receives, so that a fetch is under way while records are processed.
//
//   run(): prepare topics -> subscribe -> { poll; restore; process; punctuate; commit } until stop()
//
// What goes wrong on the way and may be right later (failures.h) takes all tasks of the thread back
// to their last commit, from where they go on: for task.timeout.ms at most without a commit.
//
// Owner: KafkaStreams, or a test. Loop: that of the context; RocksDB reads and writes block it.
// Errors of run(): what ended it; the thread cannot be used again. Kafka: StreamThread, TaskManager.
#pragma once

#include <memory>

#include "client/consumer.h"
#include "streams/app/changelog_reader.h"
#include "streams/app/global_state.h"
#include "streams/app/input_offsets.h"
#include "streams/app/producer_collector.h"
#include "streams/app/repartition_purge.h"
#include "streams/state/store_cache.h"

namespace millrace::streams {

enum class ThreadState : uint8_t { created, starting, rebalancing, running, stopping, dead };

struct ThreadParts {
    runtime::Context context;
    std::shared_ptr<const TopologyPlan> plan;
    StreamsConfig config;
    StateDirectory& directory;
    const GlobalState* global = nullptr;  // null: the topology has no global stores
    std::string name;                     // <client id>-StreamThread-<index>
    StateRestoreListener* restore_listener = nullptr;
    std::function<void(ThreadState)> state_changed;
};

class StreamThread {
public:
    // ConfigException for settings that the clients refuse; StreamsException when the state
    // directory is another process's.
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
    Counts counts() const;

private:
    class Listener;

    client::ConsumerConfig member_config() const;
    client::ProducerConfig sender_config() const;
    runtime::Task<Result<void>> begin();
    runtime::Task<Result<void>> work();
    runtime::Task<Result<void>> turn();
    runtime::Task<Result<void>> recover(Error error);
    runtime::Task<Result<void>> commit();
    runtime::Task<Result<client::CommittedOffsets>> commit_at_least_once(
        client::CommittedOffsets offsets);
    runtime::Task<Result<void>> commit_at_last();
    runtime::Task<Result<void>> shut_down(bool commit_first);
    void take_batch(client::RecordBatch batch);
    Result<void> process_slice();
    bool can_process(RunningTask& task);
    Result<void> run_timers();
    bool commit_is_due();
    void see_whether_all_run();
    void add_partitions(std::span<const TopicPartition> partitions);
    std::unique_ptr<RunningTask> make_task(const TaskId& id);
    runtime::Task<void> give_up(std::span<const TopicPartition> partitions, bool clean);
    void tasks_changed();
    void close_task(RunningTask& task);
    std::optional<TaskId> task_of(const TopicPartition& partition) const;
    void balance_fetching();
    void set_state(ThreadState state);

    ThreadParts parts_;
    std::optional<GlobalStores> global_;
    Layout layout_;
    client::Consumer consumer_;
    ProducerCollector collector_;
    client::Cluster admin_cluster_;
    StoreCache cache_;  // of the tasks' stores
    Tasks tasks_;
    ChangelogReader changelogs_;
    InputOffsets offsets_;
    RepartitionPurge purge_;
    std::set<TopicPartition> paused_;
    std::optional<Error> failure_;
    runtime::TimePoint next_commit_{};
    std::optional<runtime::TimePoint> troubled_since_;  // without a commit
    Counts counts_;
    ThreadState state_ = ThreadState::created;
    bool stopping_ = false;
};

}  // namespace millrace::streams
