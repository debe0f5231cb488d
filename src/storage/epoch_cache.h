// Which leader epoch wrote which offsets: one entry for each epoch's first record, both ascending.
// Pure. Owner: Log. Kafka: LeaderEpochFileCache (KIP-101, KIP-279).
#pragma once

#include <vector>

#include "base/units.h"
#include "storage/checkpoint_files.h"
#include "storage/log.h"

namespace millrace::storage {

class EpochCache {
public:
    EpochCache() = default;
    explicit EpochCache(std::vector<EpochStart> entries) : entries_(std::move(entries)) {}

    // `epoch` starts at `start`, unless it is not newer than the latest one. Entries at or behind
    // `start` are replaced: nothing was written under them.
    void assign(LeaderEpoch epoch, Offset start);
    void truncate_from_end(Offset end);
    // Entries below `start` go, but the one that covers `start` stays and begins there.
    void truncate_from_start(Offset start);
    void clear() { entries_.clear(); }

    LeaderEpoch latest() const { return entries_.empty() ? -1 : entries_.back().epoch; }
    LeaderEpoch epoch_at(Offset offset) const;
    EpochEnd end_of(LeaderEpoch epoch, Offset log_end) const;
    const std::vector<EpochStart>& entries() const { return entries_; }

private:
    std::vector<EpochStart> entries_;
};

}  // namespace millrace::storage
