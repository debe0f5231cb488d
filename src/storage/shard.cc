#include "storage/shard.h"

#include "base/log.h"

namespace millrace::storage {

runtime::Task<Result<void>> Shard::sync_names(std::string directory, uint64_t mark) {
    Names& names = names_[directory];
    const auto alone = co_await names.syncing.lock();
    if (names.synced > mark) co_return {};
    const uint64_t begun = this->mark();
    CO_TRY_OK(co_await disk_.sync_directory(directory));
    names.synced = begun;
    co_return {};
}

runtime::Task<size_t> Shard::delete_due(TimestampMs now, size_t count_max) {
    std::multimap<TimestampMs, std::string> failed;
    size_t removed_count = 0;
    for (; count_max > 0 && !deletions_.empty() && deletions_.begin()->first <= now; --count_max) {
        auto node = deletions_.extract(deletions_.begin());
        const auto removed = co_await disk_.remove_all(node.mapped());
        if (removed) {
            ++removed_count;
            continue;
        }
        LOG_WARN("storage", "cannot delete {}: {}", node.mapped(), removed.error().describe());
        failed.insert(std::move(node));
    }
    deletions_.merge(failed);
    co_return removed_count;
}

}  // namespace millrace::storage
