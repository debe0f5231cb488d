// A streams application: a topology at work on a cluster. Kafka: KafkaStreams.
//
//   KafkaStreams streams(builder.build(), config);
//   streams.start();
//   ...
//   streams.close();
//
// It has num.stream.threads threads of its own, each with its part of the tasks. Other instances of
// the same application.id, here or elsewhere, share the tasks with it.
//
//   created -> rebalancing <-> running -> pending_shutdown -> not_running
//                   \-------------\-> pending_error -> error
//
// Owner: the program; it closes when it dies. Threads: any, but not from inside a listener.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "streams/app/stream_thread.h"
#include "streams/topology.h"

namespace millrace::streams {

class KafkaStreams {
public:
    enum class State : uint8_t {
        created,
        rebalancing,
        running,
        pending_shutdown,
        not_running,
        pending_error,
        error,
    };
    static std::string_view name(State state);
    // On the thread that made the change.
    using StateListener = std::function<void(State now, State before)>;
    // What ended a thread, and by default the application: its error.
    using FailureListener = std::function<void(const Error& error)>;

    // State is kept in <state.dir>/<application.id>. ConfigException.
    KafkaStreams(const Topology& topology, StreamsConfig config);
    ~KafkaStreams();
    KafkaStreams(const KafkaStreams&) = delete;

    // All of these before start(), which throws IllegalStateException the second time. It returns
    // when the global stores, if there are any, are restored; StreamsException when they cannot be.
    void set_state_listener(StateListener listener);
    void set_failure_listener(FailureListener listener);
    // It must live until close() has returned.
    void set_global_state_restore_listener(StateRestoreListener* listener);
    void start();

    // Commits, leaves the group and ends the threads; true when that was done in time.
    bool close(std::chrono::milliseconds timeout = std::chrono::seconds(30));
    State state() const;
    // Of all threads.
    StreamThread::Counts counts();
    // Reads the stores of that name which this instance has now: one for each of its tasks that has
    // it and is not restoring, or the global one with the task -1_-1. `read` runs on the threads of
    // the tasks, which process nothing meanwhile; it may read the store it is given (query.h,
    // state_stores.h), and neither keep nor change it. Gives how many there were. What `read`
    // throws ends the reading; IllegalStateException unless the application runs,
    // InvalidStateStoreException for a name that the topology has not. Kafka: KafkaStreams.store.
    using StoreReader = std::function<void(const TaskId& task, StateStore& store)>;
    int read_stores(const std::string& name, const StoreReader& read);

    // Deletes the local state. Only while it does not run: IllegalStateException.
    void clean_up();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::streams
