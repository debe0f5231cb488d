// A task of a thread: with its state on disk, and what must be read before it can run.
//
//   restoring --all changelogs read--> running --revoked--> gone
//
// Owner: StreamThread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "streams/app/layout.h"
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

    bool running() const { return running_; }
    // By changelog; those that are done are taken out by restored().
    std::map<TopicPartition, Restoration>& restorations() { return restorations_; }
    StateStore& store(const std::string& name) { return *task_.stores().at(name); }
    // The store is as its changelog says.
    void restored(const TopicPartition& changelog);
    // When nothing is left to restore: the processors begin.
    void start();

    // How far the changelogs of the task's stores are, as of a commit: `ends` by changelog.
    void commit_positions(const std::map<TopicPartition, Offset>& ends);
    // Everything is closed; the state stays.
    void close();

private:
    static TaskParts with_state(TaskParts parts, TaskState& state);
    std::map<TopicPartition, std::string> changelogs_;  // to stores
    std::unique_ptr<TaskState> state_;
    Task task_;
    std::map<TopicPartition, Restoration> restorations_;
    bool running_ = false;
};

}  // namespace millrace::streams
