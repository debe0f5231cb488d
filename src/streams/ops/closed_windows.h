// When a windowed aggregation that emits on window close looks for closed windows. Kafka:
// EmitStrategy.onWindowClose().
#pragma once

#include <optional>

#include "streams/config.h"
#include "streams/core/node.h"

namespace millrace::streams::ops {

class CloseTimer {
public:
    // `store`: the aggregation's, for which the last close time is kept.
    void init(NodeContext& context, const std::string& store) {
        context_ = &context;
        store_ = store;
        emitted_until_ = context.committed_number(store);
        interval_ms_ = context.config().emit_interval_windowed_aggregation_ms.value_or(
            StreamsConfig::kEmitIntervalMs);
    }

    // Whether to emit now what is closed at `close_time`, and was not at `emitted_until()`. Asking
    // takes the turn of this interval of the wall clock, also when the answer is no.
    bool due(TimestampMs close_time) {
        const TimestampMs now = context_->wall_ms();
        if (now < next_ms_) return false;
        next_ms_ = now + interval_ms_;
        return !emitted_until_ || *emitted_until_ < close_time;
    }
    void emitted(TimestampMs close_time) {
        emitted_until_ = close_time;
        context_->commit_number(store_, close_time);
    }
    // The last close time that was emitted at, also before the task came here.
    const std::optional<TimestampMs>& emitted_until() const { return emitted_until_; }

private:
    NodeContext* context_ = nullptr;
    std::string store_;
    int64_t interval_ms_ = 0;
    TimestampMs next_ms_ = 0;
    std::optional<TimestampMs> emitted_until_;
};

}  // namespace millrace::streams::ops
