// Offsets by key hash, in open addressing: 24 bytes a slot, between 44 and 88 of 100 slots used once
// there are a few thousand keys, so 27 to 55 bytes a key. It lies in kParts pieces that grow each on
// its own, so that growing stalls nobody and needs little memory besides. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/units.h"
#include "storage/key_hash.h"

namespace millrace::storage {

class KeyTable {
public:
    static constexpr size_t kParts = 256;

    Offset find(const KeyHash& hash) const;  // -1: not there
    void put(const KeyHash& hash, Offset offset);
    void erase(const KeyHash& hash);
    // Forgets all with offsets below `offset`, and gives memory back.
    void erase_below(Offset offset);
    size_t size() const { return size_; }
    size_t memory_bytes() const;

    // Calls fn(hash, offset) for all in one of the kParts, in no order.
    template <typename Fn>
    void each_in(size_t part, Fn&& fn) const {
        for (const Slot& slot : parts_[part].slots)
            if (slot.offset >= 0) fn(slot.hash, slot.offset);
    }

private:
    struct Slot {
        KeyHash hash{};
        Offset offset = -1;  // -1: free
    };
    struct Part {
        std::vector<Slot> slots;  // none, or a power of two of them
        size_t used = 0;
    };
    static Part& part_of(std::array<Part, kParts>& parts, const KeyHash& hash) {
        return parts[hash.first >> 56];
    }
    // Where the hash is, or the free slot where its search ends; `slots` has a free one.
    static size_t place(const std::vector<Slot>& slots, const KeyHash& hash);
    static void resize(Part& part, size_t slots);

    std::array<Part, kParts> parts_;
    size_t size_ = 0;
};

}  // namespace millrace::storage
