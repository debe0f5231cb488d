// Reads records from topics, alone or as a member of a group.
//
//   Consumer consumer{context, config};
//   CO_TRY_OK(consumer.subscribe({"orders"}));
//   for (;;) {
//       CO_TRY(auto batches, co_await consumer.poll(1s));
//       for (RecordBatch& batch : batches)
//           CO_TRY_OK(batch.for_each([&](const RecordView& r) { handle(r); }));
//   }
//   CO_TRY_OK(co_await consumer.close());
//
// Owner: the application; close() it before it dies, unless the loop is dropped. Loop: that of the
// context; nothing here is thread-safe. At most one poll() at a time, and no subscribe() or close()
// during it; the other calls may overlap it.
//
// poll() is also where rebalances happen: listeners run in it, and a member that does not call it
// for max.poll.interval.ms leaves its group. With auto commit, a record counts as consumed when
// poll() is called again.
//
// Memory: batches keep the memory that they arrived in; what is fetched ahead is bounded by
// ConsumerConfig::prefetch_bytes. Positions are those of the next record that poll() gives.
// Kafka: KafkaConsumer.
#pragma once

#include "client/fetcher.h"
#include "client/group_membership.h"
#include "client/metrics/timed.h"
#include "client/positions.h"
#include "client/telemetry/telemetry.h"

namespace millrace::client {

class Consumer {
public:
    Consumer(runtime::Context context, ConsumerConfig config);
    ~Consumer();
    Consumer(const Consumer&) = delete;

    const ConsumerConfig& config() const { return config_; }
    Cluster& cluster() { return cluster_; }

    // Exactly these partitions, without a group's say. invalid_request: subscribed. Partitions that
    // stay keep their positions.
    Result<void> assign(std::vector<TopicPartition> partitions);
    // As a member of config().group_id. Replaces the subscription of before. Errors:
    // invalid_group_id (no group.id), invalid_request (partitions were assigned),
    // invalid_topic_exception (an empty name).
    Result<void> subscribe(std::vector<std::string> topics,
                           std::shared_ptr<RebalanceListener> listener = nullptr);
    // All topics that match, also those to come.
    Result<void> subscribe(TopicPattern pattern,
                           std::shared_ptr<RebalanceListener> listener = nullptr);
    // Gives up the assignment, or leaves the group.
    runtime::Task<Result<void>> unsubscribe();
    std::vector<TopicPartition> assignment() const { return table_.places(); }
    const Subscription& subscription() const { return subscription_; }
    const MemberIdentity& identity() const { return identity_; }
    // For Producer::send_offsets. Without a group.id there is no name in it.
    GroupMetadata group_metadata() const { return {config_.group_id, identity_}; }
    // Joins the group again, with the next poll() at the latest: for an assignor that goes by more
    // than subscriptions. The coordinator has the partitions shared out anew when the group's
    // leader does so, or a member who wants something else than before; another one is told what
    // it has. `reason` is for the coordinator's log (none: a general one; at most 255 bytes of it).
    // Classic members only: without effect for others, when nothing is subscribed, and while the
    // group is at it anyway. Errors: invalid_group_id (no group.id).
    Result<void> enforce_rebalance(std::string reason = {});

    // Batches as soon as there are any, none when `patience` is over. What is final for a
    // partition or the group comes as an error, once; poll() may be called again after it:
    // offset_out_of_range (with auto.offset.reset=none), topic_authorization_failed,
    // group_authorization_failed, corrupt_message, fenced_instance_id ...
    runtime::Task<Result<std::vector<RecordBatch>>> poll(Duration patience);
    // Ends the poll() that waits now, or the next one: with what there is, or nothing.
    void wake();

    // Commits the positions of all partitions, or these. invalid_group_id; else those of
    // OffsetCommits::commit.
    runtime::Task<Result<void>> commit();
    runtime::Task<Result<void>> commit(CommittedOffsets offsets);
    runtime::Task<Result<CommittedOffsets>> committed(std::vector<TopicPartition> partitions);

    // All of these: invalid_request for a partition that is not assigned.
    Result<void> seek(const TopicPartition& partition, Offset offset, LeaderEpoch epoch = -1);
    Result<void> seek_to_beginning(std::span<const TopicPartition> partitions);
    Result<void> seek_to_end(std::span<const TopicPartition> partitions);
    Result<void> pause(std::span<const TopicPartition> partitions);
    Result<void> resume(std::span<const TopicPartition> partitions);
    // Waits until it is known. deadline_exceeded.
    runtime::Task<Result<Offset>> position(TopicPartition partition);
    // Records between the position and the end as the last fetch saw it; nothing before that.
    std::optional<int64_t> lag(const TopicPartition& partition) const;

    // Under Kafka's names (docs/client.md).
    MetricList metrics() const;
    const Telemetry& telemetry() const { return telemetry_; }
    // Bytes that were fetched and not yet given out.
    uint64_t buffered_bytes() const { return table_.buffered_bytes(); }

    // Any partitions. Errors: deadline_exceeded, unknown_topic_or_partition.
    runtime::Task<Result<OffsetAnswers>> offsets_for_times(OffsetQueries queries);
    runtime::Task<Result<std::map<TopicPartition, Offset>>> beginning_offsets(
        std::vector<TopicPartition> partitions);
    // With read_committed, the last stable offsets.
    runtime::Task<Result<std::map<TopicPartition, Offset>>> end_offsets(
        std::vector<TopicPartition> partitions);

    // Commits (auto commit), tells the listener that everything is revoked, leaves the group. An
    // error is that of the commit. Nothing may be called afterwards.
    runtime::Task<Result<void>> close(Duration patience = std::chrono::seconds(30));

private:
    Result<void> subscribe_to(Subscription wanted, std::shared_ptr<RebalanceListener> listener);
    std::unique_ptr<GroupMembership> make_membership();
    CommittedOffsets consumed() const;
    Telemetry::Labels labels() const;
    void add_fetches(MetricList& out) const;
    void add_partitions(MetricList& out) const;
    void auto_commit();
    runtime::Task<void> commit_in_background(CommittedOffsets offsets);
    runtime::Task<void> commit_before_revocation();
    runtime::Task<void> give_all_back();
    Result<PartitionPtr> assigned(const TopicPartition& partition) const;
    Result<void> lose_all(std::span<const TopicPartition> partitions, TimestampMs place);
    runtime::Task<Result<std::map<TopicPartition, Offset>>> ends(
        std::vector<TopicPartition> partitions, TimestampMs place);
    runtime::TimePoint api_deadline() const {
        return cluster_.after(config_.client.default_api_timeout);
    }

    const ConsumerConfig config_;
    Cluster cluster_;
    CoordinatorLink link_;
    PartitionTable table_;
    MemberIdentity identity_;
    OffsetCommits commits_;
    Subscription subscription_;
    std::shared_ptr<RebalanceListener> listener_;
    PollGate gate_{cluster_.loop()};
    PollStats polls_;
    Duration commit_time_{};     // in commit()
    Duration committed_time_{};  // in committed()
    bool in_poll_ = false;
    bool woken_ = false;
    runtime::Signal wake_;
    bool committing_ = false;
    runtime::TimePoint next_auto_commit_;
    std::unique_ptr<Positions> positions_;
    std::unique_ptr<Fetcher> fetcher_;
    std::unique_ptr<GroupMembership> membership_;  // while subscribed
    Telemetry telemetry_;
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
