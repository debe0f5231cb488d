// The batches of one partition on their way out, and the rules that keep them in order and each
// appended once, whatever is repeated.
//
//   sequences   A batch gets its sequence number when it is first sent, and keeps it over all
//               attempts; the broker tells a repetition by it.
//   beginning   The first batch under an identity goes alone: a broker that knows nothing of a
//               producer takes whatever number comes first.
//   window      A broker remembers the last five batches of a producer. So no more than that are
//               sent from the oldest one on whose fate is not known.
//   repeating   Batches that failed go back in front, in their order, and are sent one at a time
//               until all that were under way are through.
//   gaps        A batch that failed for good leaves a gap in the sequence. Then first those behind
//               it whose fate is not known are sent again under their old number, until the broker
//               has said of each that it is there or that it cannot be; after that the rest begins
//               at 0 under the next epoch.
//
// Owner: Accumulator. Pure state: it neither waits nor sends. Kafka: ProducerBatch queues of
// RecordAccumulator and TxnPartitionMap.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "client/metrics/send_counts.h"
#include "client/producer_batch.h"

namespace millrace::client {

// What is known of a batch after an attempt that failed.
enum class Fate : uint8_t {
    unknown,  // the attempt may have appended it
    refused,  // the attempt has not; earlier ones may have
    absent,   // it is not in the log
};

class PartitionQueue {
public:
    PartitionQueue(std::string topic, PartitionIndex partition)
        : topic(std::move(topic)), partition(partition) {}

    const std::string topic;
    const PartitionIndex partition;

    // The batch that records may still be added to, if there is one.
    ProducerBatch* open_batch() const {
        return pending_.empty() || pending_.back()->closed ? nullptr : &*pending_.back();
    }
    void push(BatchRef batch) { pending_.push_back(std::move(batch)); }

    // The batch that may be sent now, were it due: nullptr when there is none, or when what is
    // under way must return first. `in_flight_max`: batches of this partition.
    ProducerBatch* next(size_t in_flight_max) const;
    // Takes next() for sending, under a sequence number if `identity` is known. INVARIANT: it is
    // there.
    BatchRef take_next(const ProducerIdentity& identity, bool transactional);
    // A batch that was sent returned: appended, or failed for good.
    void settle(const BatchRef& batch, bool appended);
    // A batch that was sent is to be sent again.
    void retry(const BatchRef& batch, Fate fate);
    // A batch that is not under way is given up. True when it was there.
    bool remove(const ProducerBatch& batch);
    // Puts two batches, which share out its records and sequence numbers, in the place of one that
    // was under way and that the broker refused.
    void replace(const BatchRef& batch, const BatchRef& first, const BatchRef& second);

    // There is a gap: nothing new may be sent before restart().
    bool broken() const { return broken_; }
    void break_sequence() { broken_ = true; }
    // Broken, and the fate of all that was sent is known.
    bool wants_restart() const;
    // The next batch begins at sequence 0 of this identity.
    void restart(const ProducerIdentity& identity);
    const ProducerIdentity& identity() const { return identity_; }
    // Whether batches before this one are still to be settled.
    bool is_first(const ProducerBatch& batch) const;

    bool empty() const { return pending_.empty() && in_flight_.empty(); }
    size_t pending() const { return pending_.size(); }
    size_t in_flight() const { return in_flight_.size(); }

    // For whoever schedules: what it noted about this queue.
    runtime::TimePoint not_before{};  // after a failed attempt
    bool listed = false;              // it stands in a list of the schedule
    // Of its topic; lives as long.
    SendCounts* counts = nullptr;

private:
    std::deque<BatchRef> pending_;     // in order
    std::vector<BatchRef> in_flight_;  // in order
    ProducerIdentity identity_;        // that next_sequence_ counts under
    int32_t next_sequence_ = 0;
    uint64_t first_sent_ = 0;  // batches that were given a sequence number
    bool broken_ = false;
    bool established_ = false;  // something was appended under identity_
};

}  // namespace millrace::client
