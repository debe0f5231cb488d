#include "storage/key_table.h"

#include <bit>

namespace millrace::storage {
namespace {

constexpr size_t kSlotsMin = 8;

// At most 7 of 8 slots are used.
bool full(size_t used, size_t slots) {
    return used * 8 >= slots * 7;
}

}  // namespace

size_t KeyTable::place(const std::vector<Slot>& slots, const KeyHash& hash) {
    const size_t mask = slots.size() - 1;
    size_t at = hash.second & mask;
    while (slots[at].offset >= 0 && slots[at].hash != hash) at = (at + 1) & mask;
    return at;
}

void KeyTable::resize(Part& part, size_t slots) {
    std::vector<Slot> larger(slots);
    for (const Slot& slot : part.slots)
        if (slot.offset >= 0) larger[place(larger, slot.hash)] = slot;
    part.slots.swap(larger);
}

Offset KeyTable::find(const KeyHash& hash) const {
    const Part& part = parts_[hash.first >> 56];
    return part.slots.empty() ? -1 : part.slots[place(part.slots, hash)].offset;
}

void KeyTable::put(const KeyHash& hash, Offset offset) {
    Part& part = part_of(parts_, hash);
    if (part.slots.empty()) part.slots.resize(kSlotsMin);
    size_t at = place(part.slots, hash);
    if (part.slots[at].offset < 0) {
        if (full(part.used + 1, part.slots.size())) {
            resize(part, part.slots.size() * 2);
            at = place(part.slots, hash);
        }
        ++part.used;
        ++size_;
    }
    part.slots[at] = {hash, offset};
}

void KeyTable::erase(const KeyHash& hash) {
    Part& part = part_of(parts_, hash);
    if (part.slots.empty()) return;
    const size_t mask = part.slots.size() - 1;
    size_t hole = place(part.slots, hash);
    if (part.slots[hole].offset < 0) return;
    // What comes behind moves up, unless it would then lie before its own place.
    for (size_t next = (hole + 1) & mask; part.slots[next].offset >= 0; next = (next + 1) & mask) {
        const size_t home = part.slots[next].hash.second & mask;
        if (((next - home) & mask) < ((next - hole) & mask)) continue;
        part.slots[hole] = part.slots[next];
        hole = next;
    }
    part.slots[hole] = {};
    --part.used;
    --size_;
}

void KeyTable::erase_below(Offset offset) {
    for (Part& part : parts_) {
        size_t kept = 0;
        for (Slot& slot : part.slots) {
            if (slot.offset < 0) continue;
            if (slot.offset < offset) {
                slot = {};
            } else {
                ++kept;
            }
        }
        size_ -= part.used - kept;
        part.used = kept;
        if (part.slots.empty()) continue;
        if (kept == 0) {
            std::vector<Slot>().swap(part.slots);
        } else {
            size_t slots = kSlotsMin;
            while (full(kept, slots)) slots *= 2;
            resize(part, slots);
        }
    }
}

size_t KeyTable::memory_bytes() const {
    size_t bytes = sizeof(*this);
    for (const Part& part : parts_) bytes += part.slots.capacity() * sizeof(Slot);
    return bytes;
}

}  // namespace millrace::storage
