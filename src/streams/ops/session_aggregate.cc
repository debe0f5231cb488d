#include "streams/ops/session_aggregate.h"

#include <algorithm>
#include <limits>

#include "streams/ops/closed_windows.h"
#include "streams/ops/forwarder.h"

namespace millrace::streams::ops {
namespace {

constexpr TimestampMs kForever = std::numeric_limits<TimestampMs>::max();

class SessionAggregateNode final : public Node {
public:
    SessionAggregateNode(const SessionWindows& windows, const WindowAggregation& aggregation)
        : windows_(windows),
          aggregation_(aggregation),
          on_close_(aggregation.strategy == EmitStrategy::on_window_close),
          send_old_(aggregation.old_values->wanted && !on_close_) {}

    void init(NodeContext& node) override {
        Node::init(node);
        store_ = &static_cast<SessionState&>(node.store(aggregation_.store));
        if (on_close_)
            timer_.init(node, aggregation_.store);
        else
            forwarder_.init(node, *store_, send_old_);
    }

    void process(const RawRecord& record) override {
        if (!record.key) return context().dropped("its key is null");
        stream_time_ = std::max(stream_time_, record.timestamp);
        const TimestampMs close_time = stream_time_ - windows_.grace_ms() - windows_.gap_ms();
        merge(record, close_time);
        if (on_close_ && timer_.due(close_time)) emit_closed(record, close_time);
    }

private:
    // The sessions that the record joins become one with it.
    void merge(const RawRecord& record, TimestampMs close_time) {
        const TimestampMs time = record.timestamp;
        const int64_t gap = windows_.gap_ms();
        const Window alone{time, time};
        Window merged = alone;
        std::vector<WindowedEntry> found;
        const auto near =
            store_->find(record.key, record.key, time - gap,
                         time > kForever - gap ? kForever : time + gap, Order::forward);
        while (auto entry = near->next()) {
            merged.start = std::min(merged.start, entry->window.start);
            merged.end = std::max(merged.end, entry->window.end);
            found.push_back(*std::move(entry));
        }
        if (merged.end < close_time) return context().dropped("its session is closed");

        Box aggregate = aggregation_.initializer();
        for (WindowedEntry& entry : found) {
            Box value = send_old_ ? Box::copy_of(*aggregation_.value, entry.value.value.get())
                                  : std::move(entry.value.value);
            aggregate = aggregation_.merger(record.key, std::move(aggregate), std::move(value));
        }
        // A session of this very moment is written over, without saying that it went.
        if (merged != alone) {
            for (const WindowedEntry& entry : found) {
                store_->put(record.key, entry.window, nullptr);
                forward_change(record, entry.window, {.old_value = entry.value.value.get()});
            }
        }
        aggregate = aggregation_.aggregator(record.key, record.value, std::move(aggregate));
        store_->put(record.key, merged, aggregate.get());
        forward_change(record, merged, {.new_value = aggregate.get()});
    }

    void forward_change(const RawRecord& record, Window session, Change change) {
        if (on_close_) return;
        const Box key = aggregation_.windowed->make(record.key, session);
        // Other than in windows of time, the record's headers go no further.
        Headers none;
        forwarder_.forward({key.get(), nullptr, session.end, &none}, change);
    }

    void emit_closed(const RawRecord& trigger, TimestampMs close_time) {
        const TimestampMs from = timer_.emitted_until().value_or(0);
        if (close_time <= from) return;
        timer_.emitted(close_time);
        const auto closed = store_->find_by_end(std::max<TimestampMs>(0, from), close_time - 1);
        while (const auto entry = closed->next()) {
            const Box key = aggregation_.windowed->make(entry->key.get(), entry->window);
            const Change change{.new_value = entry->value.value.get()};
            forward({key.get(), &change, entry->window.end, trigger.headers});
        }
    }

    SessionWindows windows_;
    WindowAggregation aggregation_;
    bool on_close_;
    bool send_old_;
    SessionState* store_ = nullptr;
    ChangeForwarder forwarder_;
    CloseTimer timer_;
    TimestampMs stream_time_ = -1;
};

}  // namespace

NodeSupplier session_aggregate(const SessionWindows& windows,
                               const WindowAggregation& aggregation) {
    return [=] { return std::make_unique<SessionAggregateNode>(windows, aggregation); };
}

}  // namespace millrace::streams::ops
