// Fetches records of a share group and sends what became of them: for each broker one task, with one
// request under way. Acknowledgements travel with a fetch where one is due anyway (ShareFetch), else
// alone (ShareAcknowledge).
//
// Records are fetched only when poll() asks and nothing is buffered, as the lock of what waits here
// runs out; so what is buffered is one answer of each broker at most. What cannot be given out is
// acknowledged here: offsets without a record as gaps, damaged batches rejected, records of
// partitions that are no longer assigned released.
//
// Owner: ShareConsumer. Loop: its own. Kafka: ShareConsumeRequestManager, ShareFetchCollector.
#pragma once

#include <deque>

#include "client/cluster.h"
#include "client/metrics/event_stats.h"
#include "client/metrics/group_stats.h"
#include "client/share/batch.h"
#include "client/share/membership.h"
#include "client/share/session.h"
#include "client/unpack_pool.h"

namespace millrace::client {

struct ShareFetchStats : FetchStats {
    uint64_t acknowledged = 0;  // records, as sent
    uint64_t acknowledgements_failed = 0;
    Sampled acknowledgements;
    Sampled failures;
    EventStats from_application;  // acknowledgements for brokers
    EventStats for_application;   // what became of them, and errors
    // To the group that was begun; queues are of another.
    void add(MetricList& out, runtime::TimePoint now) const;
    void add_events(MetricList& out, runtime::TimePoint now) const;
};

class ShareFetcher {
public:
    // `acknowledged` hears what came of each acknowledgement; called by this room's tasks.
    using Acknowledged = std::function<void(const PartitionAcknowledgement&, const Result<void>&)>;
    ShareFetcher(Cluster& cluster, const ShareConsumerConfig& config, std::string member_id,
                 ShareFetchStats& stats, Acknowledged acknowledged);

    void assign(ShareAssignment assignment);
    const ShareAssignment& assignment() const { return assignment_; }
    // Each broker may be asked once more, as long as nothing is buffered.
    void ask();
    // Batches that are at hand, until there are `records_max` records; they are entered in
    // `delivered`. An error only when there is nothing else to give.
    Result<std::vector<ShareBatch>> take(int32_t records_max, DeliveredRecords& delivered);
    void acknowledge(std::vector<PartitionAcknowledgement> parts);
    // Sends what is to be acknowledged and ends the sessions, which releases the rest; at most
    // until `deadline`. Nothing may be called afterwards.
    runtime::Task<void> close(runtime::TimePoint deadline);

    // How long a broker keeps records for this consumer; zero before the first answer.
    std::chrono::milliseconds lock_timeout() const { return lock_timeout_; }
    // Rings when there is something to take, or to ask for again.
    runtime::Signal filled;

private:
    struct Node {
        explicit Node(NodeId n) : id(n) {}
        const NodeId id;
        ShareSession session;
        std::deque<PartitionAcknowledgement> pending;
        bool asked = false;  // by the application: one fetch
        bool ended = false;
        uint64_t turn = 0;  // when it was fetched from last (record_limit)
        int failures = 0;
        runtime::TimePoint retry_at{};
    };
    // One partition's part of one answer.
    struct Chunk {
        std::shared_ptr<const TopicPartition> place;
        Uuid topic_id;
        NodeId node = -1;
        std::shared_ptr<const void> memory;
        ByteView left;                       // batches that were not given out
        std::deque<AcquiredRange> acquired;  // of those, ascending
        runtime::TimePoint locked_until{};
    };

    runtime::Task<void> watch();
    runtime::Task<void> serve(Node& node);
    Node& node(NodeId id);
    NodeId leader_of(const TopicPartition& place) const;
    std::map<TopicPartition, Uuid> wanted_at(const Node& node, runtime::TimePoint& next) const;
    bool may_fetch(const Node& node) const;
    bool has_turn(const Node& node) const;
    void fail_moved(Node& node);
    bool travels(const PartitionAcknowledgement& part,
                 const std::map<TopicPartition, Uuid>& wanted) const;
    std::vector<PartitionAcknowledgement> take_pending(Node& node);
    void note_work(std::span<const PartitionAcknowledgement> saying, runtime::TimePoint began);
    runtime::Task<bool> fetch_once(Node& node, std::map<TopicPartition, Uuid> wanted);
    runtime::Task<bool> acknowledge_once(Node& node);
    void take_answer(Node& node, Reply<protocol::ShareFetchResponse>& reply);
    // How many were acquired.
    size_t take_records(Node& node, const TopicPartition& place, const Uuid& topic_id,
                        protocol::ShareFetchResponse::PartitionData& data,
                        const std::shared_ptr<const void>& memory);
    void take_failure(const TopicPartition& place, ErrorCode code);
    bool refused(Node& node, ErrorCode code, std::string_view message);
    void settle(Node& node, PartitionAcknowledgement part, Result<void> result);
    void settle_all(Node& node, std::vector<PartitionAcknowledgement> parts, const Error& error);
    void raise(Error error);
    void note_leader(const TopicPartition& place, NodeId leader, LeaderEpoch epoch);

    // One batch, or nothing when the chunk is used up.
    Result<std::optional<ShareBatch>> next_batch(Chunk& chunk, DeliveredRecords& delivered);
    Result<ShareBatch> give_out(Chunk& chunk, const protocol::BatchView& batch,
                                std::vector<AcquiredRange> acquired, DeliveredRecords& delivered);
    void dispose(const Chunk& chunk, std::span<const AcquiredRange> acquired, AcknowledgeType type);

    Cluster& cluster_;
    const ShareConsumerConfig& config_;
    const std::string member_id_;
    const Acknowledged acknowledged_;
    ShareAssignment assignment_;
    std::map<TopicPartition, runtime::TimePoint> not_before_;  // after a failure
    std::map<NodeId, std::unique_ptr<Node>> nodes_;
    std::deque<Chunk> chunks_;
    struct Raised {
        Error error;
        runtime::TimePoint at;
    };
    std::deque<Raised> errors_;  // for the application; bounded by raise()
    UnpackPool unpacking_;
    uint64_t bytes_unpacked_ = 0;
    ShareFetchStats& stats_;
    std::chrono::milliseconds lock_timeout_{0};
    int fetching_ = 0;  // nodes with a fetch under way
    uint64_t turns_ = 0;
    bool closing_ = false;
    runtime::Signal changed_;                      // rings when a node may have something to do
    std::optional<runtime::DroppingScope> tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
