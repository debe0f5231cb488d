// Where the inputs of a thread's tasks go on, and what is committed of them.
//
// Owner: StreamThread; consumer and tasks are its. Loop: its.
#pragma once

#include "client/consumer.h"
#include "runtime/scope.h"
#include "streams/app/running_task.h"

namespace millrace::streams {

class InputOffsets {
public:
    InputOffsets(runtime::Loop& loop, client::Consumer& consumer, Tasks& tasks)
        : consumer_(consumer), tasks_(tasks), asking_(loop) {}

    // Tasks came or went.
    void tasks_changed() { ++round_; }
    // Sees to it that tasks which wait learn where they go on, while the others work; then they
    // begin to restore. Offsets that a transaction is still open over are waited for.
    void look_after();
    // Why a task could not learn it.
    std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }

    // What was processed since the last commit. Errors: those of Consumer::position().
    runtime::Task<Result<client::CommittedOffsets>> processed();
    // They count as committed.
    void committed(const client::CommittedOffsets& offsets);

private:
    runtime::Task<void> ask(std::vector<TopicPartition> inputs, uint64_t round);
    runtime::Task<Result<void>> place(const client::CommittedOffsets& offsets, uint64_t round);
    runtime::Task<Result<void>> place_by_policy(Task& task, TopicPartition input);

    client::Consumer& consumer_;
    Tasks& tasks_;
    uint64_t round_ = 0;  // answers to questions of before are of no use
    bool under_way_ = false;
    std::optional<Error> failure_;
    std::map<TopicPartition, Offset> last_;  // that counts as read
    runtime::DroppingScope asking_;
};

}  // namespace millrace::streams
