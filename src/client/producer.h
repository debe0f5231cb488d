// A producer: records in, batches to the leaders of their partitions, one outcome for each record.
//
//   Producer producer{context, config};
//   CO_TRY(Delivery delivery, co_await producer.send({.topic = "orders", .value = bytes}));
//   CO_TRY(RecordPlace place, co_await delivery.wait());
//   CO_TRY_OK(co_await producer.close());
//
// Records of one partition are appended in the order of the calls of send(), each once
// (enable.idempotence), whatever is repeated on the way. Nothing here blocks; send() waits while
// buffer.memory is used up.
//
// Owner: whoever makes it. Loop: that of its context; nothing is thread-safe (for threads:
// blocking.h). Dying, it gives up what is not delivered: close() first. Kafka: KafkaProducer.
#pragma once

#include "client/accumulator.h"
#include "client/metrics/timed.h"
#include "client/producer_sender.h"
#include "client/telemetry/telemetry.h"
#include "client/transactions.h"

namespace millrace::client {

class Producer {
public:
    Producer(runtime::Context context, ProducerConfig config);
    ~Producer();
    Producer(const Producer&) = delete;

    // Takes the record over, waiting for the topic's metadata and for room, max.block.ms at most;
    // the views must live until then. Errors: deadline_exceeded (no room), message_too_large,
    // unknown_topic_or_partition, invalid_topic_exception, topic_authorization_failed, and what has
    // ended the producer for good. Whether the record arrives, the delivery tells.
    [[clang::coro_wrapper]] runtime::Task<Result<Delivery>> send(const Record& record) {
        return append(record, std::nullopt);
    }
    // The same without waiting: would_block where send() would wait. Cheaper, for tight loops.
    Result<Delivery> try_send(const Record& record);
    // Only if the partition ends at `expected_end` (docs/conditional-append.md): otherwise the
    // delivery fails with append_condition_failed. The record must name its partition. A broker
    // that does not know conditions: unsupported_version.
    [[clang::coro_wrapper]] runtime::Task<Result<Delivery>> send_if(const Record& record,
                                                                    Offset expected_end) {
        return append(record, expected_end);
    }

    // Until everything that was sent before has its outcome; does not wait for linger.ms.
    [[clang::coro_wrapper]] runtime::Task<void> flush() {
        return timed(cluster_.loop(), calls_.flush, deliver_all());
    }
    // flush(), at most for so long; afterwards nothing can be sent. Errors: deadline_exceeded when
    // something was not delivered in time, which has failed then.
    runtime::Task<Result<void>> close(std::chrono::milliseconds patience);
    [[clang::coro_wrapper]] runtime::Task<Result<void>> close() {
        return close(config_.delivery_timeout);
    }

    // Transactions, for a producer with transactional.id. Each waits for max.block.ms at most. A
    // transaction that failed can only be aborted; producer_fenced and what else is final ends the
    // producer.
    [[clang::coro_wrapper]] runtime::Task<Result<void>> init_transactions() {
        return timed(cluster_.loop(), calls_.init, init());
    }
    Result<void> begin_transaction();
    // The offsets become the group's when the transaction is committed.
    [[clang::coro_wrapper]] runtime::Task<Result<void>> send_offsets(CommittedOffsets offsets,
                                                                     GroupMetadata group) {
        return timed(cluster_.loop(), calls_.offsets,
                     add_offsets(std::move(offsets), std::move(group)));
    }
    // Delivers what was sent, and then all of it counts.
    [[clang::coro_wrapper]] runtime::Task<Result<void>> commit_transaction() {
        return timed(cluster_.loop(), calls_.commit, commit());
    }
    // Gives up what is not yet sent, and what was sent counts for nobody who reads committed.
    [[clang::coro_wrapper]] runtime::Task<Result<void>> abort_transaction() {
        return timed(cluster_.loop(), calls_.abort, abort());
    }

    Cluster& cluster() { return cluster_; }
    const ProducerConfig& config() const { return config_; }
    const ProducerSender::Stats& stats() const { return sender_.stats(); }
    // Under Kafka's names (docs/client.md).
    MetricList metrics() const;
    const Telemetry& telemetry() const { return telemetry_; }
    int64_t bytes_buffered() const { return accumulator_.bytes_used(); }
    // The first batch that failed for good since the last call: for programs that look at no
    // deliveries.
    std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }

private:
    Result<void> usable() const;
    Telemetry::Labels labels() const;
    runtime::Task<Result<void>> deliver_rest(runtime::TimePoint deadline,
                                             std::chrono::milliseconds patience);
    bool transactional() const { return !config_.transactional_id.empty(); }
    runtime::Task<Result<Delivery>> append(const Record& record,
                                           std::optional<Offset> expected_end);
    runtime::Task<bool> wait_for_room(runtime::Subscriber& waiting, runtime::TimePoint deadline);
    runtime::Task<void> deliver_all();
    runtime::Task<Result<void>> init();
    runtime::Task<Result<void>> add_offsets(CommittedOffsets offsets, GroupMetadata group);
    runtime::Task<Result<void>> commit();
    runtime::Task<Result<void>> abort();

    const ProducerConfig config_;
    Cluster cluster_;
    SendSchedule schedule_{cluster_};
    Accumulator accumulator_{cluster_, config_, schedule_};
    ProducerSession session_{cluster_, config_};
    Transactions transactions_{cluster_, config_, schedule_, session_};
    ProducerSender sender_{cluster_, config_, schedule_, accumulator_, session_};
    ProducerCalls calls_;
    bool closed_ = false;
    std::optional<Error> failure_;
    Telemetry telemetry_;
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
