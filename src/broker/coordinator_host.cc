#include "broker/coordinator_host.h"

#include "base/log.h"

namespace millrace::broker {

void CoordinatorHost::start(const metadata::ImagePtr& image) {
    follow(image);
}

void CoordinatorHost::on_image(const metadata::ImagePtr& image, const metadata::Delta& delta) {
    if (!delta.topics.empty()) follow(image);
}

void CoordinatorHost::follow(const metadata::ImagePtr& image) {
    const metadata::TopicPtr topic = image->topic(topic_);
    const Uuid id = topic ? topic->id : Uuid{};
    const size_t count = topic ? topic->partitions.size() : 0;
    if (stopping_ || (id == topic_id_ && count == partition_count_)) return;
    topic_id_ = id;
    partition_count_ = count;
    scope_.spawn(take(topic));
}

// Lets go of another topic's partitions first: somebody may have deleted the topic and made it
// anew.
runtime::Task<void> CoordinatorHost::take(metadata::TopicPtr topic) {
    const auto guard = co_await changing_.lock();
    if (!topic || topic->id != loaded_id_) {
        for (auto& [index, log] : loaded_) co_await coordinator_.unload(index);
        loaded_.clear();
    }
    if (!topic) co_return;
    loaded_id_ = topic->id;
    for (PartitionIndex index = 0; index < static_cast<PartitionIndex>(topic->partitions.size());
         ++index) {
        if (stopping_) co_return;
        if (!loaded_.contains(index)) co_await load(topic, index);
    }
}

runtime::Task<void> CoordinatorHost::load(metadata::TopicPtr topic, PartitionIndex index) {
    auto partition = co_await partitions_.get(topic, index);
    if (!partition) {
        LOG_ERROR("broker", "{}-{}: {}", topic_, index, partition.error().describe());
        co_return;
    }
    auto& log = loaded_[index];
    log = std::make_unique<CoordinatorPartition>(loop_, *std::move(partition));
    if (const auto loaded = co_await coordinator_.load(index, *log); !loaded)
        LOG_ERROR("broker", "the state of {}-{} is not available: {}", topic_, index,
                  loaded.error().describe());
}

runtime::Task<void> CoordinatorHost::stop() {
    stopping_ = true;
    co_await scope_.join();
    for (auto& [index, log] : loaded_) co_await coordinator_.unload(index);
    loaded_.clear();
}

}  // namespace millrace::broker
