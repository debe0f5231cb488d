// The bytes of a store whose writes wait for a commit: they are read as if they were there, and go
// down together, or are forgotten with their owner.
//
// This is what exactly once needs of a store on disk: what a transaction wrote that failed was
// never there. Kafka: KIP-892.
#pragma once

#include <utility>
#include <vector>

#include "streams/state/ordered_bytes.h"

namespace millrace::streams {

class HeldBytes final : public OrderedBytes {
public:
    explicit HeldBytes(std::unique_ptr<OrderedBytes> below);

    NullableBytes get(BytesView key) override;
    void put(BytesView key, BytesView value) override;
    void erase(BytesView key) override;
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override;
    void erase_range(BytesView from, BytesView to) override;
    int64_t approximate_entries() override;

    // Nothing is held before: writes go through to the bytes below at once.
    void hold() { holding_ = true; }
    // What is held goes to the bytes below, and is held no more.
    void write_down();
    // About how much memory the held writes take.
    size_t held() const { return held_; }

private:
    using Erased = std::vector<std::pair<Bytes, Bytes>>;
    void write(BytesView key, NullableView value);

    std::unique_ptr<OrderedBytes> below_;
    // A first byte tells a value from a deletion.
    std::unique_ptr<OrderedBytes> over_;
    Erased erased_;  // ranges below that are gone; what is over them was written later
    size_t held_ = 0;
    bool holding_ = false;
};

}  // namespace millrace::streams
