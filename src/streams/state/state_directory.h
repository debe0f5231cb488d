// Where an instance keeps the state of its tasks. Kafka: StateDirectory.
//
// One implementation is on disk (disk_state.h); a simulated instance has another.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "streams/core/record.h"
#include "streams/state/ordered_bytes.h"
#include "streams/state/store.h"

namespace millrace::streams {

// The state of one task. Stores that were opened must be gone before it. Errors:
// ProcessorStateException.
class TaskState {
public:
    virtual ~TaskState() = default;
    virtual std::unique_ptr<OrderedBytes> open(const StoreSpec& spec) = 0;
    // The next offset of the store's changelog to read; absent: nothing is there.
    virtual std::optional<Offset> position(const std::string& store) const = 0;
    virtual void set_position(const std::string& store, Offset next) = 0;
    // Gives up what the store holds.
    virtual void wipe(const std::string& store) = 0;
    // What was written so far survives a crash of the machine.
    virtual void flush() = 0;
};

class StateDirectory {
public:
    virtual ~StateDirectory() = default;
    // One at a time for a task. ProcessorStateException when another process has it.
    virtual std::unique_ptr<TaskState> open_task(const TaskId& task) = 0;
    // Those that have state here.
    virtual std::vector<TaskId> tasks() const = 0;
    virtual void remove(const TaskId& task) = 0;
};

}  // namespace millrace::streams
