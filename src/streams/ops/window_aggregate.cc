#include "streams/ops/window_aggregate.h"

#include <algorithm>
#include <limits>

#include "streams/ops/closed_windows.h"
#include "streams/ops/forwarder.h"

namespace millrace::streams::ops {
namespace {

constexpr TimestampMs kForever = std::numeric_limits<TimestampMs>::max();

// The windows of fixed size that a record falls into.
struct FixedWindows {
    TimestampMs first_start = 0;
    int64_t size_ms = 0;
    int64_t advance_ms = 0;  // 0: there is only the first
    int64_t grace_ms = 0;

    Window at(TimestampMs start) const {
        return {start, start > kForever - size_ms ? kForever : start + size_ms};
    }
    // Calls `visit` for each, by ascending start.
    template <typename F>
    void for_each(TimestampMs time, const F& visit) const {
        if (advance_ms == 0) {
            if (time >= first_start) visit(at(first_start));
            return;
        }
        for (TimestampMs start = first_with(time); start <= time; start += advance_ms)
            visit(at(start));
    }
    // Whether both times fall into the same windows.
    bool same(TimestampMs one, TimestampMs other) const {
        return first_with(one) == first_with(other) && one / advance_ms == other / advance_ms;
    }

private:
    TimestampMs first_with(TimestampMs time) const {
        const TimestampMs earliest = std::max<TimestampMs>(0, time - size_ms + advance_ms);
        return earliest / advance_ms * advance_ms;
    }
};

class WindowAggregateNode final : public Node {
public:
    WindowAggregateNode(FixedWindows windows, const WindowAggregation& aggregation)
        : windows_(windows),
          aggregation_(aggregation),
          on_close_(aggregation.strategy == EmitStrategy::on_window_close),
          send_old_(aggregation.old_values->wanted && !on_close_) {}

    void init(NodeContext& node) override {
        Node::init(node);
        store_ = &static_cast<WindowState&>(node.store(aggregation_.store));
        if (on_close_)
            timer_.init(node, aggregation_.store);
        else
            forwarder_.init(node, *store_, send_old_);
    }

    void process(const RawRecord& record) override {
        if (!record.key) return context().dropped("its key is null");
        stream_time_ = std::max(stream_time_, record.timestamp);
        const TimestampMs close_time = stream_time_ - windows_.grace_ms;
        windows_.for_each(record.timestamp, [&](Window window) {
            if (window.end > close_time)
                update(record, window);
            else
                context().dropped("its window is closed");
        });
        if (on_close_ && timer_.due(close_time)) emit_closed(record, close_time);
    }

private:
    void update(const RawRecord& record, Window window) {
        StoredValue stored = store_->fetch(record.key, window.start);
        const TimestampMs timestamp =
            stored ? std::max(record.timestamp, stored.timestamp) : record.timestamp;
        Box aggregate = stored ? std::move(stored.value) : aggregation_.initializer();
        // What the first aggregate is made from counts as the one before it.
        const Box old = send_old_ ? Box::copy_of(*aggregation_.value, aggregate.get()) : Box();
        const Box updated = aggregation_.aggregator(record.key, record.value, std::move(aggregate));
        store_->put(record.key, updated.get(), window.start, timestamp);
        if (on_close_) return;
        const Box key = aggregation_.windowed->make(record.key, window);
        forwarder_.forward(record.with_key(key.get()).at(timestamp), {updated.get(), old.get()});
    }

    void emit_closed(const RawRecord& trigger, TimestampMs close_time) {
        const auto& until = timer_.emitted_until();
        const TimestampMs to = close_time - windows_.size_ms;
        TimestampMs from = 0;
        if (until) {
            const TimestampMs last = std::max<TimestampMs>(0, *until - windows_.size_ms);
            // No window has closed since: the time that is committed stays, too.
            if (to < 0 || windows_.same(last, to)) return;
            from = last + 1;
        }
        if (to < from) return;
        timer_.emitted(close_time);
        const auto closed = store_->fetch_keys(nullptr, nullptr, from, to, Order::forward);
        while (const auto entry = closed->next()) {
            const Box key =
                aggregation_.windowed->make(entry->key.get(), windows_.at(entry->window.start));
            const Change change{.new_value = entry->value.value.get()};
            forward({key.get(), &change, entry->value.timestamp, trigger.headers});
        }
    }

    FixedWindows windows_;
    WindowAggregation aggregation_;
    bool on_close_;
    bool send_old_;
    WindowState* store_ = nullptr;
    ChangeForwarder forwarder_;
    CloseTimer timer_;
    TimestampMs stream_time_ = -1;
};

NodeSupplier supplier(FixedWindows windows, const WindowAggregation& aggregation) {
    return [windows, aggregation] {
        return std::make_unique<WindowAggregateNode>(windows, aggregation);
    };
}

}  // namespace

NodeSupplier window_aggregate(const TimeWindows& windows, const WindowAggregation& aggregation) {
    return supplier({.size_ms = windows.size_ms(),
                     .advance_ms = windows.advance_ms(),
                     .grace_ms = windows.grace_ms()},
                    aggregation);
}

NodeSupplier window_aggregate(const UnlimitedWindows& windows,
                              const WindowAggregation& aggregation) {
    return supplier({.first_start = windows.start_ms(), .size_ms = kForever}, aggregation);
}

}  // namespace millrace::streams::ops
