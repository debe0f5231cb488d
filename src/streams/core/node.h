// A node of a topology at work in a task: what a record meets on its way.
//
// A node gets records from the nodes above it and forwards to those below, depth first, in the
// order in which they were added. Everything runs on the task's thread. Kafka: Processor,
// InternalProcessorContext.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "streams/core/record.h"
#include "streams/core/serde_defaults.h"

namespace millrace::streams {

class StateStore;
struct StreamsConfig;

enum class PunctuationType : uint8_t { stream_time, wall_clock_time };
// Called with the task's stream time, or with the wall clock.
using Punctuator = std::function<void(TimestampMs)>;

// A scheduled punctuation; cancel() ends it, also from inside itself. Dropping it does not.
class Cancellable {
public:
    explicit Cancellable(std::shared_ptr<bool> cancelled = nullptr)
        : cancelled_(std::move(cancelled)) {}
    void cancel() {
        if (cancelled_) *cancelled_ = true;
    }

private:
    std::shared_ptr<bool> cancelled_;
};

// What a task offers to one of its nodes. Owner: the task; it outlives the node.
class NodeContext {
public:
    virtual ~NodeContext() = default;

    // To every node below, or to the one of that name (StreamsException when there is none).
    virtual void forward(const RawRecord& record) = 0;
    virtual void forward(const RawRecord& record, std::string_view child) = 0;

    // A store connected to this node, or a global one; StreamsException for any other.
    virtual StateStore& store(std::string_view name) = 0;
    // The first is due at `start`, without one at 0 (stream time) or in one interval (wall clock).
    virtual Cancellable schedule(PunctuationType type, std::optional<TimestampMs> start,
                                 int64_t interval_ms, Punctuator punctuator) = 0;
    // Asks for a commit soon.
    virtual void request_commit() = 0;

    // A number that is committed with the task's offsets, under a name of the node's own, so that
    // whoever has the task next goes on from it. Nothing: there is none. Kafka: ProcessorMetadata.
    virtual std::optional<int64_t> committed_number(const std::string& name) const = 0;
    virtual void commit_number(const std::string& name, int64_t value) = 0;

    // Null outside of processing: in init and close. In a punctuation its topic is empty.
    virtual const RecordContext* record_context() const = 0;
    // -1 before the first record.
    virtual TimestampMs stream_time() const = 0;
    virtual TimestampMs wall_ms() const = 0;
    virtual const TaskId& task_id() const = 0;
    virtual const StreamsConfig& config() const = 0;
    virtual const SerdeDefaults& serde_defaults() const = 0;

    // A record that the node passes over (metric dropped-records), and why.
    virtual void dropped(std::string_view why) = 0;
};

class Node {
public:
    virtual ~Node() = default;
    // Once, before the first record; the stores are open and restored.
    virtual void init(NodeContext& context) { context_ = &context; }
    virtual void process(const RawRecord& record) = 0;
    virtual void close() {}

protected:
    NodeContext& context() const { return *context_; }
    void forward(const RawRecord& record) const { context_->forward(record); }

private:
    NodeContext* context_ = nullptr;
};

// Makes the node anew for each task.
using NodeSupplier = std::function<std::unique_ptr<Node>()>;

}  // namespace millrace::streams
