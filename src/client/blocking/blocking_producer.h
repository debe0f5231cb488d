// A Producer for programs without a loop: on a thread of its own, used from any thread.
//
//   TRY(auto config, ProducerConfig::from(settings));
//   BlockingProducer producer{std::move(config)};
//   TRY_OK(producer.send({.topic = "orders", .value = bytes}));                  // takes a copy
//   TRY_OK(producer.send(record, [](const Result<RecordPlace>& r) { ... }));     // and tells
//   TRY(RecordPlace place, producer.deliver(record));                            // and waits
//   TRY_OK(producer.close());
//
// Records of one thread are appended in the order of its calls. What cannot be sent (an unknown
// topic, too large a record ...) is found out on the loop, after send(): the callback tells, and so
// do take_failure() and the next flush() or close().
//
// Owner: the application; it dies after the last call into it has returned, and gives up what is
// not delivered: close() first. Threads: any; from a callback only send(), which does not wait there.
// Kafka: KafkaProducer.
#pragma once

#include "client/blocking/staged_records.h"
#include "client/producer.h"
#include "runtime/loop_thread.h"

namespace millrace::client {

class BlockingProducer {
public:
    explicit BlockingProducer(ProducerConfig config);
    ~BlockingProducer();
    BlockingProducer(const BlockingProducer&) = delete;

    // Waits for room for max.block.ms at most. The callback runs on the producer's thread, in the
    // order of sending for a partition; it must be quick. Errors: deadline_exceeded, cancelled
    // (closed); would_block (from a callback).
    Result<void> send(const Record& record, OnDelivery on_delivery = {});
    // send() and wait for the outcome. For throughput, send() many and then flush().
    Result<RecordPlace> deliver(const Record& record);

    // Until everything that was sent before has its outcome and the callbacks have run. The error
    // is take_failure()'s.
    Result<void> flush();
    // flush(), at most for so long; afterwards nothing can be sent.
    Result<void> close(std::chrono::milliseconds patience);
    Result<void> close() { return close(config_.delivery_timeout); }
    // The first failure of any record since the last call.
    std::optional<Error> take_failure();

    // Transactions: as Producer's. Records that were sent before the call are in it.
    Result<void> init_transactions();
    Result<void> begin_transaction();
    Result<void> send_offsets(CommittedOffsets offsets, GroupMetadata group);
    Result<void> commit_transaction();
    Result<void> abort_transaction();

    // Anything else: fn(Producer&), a plain function or one that gives a Task, on its loop.
    template <typename F>
    auto call(F fn) {
        return thread_.call([&] [[clang::coro_wrapper]] { return fn(on_loop_->producer); });
    }
    const ProducerConfig& config() const { return config_; }

private:
    // What lives on the loop.
    struct OnLoop {
        OnLoop(runtime::Context context, const ProducerConfig& config)
            : producer(context, config), tasks(context.loop) {}
        Producer producer;
        uint64_t taken = 0;  // of staged_
        runtime::Signal advanced;
        std::optional<Error> refused;  // the first record that the producer did not take
        runtime::DroppingScope tasks;  // last: its tasks use what is above
    };
    runtime::Task<void> feed();
    runtime::Task<void> feed_one(const StagedRecords::Load::Entry& entry);
    // Until all that was put before has been given to the producer, or until then.
    runtime::Task<void> drain(runtime::TimePoint until);
    runtime::Task<void> deliver_all();
    Result<void> failure_or_well();

    const ProducerConfig config_;
    runtime::LoopThread thread_;
    StagedRecords staged_{thread_.loop()};
    std::unique_ptr<OnLoop> on_loop_;
};

}  // namespace millrace::client
