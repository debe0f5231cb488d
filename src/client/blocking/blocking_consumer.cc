#include "client/blocking/blocking_consumer.h"

namespace millrace::client {

// Takes what the loop tells to the thread that waits in a call, and lets the loop's task go on when
// it has been told.
class BlockingConsumer::Listener final : public RebalanceListener {
public:
    Listener(BlockingConsumer& owner, OnRebalance told) : owner_(owner), told_(std::move(told)) {}

    runtime::Task<void> assigned(std::span<const TopicPartition> partitions) override {
        co_await tell(told_.assigned, partitions);
    }
    runtime::Task<void> revoked(std::span<const TopicPartition> partitions) override {
        co_await tell(told_.revoked, partitions);
    }
    runtime::Task<void> lost(std::span<const TopicPartition> partitions) override {
        co_await tell(told_.lost ? told_.lost : told_.revoked, partitions);
    }

private:
    struct Back final : runtime::Remote {
        runtime::Event told;
        void run() override { told.set(); }
    };
    runtime::Task<void> tell(const OnRebalance::Told& fn,
                             std::span<const TopicPartition> partitions) {
        if (!fn) co_return;
        INVARIANT(owner_.listening_ != nullptr);
        Back back;
        owner_.listening_->post([&] {
            fn(partitions);
            owner_.thread_.loop().post_remote(back);
        });
        co_await back.told.wait();
    }

    BlockingConsumer& owner_;
    const OnRebalance told_;
};

BlockingConsumer::BlockingConsumer(ConsumerConfig config) {
    thread_.call(
        [&] { consumer_ = std::make_unique<Consumer>(thread_.context(), std::move(config)); });
}

BlockingConsumer::~BlockingConsumer() {
    thread_.call([this] { consumer_.reset(); });
}

std::shared_ptr<RebalanceListener> BlockingConsumer::listener(OnRebalance on_rebalance) {
    if (!on_rebalance.assigned && !on_rebalance.revoked && !on_rebalance.lost) return nullptr;
    return std::make_shared<Listener>(*this, std::move(on_rebalance));
}

template <typename F>
auto BlockingConsumer::call_listening(F fn) {
    runtime::Inbox inbox;
    return thread_.call(inbox, [&]() -> std::invoke_result_t<F&> {
        listening_ = &inbox;
        auto result = co_await fn();
        listening_ = nullptr;
        co_return std::move(result);
    });
}

Result<void> BlockingConsumer::assign(std::vector<TopicPartition> partitions) {
    return call([&](Consumer& c) { return c.assign(std::move(partitions)); });
}

Result<void> BlockingConsumer::subscribe(std::vector<std::string> topics,
                                         OnRebalance on_rebalance) {
    return call([&](Consumer& c) {
        return c.subscribe(std::move(topics), listener(std::move(on_rebalance)));
    });
}

Result<void> BlockingConsumer::subscribe(TopicPattern pattern, OnRebalance on_rebalance) {
    return call([&](Consumer& c) {
        return c.subscribe(std::move(pattern), listener(std::move(on_rebalance)));
    });
}

Result<void> BlockingConsumer::unsubscribe() {
    return call_listening([this] [[clang::coro_wrapper]] { return consumer_->unsubscribe(); });
}

std::vector<TopicPartition> BlockingConsumer::assignment() {
    return call([](Consumer& c) { return c.assignment(); });
}

Result<std::vector<RecordBatch>> BlockingConsumer::poll(Duration patience) {
    return call_listening([&] [[clang::coro_wrapper]] { return consumer_->poll(patience); });
}

void BlockingConsumer::wake() {
    call([](Consumer& c) { c.wake(); });
}

Result<void> BlockingConsumer::commit() {
    return call([] [[clang::coro_wrapper]] (Consumer & c) { return c.commit(); });
}

Result<void> BlockingConsumer::commit(CommittedOffsets offsets) {
    return call(
        [&] [[clang::coro_wrapper]] (Consumer & c) { return c.commit(std::move(offsets)); });
}

Result<CommittedOffsets> BlockingConsumer::committed(std::vector<TopicPartition> partitions) {
    return call(
        [&] [[clang::coro_wrapper]] (Consumer & c) { return c.committed(std::move(partitions)); });
}

Result<void> BlockingConsumer::seek(const TopicPartition& partition, Offset offset,
                                    LeaderEpoch epoch) {
    return call([&](Consumer& c) { return c.seek(partition, offset, epoch); });
}

Result<void> BlockingConsumer::seek_to_beginning(std::span<const TopicPartition> partitions) {
    return call([&](Consumer& c) { return c.seek_to_beginning(partitions); });
}

Result<void> BlockingConsumer::seek_to_end(std::span<const TopicPartition> partitions) {
    return call([&](Consumer& c) { return c.seek_to_end(partitions); });
}

Result<void> BlockingConsumer::pause(std::span<const TopicPartition> partitions) {
    return call([&](Consumer& c) { return c.pause(partitions); });
}

Result<void> BlockingConsumer::resume(std::span<const TopicPartition> partitions) {
    return call([&](Consumer& c) { return c.resume(partitions); });
}

Result<Offset> BlockingConsumer::position(TopicPartition partition) {
    return call(
        [&] [[clang::coro_wrapper]] (Consumer & c) { return c.position(std::move(partition)); });
}

GroupMetadata BlockingConsumer::group_metadata() {
    return call([](Consumer& c) { return c.group_metadata(); });
}

Result<void> BlockingConsumer::enforce_rebalance(std::string reason) {
    return call([&](Consumer& c) { return c.enforce_rebalance(std::move(reason)); });
}

Result<void> BlockingConsumer::close(Duration patience) {
    return call_listening([&] [[clang::coro_wrapper]] { return consumer_->close(patience); });
}

}  // namespace millrace::client
