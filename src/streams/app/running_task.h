// A task of a thread: with its state on disk, and what must be read before it can run.
//
//   waiting --committed offsets known--> restoring --all changelogs read--> running
//
// Owner: StreamThread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "streams/app/layout.h"
#include "streams/state/held_bytes.h"
#include "streams/state/state_directory.h"
#include "streams/task/task.h"

namespace millrace::streams {

// One changelog on its way into its store.
struct Restoration {
    std::string store;
    Offset next = 0;
    Offset end = -1;  // -1: not known yet
    int64_t restored = 0;
    bool done() const { return end >= 0 && next >= end; }
};

class RunningTask {
public:
    // Opens the state; throws what that throws.
    RunningTask(TaskParts parts, StateDirectory& directory);
    ~RunningTask();

    Task& task() { return task_; }
    const TaskId& id() const { return task_.id(); }
    std::set<TopicPartition> inputs;  // that the group gave it
    // Since when it has records and waits for those of other inputs.
    std::optional<runtime::TimePoint> idle_since;

    // Where its inputs go on is not known yet, nor therefore where its changelogs end: a transaction
    // of who had the task before may still be open.
    bool waiting() const { return phase_ == Phase::waiting; }
    bool restoring() const { return phase_ == Phase::restoring; }
    bool running() const { return phase_ == Phase::running; }
    void begin_restoring();
    // By changelog; those that are done are taken out by restored().
    std::map<TopicPartition, Restoration>& restorations() { return restorations_; }
    StateStore& store(const std::string& name) { return *task_.stores().at(name); }
    // The store is as its changelog says.
    void restored(const TopicPartition& changelog);
    // When nothing is left to restore: the processors begin.
    void start();

    // As of a commit: what the stores have written is kept, with how far their changelogs are
    // (`ends` by changelog).
    void commit(const std::map<TopicPartition, Offset>& ends);
    // About how much memory the writes take that wait for a commit.
    size_t held() const;
    // Everything is closed; the state stays as it was when it was committed, or, where writes do
    // not wait for that (at least once), as it is.
    void close();

private:
    enum class Phase : uint8_t { waiting, restoring, running };

    TaskParts with_state(TaskParts parts);
    void keep(const Restoration& restoration);
    std::unique_ptr<OrderedBytes> open(const StoreSpec& spec);

    const bool exactly_once_;
    std::map<TopicPartition, std::string> changelogs_;  // to stores
    std::unique_ptr<TaskState> state_;
    std::set<std::string> durable_;    // stores that are kept over a restart
    std::vector<HeldBytes*> holding_;  // with exactly once: of those stores, owned by them
    Task task_;
    std::map<TopicPartition, Restoration> restorations_;
    Phase phase_ = Phase::waiting;
};

// Of a thread.
using Tasks = std::map<TaskId, std::unique_ptr<RunningTask>>;

}  // namespace millrace::streams
