// Bytes of which only the most recently used entries stay: a put over the bound lets the one go that
// was not written or got for the longest time. Kafka: MemoryLRUCache.
#pragma once

#include <functional>
#include <list>
#include <map>

#include "streams/state/ordered_bytes.h"

namespace millrace::streams {

class LruBytes final : public OrderedBytes {
public:
    // `gone` hears of an entry that was let go.
    LruBytes(std::unique_ptr<OrderedBytes> below, size_t entries_max,
             std::function<void(BytesView key)> gone)
        : below_(std::move(below)), entries_max_(entries_max), gone_(std::move(gone)) {}

    NullableBytes get(BytesView key) override;
    void put(BytesView key, BytesView value) override;
    void erase(BytesView key) override;
    // Does not count as a use.
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        return below_->range(from, to, backward);
    }
    void erase_range(BytesView from, BytesView to) override;
    int64_t approximate_entries() override { return below_->approximate_entries(); }

private:
    using Uses = std::list<Bytes>;  // the latest first

    std::unique_ptr<OrderedBytes> below_;
    size_t entries_max_;
    std::function<void(BytesView key)> gone_;
    Uses uses_;
    std::map<Bytes, Uses::iterator, std::less<>> places_;
};

}  // namespace millrace::streams
