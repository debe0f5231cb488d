#include "storage/key_offsets.h"

#include <algorithm>

#include "base/check.h"

namespace millrace::storage {
namespace {

// Free slots are what ends a search.
constexpr double kLoadFactorMin = 0.1;
constexpr double kLoadFactorMax = 0.95;
constexpr size_t kSlotsMin = 64;

}  // namespace

KeyOffsets::KeyOffsets(size_t bytes_max, uint64_t keys_max, double load_factor, KeyHasher hasher)
    : hasher_(hasher) {
    load_factor = std::clamp(load_factor, kLoadFactorMin, kLoadFactorMax);
    const double wanted = static_cast<double>(keys_max) / load_factor + 2;
    const double affordable = static_cast<double>(bytes_max / kSlotBytes);
    slot_count_ = std::max(kSlotsMin, static_cast<size_t>(std::min(wanted, affordable)));
    size_max_ = static_cast<size_t>(static_cast<double>(slot_count_) * load_factor);
    slots_.reset(static_cast<Slot*>(std::calloc(slot_count_, sizeof(Slot))));
    INVARIANT(slots_ != nullptr);
}

size_t KeyOffsets::place(const KeyHash& hash) const {
    const auto wide = static_cast<unsigned __int128>(hash.first) * slot_count_;
    auto at = static_cast<size_t>(wide >> 64);
    while (slots_[at].after != 0 && slots_[at].hash != hash)
        if (++at == slot_count_) at = 0;
    return at;
}

bool KeyOffsets::put(ByteView key, Offset offset) {
    const KeyHash hash = hasher_(key);
    Slot& slot = slots_[place(hash)];
    if (slot.after == 0) {
        if (size_ >= size_max_) return false;
        slot.hash = hash;
        ++size_;
    }
    slot.after = std::max(slot.after, offset + 1);
    return true;
}

Offset KeyOffsets::find(ByteView key) const {
    return slots_[place(hasher_(key))].after - 1;
}

}  // namespace millrace::storage
