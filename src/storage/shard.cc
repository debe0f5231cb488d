#include "storage/shard.h"

#include "base/log.h"

namespace millrace::storage {

void Shard::delete_due(TimestampMs now) {
    std::multimap<TimestampMs, std::string> failed;
    while (!deletions_.empty() && deletions_.begin()->first <= now) {
        auto node = deletions_.extract(deletions_.begin());
        const auto removed = disk_.remove_all(node.mapped());
        if (removed) continue;
        LOG_WARN("storage", "cannot delete {}: {}", node.mapped(), removed.error().describe());
        failed.insert(std::move(node));
    }
    deletions_.merge(failed);
}

}  // namespace millrace::storage
