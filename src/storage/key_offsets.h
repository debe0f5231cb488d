// The last offset of each key in the part of a log that is being compacted: a hash table of fixed
// memory that is told keys and remembers 16 bytes of each (key_hash.h).
//
// Owner: one cleaning. Any thread, one at a time. Kafka: SkimpyOffsetMap.
#pragma once

#include <cstdlib>
#include <memory>

#include "base/bytes.h"
#include "base/units.h"
#include "storage/key_hash.h"

namespace millrace::storage {

class KeyOffsets {
public:
    static constexpr size_t kSlotBytes = 24;

    // At most `bytes_max` of memory, and no more than `keys_max` keys need. Filled up to
    // `load_factor` of its slots.
    KeyOffsets(size_t bytes_max, uint64_t keys_max, double load_factor, KeyHasher hasher);

    // Later offsets of a key replace earlier ones. False, and nothing is changed, when the key is
    // new and there is no room for it.
    bool put(ByteView key, Offset offset);
    // -1 when the key was not put.
    Offset find(ByteView key) const;

    size_t size() const { return size_; }
    size_t size_max() const { return size_max_; }
    size_t bytes() const { return slot_count_ * kSlotBytes; }

private:
    struct Slot {
        KeyHash hash;
        Offset after;  // offset + 1; 0 = empty
    };
    static_assert(sizeof(Slot) == kSlotBytes);
    struct Free {
        void operator()(Slot* slots) const { std::free(slots); }
    };
    // The slot of the key, or the empty one where it would go.
    size_t place(const KeyHash& hash) const;

    KeyHasher hasher_;
    size_t slot_count_;
    size_t size_max_;
    size_t size_ = 0;
    std::unique_ptr<Slot[], Free> slots_;  // zeroed pages, which cost memory when they are touched
};

}  // namespace millrace::storage
