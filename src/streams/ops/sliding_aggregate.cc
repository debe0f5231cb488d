#include "streams/ops/sliding_aggregate.h"

#include <algorithm>

#include "streams/errors.h"
#include "streams/ops/closed_windows.h"
#include "streams/ops/forwarder.h"

// With a difference of d, a record at time t has the window that ends with it, [t-d, t] (its left
// one), and, if there are records in it, the one that begins after it, [t+1, t+1+d] (its right
// one). These are all windows there are, so that each set of records that fit into one is in a
// window once. A window's timestamp in the store is the largest of its records: that is how the
// neighbours of a record are found. No window begins before 0: all records at times below d share
// the left window [0, d].

namespace millrace::streams::ops {
namespace {

class SlidingAggregateNode final : public Node {
public:
    SlidingAggregateNode(const SlidingWindows& windows, const WindowAggregation& aggregation)
        : difference_ms_(windows.time_difference_ms()),
          grace_ms_(windows.grace_ms()),
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
        if (!record.key || !record.value) return context().dropped("its key or value is null");
        if (difference_ms_ == 0)
            throw IllegalArgumentException("a sliding window's end must be larger than its start");
        stream_time_ = std::max(stream_time_, record.timestamp);
        close_time_ = stream_time_ - grace_ms_;
        if (record.timestamp + difference_ms_ < close_time_)
            return context().dropped("its windows are closed");
        if (record.timestamp < difference_ms_) return process_early(record);
        process_regular(record);
        if (on_close_ && timer_.due(close_time_)) emit_closed(record);
    }

private:
    // What the windows that are there tell of a record's neighbours.
    struct Seen {
        std::vector<TimestampMs> starts;    // of windows with the record
        std::optional<TimestampMs> before;  // time of the record before it
        bool right_exists = false;
        StoredValue right;  // the records after it that its right window would have
    };

    // A window that the record falls into.
    void see(const RawRecord& record, const WindowEntry& entry, bool newest_first, Seen& seen) {
        seen.starts.push_back(entry.start);
        const bool newest = !newest_first || seen.starts.size() == 1;
        if (newest && entry.value.timestamp > record.timestamp) seen.right = copy(entry.value);
    }
    static void see_before(const RawRecord& record, const WindowEntry& entry, Seen& seen) {
        if (!seen.before && entry.value.timestamp < record.timestamp)
            seen.before = entry.value.timestamp;
    }

    // A record at d or later.
    void process_regular(const RawRecord& record) {
        const TimestampMs time = record.timestamp;
        const TimestampMs left_start = time - difference_ms_;
        Seen seen;
        StoredValue left;  // the records before it that its left window would have
        const auto windows =
            store_->fetch(record.key, std::max<TimestampMs>(0, time - 2 * difference_ms_), time + 1,
                          Order::backward);
        while (auto entry = windows->next()) {
            if (entry->start > time) {
                seen.right_exists = true;
                continue;
            }
            // Only windows that have ended tell which is the record before: those of a record that
            // came late may be missing.
            if (entry->start <= left_start) see_before(record, *entry, seen);
            if (entry->start < left_start) {
                // The last that ends before the record.
                if (entry->value.timestamp >= left_start) left = std::move(entry->value);
                break;
            }
            see(record, *entry, true, seen);
            update(record, entry->start, std::move(entry->value));
        }
        create_right_of_before(record, seen);
        if (std::ranges::find(seen.starts, left_start) == seen.starts.end())
            update(record, left_start, std::move(left));
        create_right(record, seen);
    }

    // A record before d: its left window is the one that all such records share.
    void process_early(const RawRecord& record) {
        Seen seen;
        StoredValue shared;
        const auto windows = store_->fetch(record.key, 0, record.timestamp + 1, Order::forward);
        while (auto entry = windows->next()) {
            if (entry->start > record.timestamp) {
                seen.right_exists = true;
                continue;
            }
            see(record, *entry, false, seen);
            if (entry->start == 0) {
                // It has all records up to d, so that it alone tells which is the one before.
                see_before(record, *entry, seen);
                shared = std::move(entry->value);
            } else {
                update(record, entry->start, std::move(entry->value));
            }
        }
        create_right(record, seen);
        create_right_of_before(record, seen);
        update(record, 0, std::move(shared));
    }

    // The record may be the first after the one before it. If the window is its left one, too, it
    // is made, and forwarded, twice.
    void create_right_of_before(const RawRecord& record, const Seen& seen) {
        if (!seen.before) return;
        const TimestampMs start = *seen.before + 1;
        if (start + difference_ms_ < record.timestamp) return;
        if (std::ranges::find(seen.starts, start) == seen.starts.end()) update(record, start, {});
    }

    void create_right(const RawRecord& record, const Seen& seen) {
        if (seen.right_exists || !seen.right) return;
        const TimestampMs start = record.timestamp + 1;
        if (start + difference_ms_ < close_time_)
            return context().dropped("its right window is closed");
        put(record, start, seen.right.value.get(), nullptr, seen.right.timestamp);
    }

    // The record comes into a window, of which `before` is what the store has.
    void update(const RawRecord& record, TimestampMs start, StoredValue before) {
        if (start + difference_ms_ < close_time_) return context().dropped("its window is closed");
        const TimestampMs timestamp =
            before ? std::max(record.timestamp, before.timestamp) : record.timestamp;
        Box aggregate = before ? std::move(before.value) : aggregation_.initializer();
        const Box old = send_old_ ? Box::copy_of(*aggregation_.value, aggregate.get()) : Box();
        const Box updated = aggregation_.aggregator(record.key, record.value, std::move(aggregate));
        put(record, start, updated.get(), old.get(), timestamp);
    }

    void put(const RawRecord& record, TimestampMs start, Ref value, Ref old,
             TimestampMs timestamp) {
        store_->put(record.key, value, start, timestamp);
        if (on_close_) return;
        const Box key = aggregation_.windowed->make(record.key, {start, start + difference_ms_});
        forwarder_.forward(record.with_key(key.get()).at(timestamp), {value, old});
    }

    void emit_closed(const RawRecord& trigger) {
        const auto& until = timer_.emitted_until();
        const TimestampMs from = until ? std::max<TimestampMs>(0, *until - difference_ms_) : 0;
        const TimestampMs to = close_time_ - difference_ms_ - 1;
        if (to < from) return;
        timer_.emitted(close_time_);
        const auto closed = store_->fetch_keys(nullptr, nullptr, from, to, Order::forward);
        while (const auto entry = closed->next()) {
            const TimestampMs start = entry->window.start;
            const Box key =
                aggregation_.windowed->make(entry->key.get(), {start, start + difference_ms_});
            const Change change{.new_value = entry->value.value.get()};
            forward({key.get(), &change, entry->value.timestamp, trigger.headers});
        }
    }

    StoredValue copy(const StoredValue& value) const {
        return {Box::copy_of(*aggregation_.value, value.value.get()), value.timestamp};
    }

    int64_t difference_ms_;
    int64_t grace_ms_;
    WindowAggregation aggregation_;
    bool on_close_;
    bool send_old_;
    WindowState* store_ = nullptr;
    ChangeForwarder forwarder_;
    CloseTimer timer_;
    TimestampMs stream_time_ = -1;
    TimestampMs close_time_ = -1;
};

}  // namespace

NodeSupplier sliding_aggregate(const SlidingWindows& windows,
                               const WindowAggregation& aggregation) {
    return [=] { return std::make_unique<SlidingAggregateNode>(windows, aggregation); };
}

}  // namespace millrace::streams::ops
