// Fetches ahead of the application: for each broker one task that always has a fetch under way while
// partitions there have room in their buffers.
//
// A partition is asked for while it has at most max.partition.fetch.bytes in its buffer and all
// together have at most `prefetch_bytes`; so memory is bounded by that and one answer of each
// broker. Control batches and the records of aborted transactions are left out when batches are
// given out.
//
// Owner: the consumer. Loop: its own. Kafka: Fetcher, FetchCollector, CompletedFetch.
#pragma once

#include "client/cluster.h"
#include "client/consumer_config.h"
#include "client/fetch_session.h"
#include "client/metrics/group_stats.h"
#include "client/record_batch.h"
#include "client/unpack_pool.h"

namespace millrace::client {

class Fetcher {
public:
    Fetcher(Cluster& cluster, const ConsumerConfig& config, PartitionTable& table);

    // Batches that are at hand, from the partitions in turn, until there are `records_max` records.
    // An error only when there is nothing else to give: corrupt_message (a damaged batch; the
    // position stays before it), unsupported_for_message_format (batches of before Kafka 0.11).
    Result<std::vector<RecordBatch>> take(int32_t records_max);
    const FetchStats& stats() const { return stats_; }

private:
    runtime::Task<void> watch();
    void look_at_metadata();
    runtime::Task<void> fetch_from(NodeId node);
    std::vector<PartitionPtr> fetchable_at(NodeId node, bool& some_full, runtime::TimePoint& next);
    runtime::Task<bool> fetch_once(NodeId node, FetchSession& session,
                                   std::vector<PartitionPtr> wanted, bool some_full);
    int32_t answer_bytes_max() const;
    NodeId source_of(PartitionState& p) const;
    void take_answer(const FetchSession& session, const std::map<PartitionState*, uint64_t>& asked,
                     Reply<protocol::FetchResponse>& reply, NodeId node);
    // What came of one partition, or of all those of one topic in an answer.
    struct Fetched {
        size_t records = 0;
        size_t bytes = 0;
    };
    Fetched take_partition(const PartitionPtr& p, protocol::FetchResponse::PartitionData& data,
                           const std::shared_ptr<const void>& memory, NodeId node);
    void count_fetched(const std::map<std::string_view, Fetched>& topics);
    void count_given(PartitionState& p, uint64_t records, uint64_t bytes);
    void take_failure(PartitionState& p, ErrorCode code, NodeId node);
    // One batch, cut to `records_max`, or nothing when a chunk is used up.
    Result<std::optional<RecordBatch>> next_batch(const PartitionPtr& p, int32_t records_max);
    Result<std::optional<RecordBatch>> unpack_batch(const PartitionPtr& p);
    // Whether the application is to see the batch.
    Result<bool> visible(FetchedChunk& chunk, const protocol::BatchView& batch);

    Cluster& cluster_;
    const ConsumerConfig& config_;
    PartitionTable& table_;
    UnpackPool unpacking_;
    FetchStats stats_;
    uint64_t bytes_unpacked_ = 0;   // of batches that were given out, or begun to be
    std::set<NodeId> fetching_;     // brokers that have a task
    runtime::DroppingScope tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
