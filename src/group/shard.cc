#include "group/shard.h"

#include "base/log.h"

namespace millrace::group {

using coordinator::Lanes;
using coordinator::RecordView;
using runtime::Task;

ErrorCode append_error(ErrorCode error) {
    switch (error) {
        case ErrorCode::not_leader_or_follower:
        case ErrorCode::kafka_storage_error:
        case ErrorCode::not_coordinator:
        case ErrorCode::cancelled:
            return ErrorCode::not_coordinator;
        case ErrorCode::unknown_topic_or_partition:
        case ErrorCode::not_enough_replicas:
        case ErrorCode::not_enough_replicas_after_append:
        case ErrorCode::request_timed_out:
        case ErrorCode::deadline_exceeded:
        case ErrorCode::no_space:
        case ErrorCode::io_error:
        case ErrorCode::device_failed:
            return ErrorCode::coordinator_not_available;
        default:
            return ErrorCode::unknown_server_error;
    }
}

Shard::Slot::Slot(std::shared_ptr<Shard> shard)
    : shard_(std::move(shard)), token_(shard_->next_token_++) {
    shard_->slots_[token_] = this;
}

Shard::Slot::~Slot() {
    shard_->slots_.erase(token_);
}

Shard::Shard(runtime::Loop& loop, runtime::Scope& scope, const GroupConfig& config,
             std::shared_ptr<const ClusterView> cluster, coordinator::CoordinatorLog& log)
    : machine(config, loop.rng(), std::move(cluster)),
      lanes(loop),
      loop_(loop),
      scope_(scope),
      log_(log) {}

Now Shard::now() const {
    auto mono =
        std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now().time_since_epoch());
    return {.mono_ms = mono.count(), .wall_ms = loop_.wall_ms()};
}

Task<Result<void>> Shard::load() {
    uses_of_log_++;
    Effects unused;
    Result<void> loaded = co_await log_.replay([&](const RecordView& record) -> Result<void> {
        if (state_ != State::loading) return fail(ErrorCode::cancelled);
        return machine.apply(record, unused);
    });
    if (--uses_of_log_ == 0) log_unused_.set();
    if (state_ != State::loading) co_return fail(ErrorCode::cancelled);
    if (!loaded) {
        LOG_ERROR("group", "a partition of group state cannot be loaded: {}",
                  loaded.error().describe());
        co_return loaded;
    }
    machine.loaded(now());
    state_ = State::active;
    co_return loaded;
}

Task<void> Shard::close() {
    state_ = State::closed;
    for (auto& [token, slot] : slots_) slot->ready.set();
    while (uses_of_log_ > 0) {
        log_unused_.reset();
        co_await log_unused_.wait();
    }
}

void Shard::deliver(Effects& effects) {
    for (auto& [token, reply] : effects.completed) {
        auto slot = slots_.find(token);
        if (slot == slots_.end()) continue;  // whoever waited is gone
        slot->second->reply = std::move(reply);
        slot->second->ready.set();
    }
    effects.completed.clear();
}

// `effects` takes what applying the records completes.
Task<ErrorCode> Shard::append(const std::vector<Record>& records, Effects& effects) {
    if (!active()) co_return ErrorCode::not_coordinator;
    uses_of_log_++;
    Result<Offset> base = co_await log_.append(records);
    if (--uses_of_log_ == 0) log_unused_.set();
    if (!active()) co_return ErrorCode::not_coordinator;
    if (!base) {
        LOG_WARN("group", "{} records of group state were not committed: {}", records.size(),
                 base.error().describe());
        co_return append_error(base.code());
    }
    for (size_t i = 0; i < records.size(); i++) {
        RecordView view{*base + static_cast<Offset>(i), records[i].key, {}};
        if (records[i].value) view.value = ByteView{*records[i].value};
        Result<void> applied = machine.apply(view, effects);
        INVARIANT(applied.has_value());
    }
    co_return ErrorCode::none;
}

Task<void> Shard::run_commit(std::shared_ptr<Shard> self, Lanes::Stay stay, Effects effects,
                             std::shared_ptr<Commit> commit) {
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

Task<ErrorCode> Shard::commit(Lanes::Stay stay, Effects effects) {
    auto commit = std::make_shared<Commit>();
    if (effects.records.empty() && !effects.after) {
        deliver(effects);
        co_return ErrorCode::none;
    }
    // The records must be applied even if this request's task is dropped while they are on their
    // way.
    scope_.spawn(run_commit(shared_from_this(), std::move(stay), std::move(effects), commit));
    co_await commit->done.wait();
    co_return commit->error;
}

}  // namespace millrace::group
