// One loaded partition of an internal topic: its machine, its log, and the way from an input to its
// committed effects.
//
// Everybody who works on a shard holds it by shared_ptr and, after every wait, asks active() before
// using the machine. Loop: the coordinator's. What is appended is applied in the order of the log.
//
// A Machine has:
//   using Reply = ...;                                   // what waiting requests get (Effects)
//   Result<void> apply(const RecordView&, Effects<Reply>&);
//   void apply(const Marker&);                           // ends a transaction that records are of
//   void loaded(Now);                                    // the log was replayed
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/check.h"
#include "base/log.h"
#include "coordinator/coordinator_log.h"
#include "coordinator/effects.h"
#include "coordinator/lanes.h"
#include "runtime/event.h"
#include "runtime/scope.h"

namespace millrace::coordinator {

// The Kafka code that clients get for a failure of the log.
ErrorCode append_error(ErrorCode error);

template <typename MachineType>
class Shard : public std::enable_shared_from_this<Shard<MachineType>> {
public:
    using Machine = MachineType;
    using Reply = typename Machine::Reply;
    using Effects = coordinator::Effects<Reply>;
    enum class State : uint8_t { loading, active, closed };

    // A reply that comes later. Lives in the frame of the request that waits for it.
    class Slot {
    public:
        explicit Slot(std::shared_ptr<Shard> shard)
            : shard_(std::move(shard)), token_(shard_->next_token_++) {
            shard_->slots_[token_] = this;
        }
        ~Slot() { shard_->slots_.erase(token_); }
        Slot(const Slot&) = delete;
        Token token() const { return token_; }
        runtime::Event ready;
        std::optional<Reply> reply;  // nothing when the shard closed

    private:
        std::shared_ptr<Shard> shard_;
        Token token_;
    };

    // `room` names the owner in the log; the rest is the machine's.
    template <typename... Args>
    Shard(runtime::Loop& loop, runtime::Scope& scope, log::Room room, CoordinatorLog& log,
          Args&&... args)
        : machine(std::forward<Args>(args)...),
          lanes(loop),
          loop_(loop),
          scope_(scope),
          room_(room),
          log_(log) {}

    State state() const { return state_; }
    bool active() const { return state_ == State::active; }
    LeaderEpoch epoch() const { return log_.epoch(); }
    Now now() const {
        const auto mono =
            std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now().time_since_epoch());
        return {.mono_ms = mono.count(), .wall_ms = loop_.wall_ms()};
    }

    runtime::Task<Result<void>> load() {
        Replay replay{*this, {}};
        ++uses_of_log_;
        Result<void> loaded = co_await log_.replay(replay);
        if (--uses_of_log_ == 0) log_unused_.set();
        if (state_ != State::loading) co_return fail(ErrorCode::cancelled);
        if (!loaded) {
            LOG_ERROR(room_, "a partition of coordinator state cannot be loaded: {}",
                      loaded.error().describe());
            co_return loaded;
        }
        machine.loaded(now());
        state_ = State::active;
        co_return loaded;
    }

    // Ends all waits, and returns when nothing uses the log any more.
    runtime::Task<void> close() {
        state_ = State::closed;
        for (auto& [token, slot] : slots_) slot->ready.set();
        while (uses_of_log_ > 0) {
            log_unused_.reset();
            co_await log_unused_.wait();
        }
    }

    // Sees that the effects happen, whether or not the caller still waits; `stay` is given back
    // then. none, or why the records were not committed.
    runtime::Task<ErrorCode> commit(Lanes::Stay stay, Effects effects) {
        if (effects.records.empty() && !effects.after) {
            deliver(effects);
            co_return ErrorCode::none;
        }
        // The records must be applied even if this request's task is dropped while they are on
        // their way.
        auto commit = std::make_shared<Commit>();
        scope_.spawn(
            run_commit(this->shared_from_this(), std::move(stay), std::move(effects), commit));
        co_await commit->done.wait();
        co_return commit->error;
    }

    // The same for a marker, which is not of one key and so needs no lane.
    runtime::Task<ErrorCode> commit(Marker marker) {
        auto commit = std::make_shared<Commit>();
        scope_.spawn(run_marker(this->shared_from_this(), marker, commit));
        co_await commit->done.wait();
        co_return commit->error;
    }

    Machine machine;
    Lanes lanes;

private:
    struct Commit {
        ErrorCode error = ErrorCode::none;
        runtime::Event done;
    };
    struct Replay : CoordinatorLog::Visitor {
        Replay(Shard& s, Effects e) : shard(s), unused(std::move(e)) {}
        Result<void> record(const RecordView& record) override {
            if (shard.state_ != State::loading) return fail(ErrorCode::cancelled);
            return shard.machine.apply(record, unused);
        }
        Result<void> marker(const Marker& marker) override {
            if (shard.state_ != State::loading) return fail(ErrorCode::cancelled);
            shard.machine.apply(marker);
            return {};
        }
        Shard& shard;
        Effects unused;
    };
    // A use of the log that has its place in the order of the appends.
    class Turn {
    public:
        explicit Turn(Shard& shard) : shard_(shard), number_(shard.next_turn_++) {
            ++shard_.uses_of_log_;
        }
        Turn(const Turn&) = delete;
        ~Turn() {
            shard_.ended_turns_.insert(number_);
            while (shard_.ended_turns_.erase(shard_.turn_) > 0) ++shard_.turn_;
            shard_.turn_changed_.notify();
            if (--shard_.uses_of_log_ == 0) shard_.log_unused_.set();
        }
        // Until all earlier ones have ended.
        runtime::Task<void> come() {
            runtime::Subscriber waiting{shard_.loop_};
            waiting.subscribe(shard_.turn_changed_);
            while (shard_.turn_ != number_) co_await waiting.wait();
        }

    private:
        Shard& shard_;
        const uint64_t number_;
    };

    static runtime::Task<void> run_commit(std::shared_ptr<Shard> self, Lanes::Stay stay,
                                          Effects effects, std::shared_ptr<Commit> commit) {
        while (true) {
            std::vector<Record> records = std::move(effects.records);
            effects.records.clear();
            self->deliver(effects);
            ErrorCode error = ErrorCode::none;
            if (!records.empty()) error = co_await self->append(records, effects);
            self->deliver(effects);
            if (commit->error == ErrorCode::none) commit->error = error;
            if (!effects.after || !self->active()) break;
            auto after = std::exchange(effects.after, nullptr);
            after(error, effects);
        }
        stay.end();
        commit->done.set();
    }

    static runtime::Task<void> run_marker(std::shared_ptr<Shard> self, Marker marker,
                                          std::shared_ptr<Commit> commit) {
        commit->error = co_await self->append(marker);
        commit->done.set();
    }

    // `effects` takes what applying the records completes.
    runtime::Task<ErrorCode> append(const std::vector<Record>& records, Effects& effects) {
        if (!active()) co_return ErrorCode::not_coordinator;
        Turn turn{*this};
        const Result<Offset> base = co_await log_.append(records, effects.writer);
        co_await turn.come();
        if (!active()) co_return ErrorCode::not_coordinator;
        if (!base) {
            LOG_WARN(room_, "{} records of coordinator state were not committed: {}",
                     records.size(), base.error().describe());
            co_return append_error(base.code());
        }
        for (size_t i = 0; i < records.size(); i++) {
            RecordView view{*base + static_cast<Offset>(i), records[i].key, {}};
            if (records[i].value) view.value = ByteView{*records[i].value};
            if (effects.writer) view.producer_id = effects.writer->producer_id;
            const Result<void> applied = machine.apply(view, effects);
            INVARIANT(applied.has_value());
        }
        co_return ErrorCode::none;
    }

    runtime::Task<ErrorCode> append(Marker marker) {
        if (!active()) co_return ErrorCode::not_coordinator;
        Turn turn{*this};
        const Result<Offset> offset = co_await log_.append_marker(marker);
        co_await turn.come();
        if (!active()) co_return ErrorCode::not_coordinator;
        if (!offset) co_return offset.code();
        marker.offset = *offset;
        machine.apply(marker);
        co_return ErrorCode::none;
    }

    void deliver(Effects& effects) {
        for (auto& [token, reply] : effects.completed) {
            auto slot = slots_.find(token);
            if (slot == slots_.end()) continue;  // whoever waited is gone
            slot->second->reply = std::move(reply);
            slot->second->ready.set();
        }
        effects.completed.clear();
    }

    runtime::Loop& loop_;
    runtime::Scope& scope_;
    const log::Room room_;
    CoordinatorLog& log_;
    State state_ = State::loading;
    std::map<Token, Slot*> slots_;
    Token next_token_ = 1;
    size_t uses_of_log_ = 0;
    runtime::Event log_unused_;
    // Appends that are under way, in the order of the log.
    uint64_t next_turn_ = 0;
    uint64_t turn_ = 0;
    std::set<uint64_t> ended_turns_;
    runtime::Signal turn_changed_;
};

}  // namespace millrace::coordinator
