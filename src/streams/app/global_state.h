// The stores that every instance has whole: one copy of their bytes, which one thread keeps up with
// its topics (global_thread.h), and which all threads of the instance read.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "streams/config.h"
#include "streams/core/serde_defaults.h"
#include "streams/core/topology_plan.h"
#include "streams/state/state_directory.h"

namespace millrace::streams {

// Owner: the application; it outlives its threads. Threads: made on one, then read by any.
class GlobalState {
public:
    // Opens the stores. TopologyException for kinds that cannot be shared (windows, sessions,
    // versions); ProcessorStateException.
    GlobalState(const TopologyPlan& plan, StateDirectory& directory);

    // May be read by any thread, and written by one.
    std::unique_ptr<OrderedBytes> open(const StoreSpec& spec) const;
    const std::map<std::string, StoreSpecPtr>& stores() const { return specs_; }

    // How far a topic's partition is in the stores: the next offset to read. Of the writing thread.
    Offset position(const TopicPartition& partition) const;
    void set_position(const TopicPartition& partition, Offset next);
    // Everything written so far survives a crash.
    void flush() { state_->flush(); }

private:
    std::unique_ptr<TaskState> state_;
    std::map<std::string, StoreSpecPtr> specs_;
    std::map<std::string, std::shared_ptr<OrderedBytes>> bytes_;
    bool durable_ = true;
};

// The stores as one thread sees them. Owner: the thread.
class GlobalStores final : private StoreContext {
public:
    GlobalStores(const GlobalState& state, const StreamsConfig& config);
    ~GlobalStores() override;
    const std::map<std::string, StateStore*>& stores() const { return by_name_; }

private:
    std::unique_ptr<OrderedBytes> open_bytes(const StoreSpec& spec) override {
        return state_.open(spec);
    }
    void log_change(const StoreSpec&, BytesView, NullableView, std::optional<TimestampMs>,
                    const Headers&) override {}
    StoreCache* cache() override { return nullptr; }
    const RecordContext* record_context() const override { return nullptr; }
    void in_context(const RecordContext&, const std::function<void()>& flush) override { flush(); }
    const SerdeDefaults& serde_defaults() const override { return defaults_; }
    TimestampMs wall_ms() const override { return 0; }
    const TaskId& task_id() const override { return id_; }
    void dropped(std::string_view) override {}

    const GlobalState& state_;
    SerdeDefaults defaults_;
    TaskId id_;
    std::vector<std::unique_ptr<StateStore>> owned_;
    std::map<std::string, StateStore*> by_name_;
};

}  // namespace millrace::streams
