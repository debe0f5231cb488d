// Reads records as a member of a share group (KIP-932): members share the records of a partition,
// each is locked for one member until it has said what became of it, and delivered again when it
// did not.
//
//   ShareConsumer consumer{context, config};
//   CO_TRY_OK(consumer.subscribe({"jobs"}));
//   for (;;) {
//       CO_TRY(auto batches, co_await consumer.poll(1s));
//       for (ShareBatch& batch : batches)
//           CO_TRY_OK(batch.for_each([&](const RecordView& r, int16_t delivery_count) {
//               work(r);
//               (void)consumer.acknowledge(batch.place(), r.offset, AcknowledgeType::accept);
//           }));
//       CO_TRY(auto results, co_await consumer.commit());     // or leave it to the next poll()
//   }
//   CO_TRY_OK(co_await consumer.close());
//
// share.acknowledgement.mode=implicit (the default): what poll() gave is accepted by the next
// poll() or commit(). explicit: each record wants its acknowledge() before the next poll(); they
// are sent by that poll(), or by commit(). A lock ends after lock_timeout(); acknowledging later
// fails with invalid_record_state, and somebody else may have the record.
//
// Owner: the application; close() it before it dies, unless the loop is dropped. Loop: that of the
// context; nothing here is thread-safe. At most one poll(), commit() or close() at a time.
// Memory: batches keep the memory that they arrived in; what is fetched and not yet given out is
// one answer of each broker at most.
//
// Kafka: KafkaShareConsumer. Differs: a renewed record is not handed out again by the next poll();
// it stays acknowledgeable until its lock ends.
#pragma once

#include "client/share/fetcher.h"
#include "client/telemetry/telemetry.h"

namespace millrace::client {

class ShareConsumer {
public:
    // What came of an acknowledgement: for each partition of the commit, success or the broker's
    // reason: invalid_record_state (the lock had ended), not_leader_or_follower (the partition has
    // moved), share_session_not_found, connection_closed ... After any of them the records of that
    // partition may be delivered again.
    using CommitResults = std::map<TopicPartition, Result<void>>;
    using Acknowledged = std::function<void(
        const TopicPartition&, std::span<const AcknowledgedRange>, const Result<void>&)>;

    ShareConsumer(runtime::Context context, ShareConsumerConfig config);
    ~ShareConsumer();
    ShareConsumer(const ShareConsumer&) = delete;

    const ShareConsumerConfig& config() const { return config_; }
    Cluster& cluster() { return cluster_; }

    // Replaces the subscription of before. invalid_topic_exception: no topic, or an empty name.
    Result<void> subscribe(std::vector<std::string> topics);
    // Sends what was acknowledged, gives the rest back, leaves the group.
    runtime::Task<Result<void>> unsubscribe();
    const std::set<std::string>& subscription() const { return subscription_; }
    // Partitions that this member may get records of now. Others may have the same ones.
    std::vector<TopicPartition> assignment() const;

    // Batches as soon as there are any, none when `patience` is over. Errors: invalid_request (not
    // subscribed; explicit: records without an acknowledge()); what is final for the group or a
    // topic, once: group_authorization_failed, topic_authorization_failed, unsupported_version (a
    // cluster without share groups); corrupt_message (a damaged batch; it was rejected). poll() may
    // be called again after any of them.
    runtime::Task<Result<std::vector<ShareBatch>>> poll(Duration patience);
    // Ends the poll() that waits now, or the next one: with what there is, or nothing.
    void wake();

    // Explicit mode only; may be said again until it is sent. `gap` is not for applications.
    // invalid_request: the record was not delivered, or it has been acknowledged for good.
    Result<void> acknowledge(const TopicPartition& place, Offset offset,
                             AcknowledgeType type = AcknowledgeType::accept);
    // All records of the batch.
    Result<void> acknowledge(const ShareBatch& batch,
                             AcknowledgeType type = AcknowledgeType::accept);
    // Sends what was acknowledged (implicit: everything that was delivered) and waits for the
    // brokers' answers, default.api.timeout.ms at most; what has none by then has
    // deadline_exceeded.
    runtime::Task<Result<CommitResults>> commit();
    // The same without waiting; on_acknowledged() hears.
    void commit_async();
    // Called from inside poll(), commit() and close() with what came of acknowledgements since, by
    // whatever they were sent. Not to call this consumer.
    void on_acknowledged(Acknowledged callback) { callback_ = std::move(callback); }
    // How long records are locked for this consumer; nothing before the first were fetched.
    std::optional<std::chrono::milliseconds> lock_timeout() const;

    // Under Kafka's names (docs/client.md).
    MetricList metrics() const;
    const Telemetry& telemetry() const { return telemetry_; }

    // Sends what was acknowledged, gives back what was not, leaves the group. Nothing may be called
    // afterwards.
    runtime::Task<Result<void>> close(Duration patience = std::chrono::seconds(30));

private:
    struct Outcome {
        PartitionAcknowledgement part;
        Result<void> result;
        runtime::TimePoint at;
    };
    bool implicit() const {
        return config_.acknowledgement == AcknowledgementMode::implicit_accept;
    }
    std::vector<PartitionAcknowledgement> take_acknowledgements();
    Telemetry::Labels labels() const;
    void hear(const PartitionAcknowledgement& part, const Result<void>& result);
    void note_failure(Error error);
    void call_back();
    runtime::Task<void> leave(runtime::TimePoint deadline);

    const ShareConsumerConfig config_;
    Cluster cluster_;
    CoordinatorLink link_;
    std::set<std::string> subscription_;
    DeliveredRecords delivered_;
    Acknowledged callback_;
    std::deque<Outcome> outcomes_;  // for callback_
    std::optional<Error> failure_;  // of the membership
    runtime::TimePoint failed_at_{};
    PollStats polls_;
    ShareFetchStats fetches_;  // of all subscriptions
    bool in_poll_ = false;
    bool woken_ = false;
    runtime::Signal wake_;
    std::unique_ptr<ShareFetcher> fetcher_;        // while subscribed
    std::unique_ptr<ShareMembership> membership_;  // likewise
    Telemetry telemetry_;
};

}  // namespace millrace::client
