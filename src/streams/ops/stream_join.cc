#include "streams/ops/stream_join.h"

#include <algorithm>

#include "streams/config.h"
#include "streams/state/waiting_records.h"

namespace millrace::streams::ops {
namespace {

using Visit = WaitingRecords::Visit;

// Where the partners of a record are.
struct Span {
    int64_t before;
    int64_t after;
    TimestampMs from(TimestampMs t) const { return std::max<TimestampMs>(0, t - before); }
    TimestampMs to(TimestampMs t) const { return std::max<TimestampMs>(0, t + after); }
};
Span span_of(const JoinWindows& windows, bool left) {
    if (left) return {windows.before_ms(), windows.after_ms()};
    return {windows.after_ms(), windows.before_ms()};
}

// With Java's overflow: "nothing waits" is the largest number, and what is added wraps it around,
// which uses up the first attempt to release.
int64_t wrapping_sum(int64_t a, int64_t b, int64_t c) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b) +
                                static_cast<uint64_t>(c));
}

class JoinWindowNode final : public Node {
public:
    explicit JoinWindowNode(std::string store) : name_(std::move(store)) {}
    void init(NodeContext& node) override {
        Node::init(node);
        store_ = &static_cast<WindowState&>(node.store(name_));
    }
    void process(const RawRecord& record) override {
        forward(record);
        if (record.key) store_->put(record.key, record.value, record.timestamp, record.timestamp);
    }

private:
    std::string name_;
    WindowState* store_ = nullptr;
};

class StreamJoinNode final : public Node {
public:
    explicit StreamJoinNode(const StreamJoinSide& side)
        : side_(side), span_(span_of(side.windows, side.left)) {}

    void init(NodeContext& node) override {
        Node::init(node);
        other_ = &static_cast<WindowState&>(node.store(side_.other));
        if (side_.waiting.empty()) return;
        waiting_ = &static_cast<WaitingRecords&>(node.store(side_.waiting));
        release_interval_ms_ =
            node.config().emit_interval_outer_join_ms.value_or(StreamsConfig::kEmitIntervalMs);
    }

    void process(const RawRecord& record) override {
        if (waiting_) waiting_->times.stream = std::max(waiting_->times.stream, record.timestamp);
        if (side_.emits_unmatched && !record.key && record.value) return emit(record, nullptr);
        if (!record.key || !record.value) return context().dropped("its key or value is null");
        if (waiting_ && record.timestamp == waiting_->times.stream) release(record);
        if (meet_partners(record) || !side_.emits_unmatched) return;
        // Too late for a partner to come: it need not wait.
        if (span_.to(record.timestamp) < waiting_->times.stream) return emit(record, nullptr);
        waiting_->times.first = std::min(waiting_->times.first, record.timestamp);
        waiting_->add({record.timestamp, side_.left, record.key}, record.value);
    }

private:
    bool meet_partners(const RawRecord& record) {
        bool met = false;
        const auto partners = other_->fetch(record.key, span_.from(record.timestamp),
                                            span_.to(record.timestamp), Order::forward);
        while (const auto partner = partners->next()) {
            met = true;
            if (waiting_) waiting_->remove({partner->start, !side_.left, record.key});
            emit(record.at(std::max(record.timestamp, partner->start)), partner->value.value.get());
        }
        return met;
    }

    void emit(const RawRecord& record, Ref partner) {
        const Box joined = side_.left ? side_.joiner(record.key, record.value, partner)
                                      : side_.joiner(record.key, partner, record.value);
        forward(record.with_value(joined.get()));
    }

    void release(const RawRecord& record) {
        WaitingRecords::Times& times = waiting_->times;
        const int64_t grace = side_.windows.grace_ms();
        if (wrapping_sum(times.first, span_.after, grace) >= times.stream) return;
        if (context().wall_ms() < times.next_release) return;
        times.next_release = context().wall_ms() + release_interval_ms_;

        times.first = std::numeric_limits<TimestampMs>::max();
        bool left_open = false;
        bool right_open = false;
        waiting_->visit(
            [&](const WaitingRecords::Place& place, const WaitingRecords::Values& values) {
                times.first = place.timestamp;
                if (left_open && right_open) return Visit::stop;
                const int64_t after = span_of(side_.windows, place.left).after;
                if (place.timestamp + after + grace >= times.stream) {
                    (place.left ? left_open : right_open) = true;
                    return Visit::keep;
                }
                values([&](Ref value) {
                    const Box joined = place.left ? side_.joiner(place.key, value, nullptr)
                                                  : side_.joiner(place.key, nullptr, value);
                    forward({place.key, joined.get(), place.timestamp, record.headers});
                });
                return Visit::remove;
            });
    }

    StreamJoinSide side_;
    Span span_;
    WindowState* other_ = nullptr;
    WaitingRecords* waiting_ = nullptr;
    int64_t release_interval_ms_ = 0;
};

class SelfJoinNode final : public Node {
public:
    SelfJoinNode(const ValueJoiner& joiner, const JoinWindows& windows, std::string store)
        : joiner_(joiner), windows_(windows), name_(std::move(store)) {}

    void init(NodeContext& node) override {
        Node::init(node);
        store_ = &static_cast<WindowState&>(node.store(name_));
    }

    // First as the left side, then as the right one, with itself where its time has it.
    void process(const RawRecord& record) override {
        if (!record.key || !record.value) return context().dropped("its key or value is null");
        const TimestampMs now = record.timestamp;
        stream_time_ = std::max(stream_time_, now);
        each_partner(record, true, [&](TimestampMs time, Ref partner) {
            emit(record, record.value, partner, std::max(now, time));
        });
        // One that comes too late to be found in the store does not meet itself either.
        bool met_itself = now <= stream_time_ - windows_.size_ms() - windows_.grace_ms() + 1;
        each_partner(record, false, [&](TimestampMs time, Ref partner) {
            if (now < time && !met_itself) {
                met_itself = true;
                emit(record, record.value, record.value, now);
            }
            emit(record, partner, record.value, std::max(now, time));
        });
        if (!met_itself) emit(record, record.value, record.value, now);
    }

private:
    template <typename F>
    void each_partner(const RawRecord& record, bool left, const F& meet) {
        const Span span = span_of(windows_, left);
        const auto partners = store_->fetch(record.key, span.from(record.timestamp),
                                            span.to(record.timestamp), Order::forward);
        while (const auto partner = partners->next())
            meet(partner->start, partner->value.value.get());
    }
    void emit(const RawRecord& record, Ref left, Ref right, TimestampMs timestamp) {
        const Box joined = joiner_(record.key, left, right);
        forward(record.with_value(joined.get()).at(timestamp));
    }

    ValueJoiner joiner_;
    JoinWindows windows_;
    std::string name_;
    WindowState* store_ = nullptr;
    TimestampMs stream_time_ = -1;
};

}  // namespace

NodeSupplier join_window(std::string store) {
    return [store = std::move(store)] { return std::make_unique<JoinWindowNode>(store); };
}

NodeSupplier stream_join(StreamJoinSide side) {
    return [side = std::move(side)] { return std::make_unique<StreamJoinNode>(side); };
}

NodeSupplier stream_self_join(ValueJoiner joiner, JoinWindows windows, std::string store) {
    return [=, joiner = std::move(joiner), store = std::move(store)] {
        return std::make_unique<SelfJoinNode>(joiner, windows, store);
    };
}

}  // namespace millrace::streams::ops
