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
#include "streams/app/changelog_reader.h"
#include "streams/app/producer_collector.h"
#include "streams/state/store_cache.h"

namespace millrace::streams {

enum class ThreadState : uint8_t { created, starting, rebalancing, running, stopping, dead };

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
    Counts counts() const;

private:
    class Listener;

    client::ConsumerConfig member_config() const;
    runtime::Task<Result<void>> prepare_topics();
    runtime::Task<Result<void>> create_missing(const Layout& layout);
    runtime::Task<Result<void>> work();
    runtime::Task<Result<void>> commit();
    runtime::Task<Result<void>> commit_offsets(client::CommittedOffsets offsets);
    runtime::Task<Result<void>> shut_down(bool commit_first);
    void take_batch(client::RecordBatch batch);
    Result<void> process_slice();
    Result<void> run_timers();
    void see_whether_all_run();
    void add_partitions(std::span<const TopicPartition> partitions);
    std::unique_ptr<RunningTask> make_task(const TaskId& id);
    runtime::Task<void> give_up(std::span<const TopicPartition> partitions, bool clean);
    std::optional<TaskId> task_of(const TopicPartition& partition) const;
    client::CommittedOffsets consumed() const;
    void balance_fetching();
    void set_state(ThreadState state);

    ThreadParts parts_;
    Layout layout_;
    client::Consumer consumer_;
    client::Producer producer_;
    ProducerCollector collector_;
    client::Cluster admin_cluster_;
    StoreCache cache_;  // of the tasks' stores
    Tasks tasks_;
    ChangelogReader changelogs_;
    std::set<TopicPartition> paused_;
    std::map<TopicPartition, Offset> committed_;  // the last record that counts as read
    std::optional<Error> failure_;
    runtime::TimePoint next_commit_{};
    Counts counts_;
    ThreadState state_ = ThreadState::created;
    bool stopping_ = false;
};

}  // namespace millrace::streams
