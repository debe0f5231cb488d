// What all logs of one shard share: the disk, the budgets for open segment files and for index
// entries in memory, the cache of recent batches, and the files that wait for their deletion.
//
// Owner: LogManager (or a test). Loop: the shard's. Outlives the logs that use it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "runtime/disk.h"
#include "runtime/event.h"
#include "storage/tail_cache.h"

namespace millrace::storage {

class Segment;

inline constexpr size_t kDamageNotesMax = 1000;

struct ShardLimits {
    size_t open_files_max = 512;
    size_t tail_cache_bytes = 32u << 20;
    size_t index_cache_bytes = 16u << 20;
    uint64_t unflushed_bytes_max = 1u << 30;
    int64_t unflushed_ms_max = 60'000;
};

class Checkpoints {
public:
    virtual ~Checkpoints() = default;
    virtual runtime::Task<Result<void>> checkpoint() = 0;
};

class Shard {
public:
    Shard(runtime::Disk& disk, ShardLimits limits)
        : limits(limits), tails_(limits.tail_cache_bytes), disk_(disk) {}
    Shard(const Shard&) = delete;

    runtime::Disk& disk() { return disk_; }
    TailCache& tails() { return tails_; }
    const ShardLimits limits;

    // Segments with an open file (or index entries that could be read again), the least recently
    // used one first. These lists are Segment's business: see its file() and index functions.
    using Uses = std::list<Segment*>;
    Uses open_files;
    Uses loaded_indexes;
    size_t loaded_index_bytes = 0;

    // Set by the LogManager, if there is one: a truncation has the recovery points written before
    // it goes on.
    Checkpoints* checkpoints = nullptr;

    // What recovery found damaged and took away, a sentence each that names file and position; and
    // how many there were: of more than kDamageNotesMax only the first are kept.
    void note_damage(std::string sentence) {
        if (damage_.size() < kDamageNotesMax) damage_.push_back(std::move(sentence));
        ++damages_;
    }
    const std::vector<std::string>& damage() const { return damage_; }
    uint64_t damages() const { return damages_; }

    // The names that `directory` had when mark() was called survive a loss of power once this
    // succeeds: one sync serves all who ask meanwhile, and nothing is done when there was one since.
    uint64_t mark() { return ++marks_; }
    runtime::Task<Result<void>> sync_names(std::string directory, uint64_t mark);

    // `path` (a file or a tree) is removed by the first delete_due() at or after `due`.
    void delete_later(std::string path, TimestampMs due) {
        deletions_.emplace(due, std::move(path));
    }
    // Tries at most `count_max` of them; how many went. Failures are logged and tried again by the
    // next call.
    runtime::Task<size_t> delete_due(TimestampMs now, size_t count_max = SIZE_MAX);
    size_t deletions_waiting() const { return deletions_.size(); }

private:
    TailCache tails_;
    runtime::Disk& disk_;
    std::multimap<TimestampMs, std::string> deletions_;
    struct Names {
        uint64_t synced = 0;  // the mark at the begin of the last sync
        runtime::AsyncMutex syncing;
    };
    std::map<std::string, Names> names_;
    uint64_t marks_ = 0;
    std::vector<std::string> damage_;
    uint64_t damages_ = 0;
};

}  // namespace millrace::storage
