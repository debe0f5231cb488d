#include "streams/app/repartition_purge.h"

#include "base/log.h"

namespace millrace::streams {

void RepartitionPurge::committed(const client::CommittedOffsets& offsets) {
    for (const auto& [input, committed] : offsets)
        if (topics_.contains(input.topic)) processed_[input] = committed.offset;
    const runtime::TimePoint now = cluster_.loop().now();
    if (processed_.empty() || under_way_ || now < next_) return;
    next_ = now + interval_;
    under_way_ = true;
    deleting_.spawn(delete_records(std::exchange(processed_, {})));
}

runtime::Task<void> RepartitionPurge::delete_records(std::map<TopicPartition, Offset> before) {
    client::Admin admin(cluster_);
    const auto deleted = co_await admin.delete_records(std::move(before));
    under_way_ = false;
    if (!deleted)
        LOG_INFO("streams", "processed records of repartition topics could not be deleted: {}",
                 deleted.error().describe());
}

}  // namespace millrace::streams
