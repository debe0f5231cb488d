#include "streams/state/lru_bytes.h"

#include <vector>

namespace millrace::streams {

NullableBytes LruBytes::get(BytesView key) {
    if (const auto found = places_.find(key); found != places_.end())
        uses_.splice(uses_.begin(), uses_, found->second);
    return below_->get(key);
}

void LruBytes::put(BytesView key, BytesView value) {
    below_->put(key, value);
    if (const auto found = places_.find(key); found != places_.end()) {
        uses_.splice(uses_.begin(), uses_, found->second);
        return;
    }
    uses_.emplace_front(key);
    places_.emplace(Bytes(key), uses_.begin());
    if (uses_.size() <= entries_max_) return;
    const Bytes last = uses_.back();
    erase(last);
    gone_(last);
}

void LruBytes::erase(BytesView key) {
    below_->erase(key);
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    uses_.erase(found->second);
    places_.erase(found);
}

void LruBytes::erase_range(BytesView from, BytesView to) {
    std::vector<Bytes> keys;
    for (auto it = below_->range(from, to, false); it->valid(); it->next())
        keys.emplace_back(it->key());
    for (const Bytes& key : keys) erase(key);
}

}  // namespace millrace::streams
