// A Consumer for programs without a loop: on a thread of its own, where it fetches ahead and keeps
// its membership alive, and used by one thread at a time.
//
//   TRY(auto config, ConsumerConfig::from(settings));
//   BlockingConsumer consumer{std::move(config)};
//   TRY_OK(consumer.subscribe({"orders"}));
//   for (;;) {
//       TRY(auto batches, consumer.poll(1s));
//       for (RecordBatch& batch : batches)
//           TRY_OK(batch.for_each([&](const RecordView& r) { handle(r); }));
//   }
//   TRY_OK(consumer.close());
//
// Owner: the application; close() it before it dies, or its group waits for session.timeout.ms.
// Threads: any, one call at a time; wake() at any time. Batches may go to other threads.
// All functions are Consumer's, with its errors. Kafka: KafkaConsumer.
#pragma once

#include <functional>

#include "client/consumer.h"
#include "runtime/loop_thread.h"

namespace millrace::client {

// Told about changes of the assignment, on the thread that is in poll() or close(), where it may
// commit and seek. As RebalanceListener.
struct OnRebalance {
    using Told = std::function<void(std::span<const TopicPartition>)>;
    Told assigned;
    Told revoked;
    Told lost;  // none: `revoked` is told
};

class BlockingConsumer {
public:
    explicit BlockingConsumer(ConsumerConfig config);
    ~BlockingConsumer();
    BlockingConsumer(const BlockingConsumer&) = delete;

    Result<void> assign(std::vector<TopicPartition> partitions);
    Result<void> subscribe(std::vector<std::string> topics, OnRebalance on_rebalance = {});
    Result<void> subscribe(TopicPattern pattern, OnRebalance on_rebalance = {});
    Result<void> unsubscribe();
    std::vector<TopicPartition> assignment();

    // Returns early, with nothing, after wake().
    Result<std::vector<RecordBatch>> poll(Duration patience);
    // Any thread: ends the poll() that waits now, or the next one.
    void wake();

    Result<void> commit();
    Result<void> commit(CommittedOffsets offsets);
    Result<CommittedOffsets> committed(std::vector<TopicPartition> partitions);

    Result<void> seek(const TopicPartition& partition, Offset offset, LeaderEpoch epoch = -1);
    Result<void> seek_to_beginning(std::span<const TopicPartition> partitions);
    Result<void> seek_to_end(std::span<const TopicPartition> partitions);
    Result<void> pause(std::span<const TopicPartition> partitions);
    Result<void> resume(std::span<const TopicPartition> partitions);
    Result<Offset> position(TopicPartition partition);
    GroupMetadata group_metadata();
    Result<void> enforce_rebalance(std::string reason = {});

    Result<void> close(Duration patience = std::chrono::seconds(30));

    // Anything else: fn(Consumer&), a plain function or one that gives a Task, on its loop.
    template <typename F>
    auto call(F fn) {
        return thread_.call([&] [[clang::coro_wrapper]] { return fn(*consumer_); });
    }

private:
    class Listener;
    std::shared_ptr<RebalanceListener> listener(OnRebalance on_rebalance);
    // A call during which the listener's functions run on the calling thread.
    template <typename F>
    auto call_listening(F fn);

    runtime::LoopThread thread_;
    runtime::Inbox* listening_ = nullptr;  // of the call that waits; the loop's
    std::unique_ptr<Consumer> consumer_;   // the loop's
};

}  // namespace millrace::client
