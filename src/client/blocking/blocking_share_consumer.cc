#include "client/blocking/blocking_share_consumer.h"

namespace millrace::client {

BlockingShareConsumer::BlockingShareConsumer(ShareConsumerConfig config) {
    thread_.call([&] {
        consumer_ = std::make_unique<ShareConsumer>(thread_.context(), std::move(config));
        consumer_->on_acknowledged([this](const TopicPartition& place,
                                          std::span<const AcknowledgedRange> ranges,
                                          const Result<void>& result) {
            outcomes_.push_back({place, {ranges.begin(), ranges.end()}, result});
        });
    });
}

BlockingShareConsumer::~BlockingShareConsumer() {
    thread_.call([this] { consumer_.reset(); });
}

template <typename F>
auto BlockingShareConsumer::call_and_tell(F fn) {
    auto out = call(fn);
    for (const Outcome& outcome : std::exchange(outcomes_, {}))
        if (acknowledged_) acknowledged_(outcome.place, outcome.ranges, outcome.result);
    return out;
}

Result<void> BlockingShareConsumer::subscribe(std::vector<std::string> topics) {
    return call([&](ShareConsumer& c) { return c.subscribe(std::move(topics)); });
}

Result<void> BlockingShareConsumer::unsubscribe() {
    return call_and_tell(
        [] [[clang::coro_wrapper]] (ShareConsumer & c) { return c.unsubscribe(); });
}

std::vector<TopicPartition> BlockingShareConsumer::assignment() {
    return call([](ShareConsumer& c) { return c.assignment(); });
}

Result<std::vector<ShareBatch>> BlockingShareConsumer::poll(Duration patience) {
    return call_and_tell(
        [&] [[clang::coro_wrapper]] (ShareConsumer & c) { return c.poll(patience); });
}

void BlockingShareConsumer::wake() {
    call([](ShareConsumer& c) { c.wake(); });
}

Result<void> BlockingShareConsumer::acknowledge(const TopicPartition& place, Offset offset,
                                                AcknowledgeType type) {
    return call([&](ShareConsumer& c) { return c.acknowledge(place, offset, type); });
}

Result<void> BlockingShareConsumer::acknowledge(const ShareBatch& batch, AcknowledgeType type) {
    return call([&](ShareConsumer& c) { return c.acknowledge(batch, type); });
}

Result<BlockingShareConsumer::CommitResults> BlockingShareConsumer::commit() {
    return call_and_tell([] [[clang::coro_wrapper]] (ShareConsumer & c) { return c.commit(); });
}

void BlockingShareConsumer::commit_async() {
    call([](ShareConsumer& c) { c.commit_async(); });
}

Result<void> BlockingShareConsumer::close(Duration patience) {
    return call_and_tell(
        [&] [[clang::coro_wrapper]] (ShareConsumer & c) { return c.close(patience); });
}

}  // namespace millrace::client
