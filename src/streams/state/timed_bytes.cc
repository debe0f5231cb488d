#include "streams/state/timed_bytes.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace millrace::streams {
namespace {

constexpr int64_t kSegmentIntervalMin = 60'000;

// Which entries of the ranges are meant.
struct Filter {
    NullableBytes key_from;
    NullableBytes key_to;
    TimestampMs from;
    TimestampMs to;
    bool passes(const TimedKey& key) const {
        return (!key_from || key.key >= *key_from) && (!key_to || key.key <= *key_to) &&
               key.time >= from && key.time <= to;
    }
};

// Ranges of bytes, one after the other.
class RangesIterator final : public TimedIterator {
public:
    using Decode = TimedKey (TimedLayout::*)(BytesView) const;
    RangesIterator(std::vector<std::unique_ptr<BytesIterator>> ranges, Filter filter,
                   const TimedLayout& layout, Decode decode)
        : ranges_(std::move(ranges)), filter_(std::move(filter)), layout_(layout), decode_(decode) {
        settle();
    }
    bool valid() const override { return current_ < ranges_.size(); }
    TimedKey key() const override { return key_; }
    BytesView value() const override { return ranges_[current_]->value(); }
    void next() override {
        ranges_[current_]->next();
        settle();
    }

private:
    void settle() {
        for (; current_ < ranges_.size(); ++current_) {
            BytesIterator& range = *ranges_[current_];
            for (; range.valid(); range.next()) {
                key_ = (layout_.*decode_)(range.key());
                if (filter_.passes(key_)) return;
            }
        }
    }

    std::vector<std::unique_ptr<BytesIterator>> ranges_;
    Filter filter_;
    TimedLayout layout_;
    Decode decode_;
    size_t current_ = 0;
    TimedKey key_;
};

// Entries of a time-first store, found by its index.
class IndexedIterator final : public TimedIterator {
public:
    IndexedIterator(TimedIteratorPtr index, const TimedLayout& layout, StoreBytes& bytes)
        : index_(std::move(index)), layout_(layout), bytes_(bytes) {
        settle();
    }
    bool valid() const override { return index_->valid(); }
    TimedKey key() const override { return index_->key(); }
    BytesView value() const override { return *value_; }
    void next() override {
        index_->next();
        settle();
    }

private:
    void settle() {
        for (; index_->valid(); index_->next()) {
            value_ = bytes_.get(layout_.time_first(index_->key()));
            if (value_) return;
        }
    }
    TimedIteratorPtr index_;
    TimedLayout layout_;
    StoreBytes& bytes_;
    NullableBytes value_;
};

class ListIterator final : public TimedIterator {
public:
    struct Entry {
        Bytes key;
        TimestampMs time;
        int64_t rest;
        Bytes value;
    };
    explicit ListIterator(std::vector<Entry> entries) : entries_(std::move(entries)) {}
    bool valid() const override { return current_ < entries_.size(); }
    TimedKey key() const override {
        const Entry& entry = entries_[current_];
        return {entry.key, entry.time, entry.rest};
    }
    BytesView value() const override { return entries_[current_].value; }
    void next() override { ++current_; }

private:
    std::vector<Entry> entries_;
    size_t current_ = 0;
};

// By time, then key; sessions that end together the latest start first, which is Kafka's order.
TimedIteratorPtr sorted_by_time(TimedIteratorPtr from, TimedRest rest, Order order) {
    std::vector<ListIterator::Entry> entries;
    for (; from->valid(); from->next()) {
        const TimedKey key = from->key();
        entries.push_back({Bytes(key.key), key.time, key.rest, Bytes(from->value())});
    }
    std::ranges::sort(entries, [&](const auto& a, const auto& b) {
        if (a.time != b.time) return a.time < b.time;
        if (a.key != b.key) return a.key < b.key;
        return rest == TimedRest::session_start ? a.rest > b.rest : a.rest < b.rest;
    });
    if (order == Order::backward) std::ranges::reverse(entries);
    return std::make_unique<ListIterator>(std::move(entries));
}

}  // namespace

void TimedBytes::open(StoreContext& context, const StoreSpec& spec, TimedRest rest,
                      std::unique_ptr<OrderedBytes> below, Owner& owner) {
    context_ = &context;
    owner_ = &owner;
    rest_ = rest;
    time_first_ = spec.time_first && spec.persistent;  // in memory all are
    in_memory_ = !spec.persistent;
    retention_ = spec.retention_ms;
    layout_ = TimedLayout(rest, spec.segment_interval_ms > 0
                                    ? spec.segment_interval_ms
                                    : std::max(retention_ / 2, kSegmentIntervalMin));
    // Of what is there from before: the first and the last segment.
    const Bytes end = layout_.time_start(0);
    if (const auto first = below->range("", end, false); first->valid())
        first_segment_ = read_be<int64_t>(first->key());
    if (const auto last = below->range("", end, true); last->valid())
        last_segment_ = read_be<int64_t>(last->key());
    const bool caching = spec.caching && !spec.retain_duplicates && !spec.time_first;
    bytes_.open(context, std::move(below), *this,
                caching ? StoreBytes::Caching::writes : StoreBytes::Caching::none);
}

void TimedBytes::observe(TimestampMs time) {
    observed_ = std::max(observed_, time);
    const int64_t segment = layout_.segment(time);
    first_segment_ = last_segment_ < first_segment_ ? segment : std::min(first_segment_, segment);
    last_segment_ = std::max(last_segment_, segment);
}

void TimedBytes::put(const TimedKey& key, NullableView value) {
    observe(key.time);
    bytes_.put(stored(key), value);
}

void TimedBytes::restore(const TimedKey& key, NullableView value) {
    observe(key.time);
    if (key.time >= oldest_taken()) bytes_.restore(stored(key), value);
}

void TimedBytes::write(OrderedBytes& below, BytesView key, NullableView value) {
    forget_expired(below);
    const TimedKey decoded_key = decoded(key);
    if (decoded_key.time < oldest_taken()) {
        context_->dropped("its window has expired");
        return;
    }
    StoreBytes::Owner::write(below, key, value);
    if (!time_first_) return;
    const Bytes index = layout_.by_key(decoded_key);
    if (value)
        below.put(index, "");
    else
        below.erase(index);
}

void TimedBytes::forget_expired(OrderedBytes& below) {
    if (last_segment_ < first_segment_ || observed_ < retention_) return;
    const int64_t live = layout_.segment(observed_ - retention_);
    if (live <= first_segment_) return;
    below.erase_range(layout_.segment_start(first_segment_), layout_.segment_start(live));
    if (time_first_)
        below.erase_range(layout_.time_start(0), layout_.time_start(layout_.segment_time(live)));
    first_segment_ = live;
}

void TimedBytes::log(BytesView key, NullableView value) {
    owner_->log(decoded(key), value);
}

NullableBytes TimedBytes::get(const TimedKey& key) {
    if (expired(key.time)) return std::nullopt;
    return bytes_.get(stored(key));
}

TimestampMs TimedBytes::oldest_taken() const {
    if (in_memory_) return observed_ - retention_ + 1;
    return layout_.segment_time(layout_.segment(observed_ - retention_));
}

TimestampMs TimedBytes::oldest_read() const {
    const bool one_more = time_first_ && rest_ == TimedRest::sequence;
    return observed_ - retention_ + (one_more ? 0 : 1);
}

TimestampMs TimedBytes::oldest_found() const {
    return time_first_ && rest_ == TimedRest::session_start ? oldest_taken() : oldest_read();
}

TimedBytes::Span TimedBytes::span(TimestampMs from, TimestampMs to, TimestampMs oldest) const {
    from = std::max({from, TimestampMs{0}, oldest});
    return {from, to, std::max(first_segment_, layout_.segment(from)),
            to < 0 ? -1 : std::min(last_segment_, layout_.segment(to))};
}

TimedIteratorPtr TimedBytes::fetch(BytesView key, TimestampMs from, TimestampMs to, Order order) {
    const Span span = this->span(from, to, oldest_read());
    std::vector<std::unique_ptr<BytesIterator>> ranges;
    if (!span.empty()) {
        for (int64_t segment = span.first_segment; segment <= span.last_segment; ++segment) {
            const auto range = layout_.key_range(segment, key, span.from, span.to);
            ranges.push_back(bytes_.range(range.from, range.to, order == Order::backward));
        }
    }
    if (order == Order::backward) std::ranges::reverse(ranges);
    auto by_key = std::make_unique<RangesIterator>(
        std::move(ranges), Filter{Bytes(key), Bytes(key), span.from, span.to}, layout_,
        &TimedLayout::decode_by_key);
    if (time_first_) return std::make_unique<IndexedIterator>(std::move(by_key), layout_, bytes_);
    if (in_memory_ && rest_ == TimedRest::session_start)
        return sorted_by_time(std::move(by_key), rest_, order);
    return by_key;
}

TimedIteratorPtr TimedBytes::fetch_keys(NullableView key_from, NullableView key_to,
                                        TimestampMs from, TimestampMs to, Order order) const {
    const Span span = this->span(from, to, oldest_found());
    const bool backward = order == Order::backward;
    std::vector<std::unique_ptr<BytesIterator>> ranges;
    Filter filter{key_from ? NullableBytes(*key_from) : std::nullopt,
                  key_to ? NullableBytes(*key_to) : std::nullopt, span.from, span.to};
    if (time_first_) {
        const TimestampMs last = std::min(span.to, std::numeric_limits<TimestampMs>::max() - 1);
        if (!span.empty())
            ranges.push_back(bytes_.range(layout_.time_start(span.from),
                                          layout_.time_start(last + 1), backward));
        return std::make_unique<RangesIterator>(std::move(ranges), std::move(filter), layout_,
                                                &TimedLayout::decode_time_first);
    }
    if (!span.empty()) {
        for (int64_t segment = span.first_segment; segment <= span.last_segment; ++segment) {
            const auto range = layout_.keys_range(segment, key_from, key_to, span.to);
            ranges.push_back(bytes_.range(range.from, range.to, backward));
        }
    }
    if (backward) std::ranges::reverse(ranges);
    auto by_key = std::make_unique<RangesIterator>(std::move(ranges), std::move(filter), layout_,
                                                   &TimedLayout::decode_by_key);
    if (in_memory_) return sorted_by_time(std::move(by_key), rest_, order);
    return by_key;
}

}  // namespace millrace::streams
