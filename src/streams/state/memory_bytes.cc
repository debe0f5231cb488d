#include <algorithm>
#include <map>
#include <vector>

#include "streams/state/ordered_bytes.h"

namespace millrace::streams {
namespace {

class MemoryBytes;
using Map = std::map<Bytes, Bytes, std::less<>>;

// Shows the map as it was when the iterator was made: the map tells it of each entry that is about
// to change, and what lies before it is kept here.
class MemoryIterator final : public BytesIterator {
public:
    MemoryIterator(MemoryBytes& owner, BytesView from, NullableView to, bool backward);
    ~MemoryIterator() override;
    bool valid() const override { return valid_; }
    BytesView key() const override { return key_; }
    BytesView value() const override { return value_; }
    void next() override;

    void before_write(BytesView key, const Bytes* old, bool erased);
    void disown() {
        owner_ = nullptr;
        valid_ = false;
    }

private:
    bool in_range(BytesView key) const { return key >= from_ && (!to_ || key < *to_); }
    bool is_ahead(BytesView key) const {
        return !started_ || (backward_ ? key < key_ : key > key_);
    }
    const Map& map() const;
    Map::const_iterator next_in_map() const;
    std::map<Bytes, NullableBytes, std::less<>>::const_iterator next_in_past() const;
    void take(BytesView key, BytesView value, bool at_position);

    MemoryBytes* owner_;
    Bytes from_;
    NullableBytes to_;
    bool backward_;
    bool started_ = false;
    bool valid_ = true;
    Bytes key_;
    Bytes value_;
    // Where key_ is in the map, if at_position_.
    Map::const_iterator position_;
    bool at_position_ = false;
    // Entries ahead that were written since: what was there, absent if nothing.
    std::map<Bytes, NullableBytes, std::less<>> past_;
};

class MemoryBytes final : public OrderedBytes {
public:
    ~MemoryBytes() override {
        for (MemoryIterator* iterator : iterators_) iterator->disown();
    }
    NullableBytes get(BytesView key) override {
        const auto found = map_.find(key);
        if (found == map_.end()) return std::nullopt;
        return found->second;
    }
    void put(BytesView key, BytesView value) override {
        const auto found = map_.lower_bound(key);
        if (found != map_.end() && found->first == key) {
            tell(key, &found->second, false);
            found->second.assign(value);
        } else {
            tell(key, nullptr, false);
            map_.emplace_hint(found, Bytes(key), Bytes(value));
        }
    }
    void erase(BytesView key) override {
        const auto found = map_.find(key);
        if (found != map_.end()) erase(found);
    }
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        return std::make_unique<MemoryIterator>(*this, from, to, backward);
    }
    void erase_range(BytesView from, BytesView to) override {
        auto next = map_.lower_bound(from);
        while (next != map_.end() && next->first < to) next = erase(next);
    }
    int64_t approximate_entries() override { return static_cast<int64_t>(map_.size()); }

    const Map& map() const { return map_; }
    void add(MemoryIterator* iterator) { iterators_.push_back(iterator); }
    void remove(MemoryIterator* iterator) { std::erase(iterators_, iterator); }

private:
    Map::iterator erase(Map::iterator entry) {
        tell(entry->first, &entry->second, true);
        return map_.erase(entry);
    }
    void tell(BytesView key, const Bytes* old, bool erased) {
        for (MemoryIterator* iterator : iterators_) iterator->before_write(key, old, erased);
    }

    Map map_;
    std::vector<MemoryIterator*> iterators_;
};

MemoryIterator::MemoryIterator(MemoryBytes& owner, BytesView from, NullableView to, bool backward)
    : owner_(&owner), from_(from), backward_(backward) {
    if (to) to_.emplace(*to);
    owner_->add(this);
    next();
}

MemoryIterator::~MemoryIterator() {
    if (owner_) owner_->remove(this);
}

const Map& MemoryIterator::map() const {
    return owner_->map();
}

void MemoryIterator::before_write(BytesView key, const Bytes* old, bool erased) {
    if (!valid_) return;
    if (erased && key == key_) at_position_ = false;
    if (!in_range(key) || !is_ahead(key) || past_.contains(key)) return;
    past_.emplace(Bytes(key), old ? NullableBytes(*old) : std::nullopt);
}

Map::const_iterator MemoryIterator::next_in_map() const {
    const Map& all = map();
    if (!backward_) {
        const auto next = at_position_ ? std::next(position_)
                          : started_   ? all.upper_bound(key_)
                                       : all.lower_bound(from_);
        return next != all.end() && in_range(next->first) ? next : all.end();
    }
    const auto after = at_position_ ? position_
                       : started_   ? all.lower_bound(key_)
                       : to_        ? all.lower_bound(*to_)
                                    : all.end();
    if (after == all.begin()) return all.end();
    const auto next = std::prev(after);
    return in_range(next->first) ? next : all.end();
}

std::map<Bytes, NullableBytes, std::less<>>::const_iterator MemoryIterator::next_in_past() const {
    if (!backward_) return started_ ? past_.upper_bound(key_) : past_.begin();
    const auto after = started_ ? past_.lower_bound(key_) : past_.end();
    return after == past_.begin() ? past_.end() : std::prev(after);
}

void MemoryIterator::take(BytesView key, BytesView value, bool at_position) {
    key_.assign(key);
    value_.assign(value);
    started_ = true;
    at_position_ = at_position;
}

void MemoryIterator::next() {
    if (!valid_) return;
    for (;;) {
        const auto now = next_in_map();
        const auto then = next_in_past();
        const bool no_now = now == map().end();
        if (then == past_.end()) {
            if (no_now) break;
            position_ = now;
            return take(now->first, now->second, true);
        }
        if (!no_now && (backward_ ? now->first > then->first : now->first < then->first)) {
            position_ = now;
            return take(now->first, now->second, true);
        }
        const bool same = !no_now && now->first == then->first;
        if (same) position_ = now;
        take(then->first, then->second ? BytesView(*then->second) : BytesView(), same);
        if (then->second) return;
    }
    valid_ = false;
}

}  // namespace

NullableBytes after_prefix(BytesView prefix) {
    Bytes next(prefix);
    while (!next.empty() && static_cast<uint8_t>(next.back()) == 0xff) next.pop_back();
    if (next.empty()) return std::nullopt;
    next.back() = static_cast<char>(static_cast<uint8_t>(next.back()) + 1);
    return next;
}

std::unique_ptr<OrderedBytes> make_memory_bytes() {
    return std::make_unique<MemoryBytes>();
}

}  // namespace millrace::streams
