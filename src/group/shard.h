// One loaded partition of __consumer_offsets: its machine, its log, and the way from an input to
// its committed effects.
//
// Everybody who works on a shard holds it by shared_ptr and, after every wait, asks active() before
// using the machine. Loop: the coordinator's.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "coordinator/coordinator_log.h"
#include "coordinator/lanes.h"
#include "group/machine.h"
#include "runtime/event.h"
#include "runtime/scope.h"

namespace millrace::group {

// The Kafka code that clients get for a failure of the log.
ErrorCode append_error(ErrorCode error);

class Shard : public std::enable_shared_from_this<Shard> {
public:
    enum class State : uint8_t { loading, active, closed };

    // A reply that comes later. Lives in the frame of the request that waits for it.
    class Slot {
    public:
        explicit Slot(std::shared_ptr<Shard> shard);
        ~Slot();
        Slot(const Slot&) = delete;
        Token token() const { return token_; }
        runtime::Event ready;
        std::optional<ParkedReply> reply;  // nothing when the shard closed

    private:
        std::shared_ptr<Shard> shard_;
        Token token_;
    };

    Shard(runtime::Loop& loop, runtime::Scope& scope, const GroupConfig& config,
          std::shared_ptr<const ClusterView> cluster, coordinator::CoordinatorLog& log);

    State state() const { return state_; }
    bool active() const { return state_ == State::active; }
    Now now() const;

    runtime::Task<Result<void>> load();
    // Ends all waits, and returns when nothing uses the log any more.
    runtime::Task<void> close();

    // Sees that the effects happen, whether or not the caller still waits; `stay` is given back
    // then. none, or why the records were not committed.
    runtime::Task<ErrorCode> commit(coordinator::Lanes::Stay stay, Effects effects);

    GroupMachine machine;
    coordinator::Lanes lanes;

private:
    struct Commit {
        ErrorCode error = ErrorCode::none;
        runtime::Event done;
    };
    static runtime::Task<void> run_commit(std::shared_ptr<Shard> self,
                                          coordinator::Lanes::Stay stay, Effects effects,
                                          std::shared_ptr<Commit> commit);
    runtime::Task<ErrorCode> append(const std::vector<Record>& records, Effects& effects);
    void deliver(Effects& effects);

    runtime::Loop& loop_;
    runtime::Scope& scope_;
    coordinator::CoordinatorLog& log_;
    State state_ = State::loading;
    std::map<Token, Slot*> slots_;
    Token next_token_ = 1;
    size_t uses_of_log_ = 0;
    runtime::Event log_unused_;
};

}  // namespace millrace::group
