// The loaded partitions of one internal topic, and what the broker tells every coordinator: load
// this one, unload that one.
//
// Owner: a coordinator. Loop: the coordinator's.
#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "coordinator/partition_hash.h"
#include "coordinator/shard.h"

namespace millrace::coordinator {

// A coordinator as the broker's CoordinatorHost sees it.
class Coordinator {
public:
    virtual ~Coordinator() = default;
    // Replays the partition and takes its keys. The log must stay until unload() has returned.
    virtual runtime::Task<Result<void>> load(PartitionIndex partition, CoordinatorLog& log) = 0;
    // Answers everything that waits with NOT_COORDINATOR, and forgets the partition. No use of the
    // log after it returned.
    virtual runtime::Task<void> unload(PartitionIndex partition) = 0;
};

template <typename Machine>
class Shards {
public:
    using ShardType = Shard<Machine>;
    using Ptr = std::shared_ptr<ShardType>;
    using Map = std::map<PartitionIndex, Ptr>;

    // How many partitions the topic has.
    int32_t partition_count = 0;

    PartitionIndex partition_for(std::string_view key) const {
        return partition_for_key(key, partition_count);
    }
    // The shard that keeps the key; not_coordinator, coordinator_load_in_progress.
    ErrorCode find(std::string_view key, Ptr& out) const { return at(partition_for(key), out); }
    ErrorCode at(PartitionIndex partition, Ptr& out) const {
        const auto found = loaded_.find(partition);
        if (found == loaded_.end() || found->second->state() == ShardType::State::closed)
            return ErrorCode::not_coordinator;
        if (found->second->state() == ShardType::State::loading)
            return ErrorCode::coordinator_load_in_progress;
        out = found->second;
        return ErrorCode::none;
    }
    typename Map::const_iterator begin() const { return loaded_.begin(); }
    typename Map::const_iterator end() const { return loaded_.end(); }

    // Errors: already_exists, and what keeps the log from being replayed.
    runtime::Task<Result<void>> load(PartitionIndex partition, Ptr shard) {
        if (!loaded_.try_emplace(partition, shard).second)
            co_return fail(ErrorCode::already_exists, "the partition is loaded already");
        Result<void> loaded = co_await shard->load();
        const auto at = loaded_.find(partition);
        if (!loaded && at != loaded_.end() && at->second == shard) loaded_.erase(at);
        co_return loaded;
    }
    runtime::Task<void> unload(PartitionIndex partition) {
        const auto at = loaded_.find(partition);
        if (at == loaded_.end()) co_return;
        const Ptr shard = at->second;
        loaded_.erase(at);
        co_await shard->close();
    }

private:
    Map loaded_;
};

}  // namespace millrace::coordinator
