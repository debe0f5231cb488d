// Where an instance keeps the state of its tasks. Kafka: StateDirectory.
//
// One implementation is on disk (disk_state.h); a simulated instance has another.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "runtime/context.h"
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
    // The store is about to be restored: until end_load(), many writes and hardly a read. What was
    // written in between may be lost in a crash as a whole.
    virtual void begin_load(const std::string& /*store*/) {}
    virtual void end_load(const std::string& /*store*/) {}
    // The next offset of the store's changelog to read; absent: nothing is there.
    virtual std::optional<Offset> position(const std::string& store) const = 0;
    virtual void set_position(const std::string& store, Offset next) = 0;
    // What `work` writes, positions too, is there after a crash as a whole or not at all. It may
    // not read what it has written itself.
    virtual void atomically(const std::function<void()>& work) = 0;
    // Gives up what the store holds.
    virtual void wipe(const std::string& store) = 0;
    // What was written so far survives a crash of the machine.
    virtual void flush() = 0;
};

class StateDirectory {
public:
    virtual ~StateDirectory() = default;
    // Takes the directory for this process, which has a name there that outlives it (Kafka: the
    // process id); another time it is given the same one. Errors: already_exists while another
    // process has it, those of the disk.
    virtual Result<std::string> claim(const runtime::Context& context) = 0;
    // One at a time for a task. ProcessorStateException when another process has it.
    virtual std::unique_ptr<TaskState> open_task(const TaskId& task) = 0;
    // Of the stores that every instance has.
    virtual std::unique_ptr<TaskState> open_global() = 0;
    // Those that have state here.
    virtual std::vector<TaskId> tasks() const = 0;
    virtual void remove(const TaskId& task) = 0;
    virtual void remove_global() = 0;
};

}  // namespace millrace::streams
