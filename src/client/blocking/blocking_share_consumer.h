// A ShareConsumer for programs without a loop: on a thread of its own, where it keeps its membership
// alive, and used by one thread at a time.
//
//   TRY(auto config, ShareConsumerConfig::from(settings));
//   BlockingShareConsumer consumer{std::move(config)};
//   TRY_OK(consumer.subscribe({"jobs"}));
//   for (;;) {
//       TRY(auto batches, consumer.poll(1s));
//       for (ShareBatch& batch : batches)
//           TRY_OK(batch.for_each([&](const RecordView& r, int16_t) { work(r); }));
//       TRY(auto results, consumer.commit());     // or leave it to the next poll()
//   }
//   TRY_OK(consumer.close());
//
// Owner: the application; close() it before it dies, or its records stay locked for a while.
// Threads: any, one call at a time; wake() at any time. Batches may go to other threads.
// All functions are ShareConsumer's, with its errors. Kafka: KafkaShareConsumer.
#pragma once

#include "client/share_consumer.h"
#include "runtime/loop_thread.h"

namespace millrace::client {

class BlockingShareConsumer {
public:
    using CommitResults = ShareConsumer::CommitResults;
    // On the thread that is in poll(), commit() or close(), before that returns; it may call this
    // consumer.
    using Acknowledged = ShareConsumer::Acknowledged;

    explicit BlockingShareConsumer(ShareConsumerConfig config);
    ~BlockingShareConsumer();
    BlockingShareConsumer(const BlockingShareConsumer&) = delete;

    Result<void> subscribe(std::vector<std::string> topics);
    Result<void> unsubscribe();
    std::vector<TopicPartition> assignment();

    // Returns early, with nothing, after wake().
    Result<std::vector<ShareBatch>> poll(Duration patience);
    // Any thread: ends the poll() that waits now, or the next one.
    void wake();

    // Each is a visit to the other thread: whole batches rather than records where that will do.
    Result<void> acknowledge(const TopicPartition& place, Offset offset,
                             AcknowledgeType type = AcknowledgeType::accept);
    Result<void> acknowledge(const ShareBatch& batch,
                             AcknowledgeType type = AcknowledgeType::accept);
    Result<CommitResults> commit();
    void commit_async();
    void on_acknowledged(Acknowledged callback) { acknowledged_ = std::move(callback); }

    Result<void> close(Duration patience = std::chrono::seconds(30));

    // Anything else: fn(ShareConsumer&), a plain function or one that gives a Task, on its loop.
    template <typename F>
    auto call(F fn) {
        return thread_.call([&] [[clang::coro_wrapper]] { return fn(*consumer_); });
    }

private:
    struct Outcome {
        TopicPartition place;
        std::vector<AcknowledgedRange> ranges;
        Result<void> result;
    };
    // A call after which the application is told what came of its acknowledgements.
    template <typename F>
    auto call_and_tell(F fn);

    runtime::LoopThread thread_;
    Acknowledged acknowledged_;
    std::vector<Outcome> outcomes_;            // until the call returns
    std::unique_ptr<ShareConsumer> consumer_;  // the loop's
};

}  // namespace millrace::client
