#include "storage/epoch_cache.h"

#include <algorithm>

namespace millrace::storage {

void EpochCache::assign(LeaderEpoch epoch, Offset start) {
    if (epoch <= latest() || epoch < 0) return;
    truncate_from_end(start);
    entries_.push_back({epoch, start});
}

void EpochCache::truncate_from_end(Offset end) {
    while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
}

void EpochCache::truncate_from_start(Offset start) {
    auto first_above = std::ranges::upper_bound(entries_, start, {}, &EpochStart::start);
    if (first_above == entries_.begin()) return;
    entries_.erase(entries_.begin(), first_above - 1);
    entries_.front().start = start;
}

LeaderEpoch EpochCache::epoch_at(Offset offset) const {
    const auto above = std::ranges::upper_bound(entries_, offset, {}, &EpochStart::start);
    return above == entries_.begin() ? -1 : (above - 1)->epoch;
}

EpochEnd EpochCache::end_of(LeaderEpoch epoch, Offset log_end) const {
    if (epoch < 0 || entries_.empty()) return {};
    if (epoch == latest()) return {epoch, log_end};
    const auto above = std::ranges::upper_bound(entries_, epoch, {}, &EpochStart::epoch);
    if (above == entries_.end()) return {};
    // Below everything known: what it wrote ends at or before the first known epoch.
    if (above == entries_.begin()) return {epoch, above->start};
    return {(above - 1)->epoch, above->start};
}

}  // namespace millrace::storage
