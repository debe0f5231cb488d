#include "streams/state/held_bytes.h"

#include <algorithm>

#include "streams/state/merged_iterator.h"

namespace millrace::streams {
namespace {

constexpr char kDeleted = 0;
constexpr char kWritten = 1;
// Of an entry in the map, beside its bytes.
constexpr size_t kEntryOverhead = 96;

NullableView held_value(BytesView entry) {
    return entry.front() == kWritten ? NullableView(entry.substr(1)) : std::nullopt;
}

class HeldIterator final : public OverIterator {
public:
    explicit HeldIterator(std::unique_ptr<BytesIterator> entries) : entries_(std::move(entries)) {}
    bool valid() const override { return entries_->valid(); }
    BytesView key() const override { return entries_->key(); }
    NullableView value() const override { return held_value(entries_->value()); }
    void next() override { entries_->next(); }

private:
    std::unique_ptr<BytesIterator> entries_;
};

using Ranges = std::vector<std::pair<Bytes, Bytes>>;

bool within(const Ranges& ranges, BytesView key) {
    return std::ranges::any_of(
        ranges, [&](const auto& range) { return key >= range.first && key < range.second; });
}

// Passes over the ranges that are erased.
class RemainingIterator final : public BytesIterator {
public:
    RemainingIterator(std::unique_ptr<BytesIterator> all, Ranges erased)
        : all_(std::move(all)), erased_(std::move(erased)) {
        settle();
    }
    bool valid() const override { return all_->valid(); }
    BytesView key() const override { return all_->key(); }
    BytesView value() const override { return all_->value(); }
    void next() override {
        all_->next();
        settle();
    }

private:
    void settle() {
        while (all_->valid() && within(erased_, all_->key())) all_->next();
    }

    std::unique_ptr<BytesIterator> all_;
    Ranges erased_;
};

}  // namespace

HeldBytes::HeldBytes(std::unique_ptr<OrderedBytes> below)
    : below_(std::move(below)), over_(make_memory_bytes()) {}

NullableBytes HeldBytes::get(BytesView key) {
    if (held_ > 0) {
        if (NullableBytes entry = over_->get(key)) {
            if (entry->front() == kDeleted) return std::nullopt;
            entry->erase(0, 1);
            return entry;
        }
        if (within(erased_, key)) return std::nullopt;
    }
    return below_->get(key);
}

void HeldBytes::put(BytesView key, BytesView value) {
    if (!holding_) return below_->put(key, value);
    write(key, value);
}

void HeldBytes::erase(BytesView key) {
    if (!holding_) return below_->erase(key);
    write(key, std::nullopt);
}

void HeldBytes::write(BytesView key, NullableView value) {
    Bytes entry(1, value ? kWritten : kDeleted);
    if (value) entry += *value;
    held_ += key.size() + entry.size() + kEntryOverhead;
    over_->put(key, entry);
}

std::unique_ptr<BytesIterator> HeldBytes::range(BytesView from, NullableView to, bool backward) {
    auto below = below_->range(from, to, backward);
    if (held_ == 0) return below;
    if (!erased_.empty()) below = std::make_unique<RemainingIterator>(std::move(below), erased_);
    return merged(std::move(below),
                  std::make_unique<HeldIterator>(over_->range(from, to, backward)), backward);
}

void HeldBytes::erase_range(BytesView from, BytesView to) {
    if (!holding_) return below_->erase_range(from, to);
    over_->erase_range(from, to);
    erased_.emplace_back(from, to);
    held_ += from.size() + to.size() + kEntryOverhead;
}

int64_t HeldBytes::approximate_entries() {
    return below_->approximate_entries() + over_->approximate_entries();
}

void HeldBytes::write_down() {
    if (held_ == 0) return;
    for (const auto& [from, to] : erased_) below_->erase_range(from, to);
    for (auto entry = over_->range("", std::nullopt, false); entry->valid(); entry->next()) {
        if (const NullableView value = held_value(entry->value()))
            below_->put(entry->key(), *value);
        else
            below_->erase(entry->key());
    }
    over_ = make_memory_bytes();
    erased_.clear();
    held_ = 0;
}

}  // namespace millrace::streams
