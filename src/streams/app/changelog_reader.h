// Reads changelogs back into the stores of tasks that are to begin.
//
// Owner: StreamThread; the tasks are its. Loop: its. Errors: those of the consumer, and what stores
// and processors throw. Kafka: StoreChangelogReader.
#pragma once

#include <map>
#include <memory>

#include "client/consumer.h"
#include "streams/app/running_task.h"

namespace millrace::streams {

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

class ChangelogReader {
public:
    ChangelogReader(runtime::Context context, client::ConsumerConfig config, Tasks& tasks,
                    StateRestoreListener* listener)
        : consumer_(context, std::move(config)), tasks_(tasks), listener_(listener) {}

    // Tasks came or went.
    void tasks_changed() { changed_ = true; }
    // Reads on for a moment, and starts the tasks whose stores are complete.
    runtime::Task<Result<void>> advance();
    int64_t restored() const { return restored_; }
    [[clang::coro_wrapper]] runtime::Task<Result<void>> close() { return consumer_.close(); }

private:
    runtime::Task<Result<void>> begin();
    runtime::Task<Result<std::map<TopicPartition, Offset>>> ends_of(
        std::span<const TopicPartition> changelogs);
    void restore(client::RecordBatch batch);
    runtime::Task<Result<void>> see_positions();
    Result<void> finish();

    client::Consumer consumer_;
    Tasks& tasks_;
    StateRestoreListener* listener_;
    bool changed_ = false;
    int64_t restored_ = 0;
};

}  // namespace millrace::streams
