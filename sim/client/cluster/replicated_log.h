// The one log of a partition of the stand-in cluster, whoever leads it at the moment: batches, what
// is known of producers and of leader epochs, and how far the replicas have followed.
//
// It keeps the broker's rules for who may append (storage::ProducerState), so that an idempotent
// producer meets here what it would meet at a leader. Replication is a number, the high watermark,
// which StandInCluster moves; an election may cut what is behind it, and an unclean one more.
// Owner: StandInCluster. Outlives the brokers. Pure.
#pragma once

#include <deque>
#include <vector>

#include "runtime/event.h"
#include "storage/epoch_cache.h"
#include "storage/producer_state.h"

namespace millrace::sim {

class ReplicatedLog {
public:
    struct Appended {
        Offset first = -1;
        Offset last = -1;
        bool duplicate = false;
    };
    // The batch as a leader of `epoch` takes it in. Errors: corrupt_message, and those of
    // ProducerState::check.
    Result<Appended> append(std::vector<uint8_t> batch, LeaderEpoch epoch,
                            const storage::ProducerState::Append& how);

    // A new leader, which has everything below `keep` and nothing above.
    void elect(LeaderEpoch epoch, Offset keep);
    // Everything below is on all replicas that count.
    void replicated(Offset to);

    Offset end() const { return end_; }
    Offset high_watermark() const { return high_watermark_; }
    Offset last_stable() const;
    storage::EpochEnd end_of(LeaderEpoch epoch) const { return epochs_.end_of(epoch, end_); }

    // Whole batches from the one that has `from`, below `upper`; at least one when there is one.
    std::vector<uint8_t> read(Offset from, Offset upper, size_t bytes_max, Offset& next) const;
    std::vector<storage::AbortedTransaction> aborted(Offset from, Offset to) const;
    // Of the first record below `upper` with that time or a later one; -1 when there is none.
    storage::TimestampOffset first_since(TimestampMs time, Offset upper) const;
    LeaderEpoch epoch_at(Offset offset) const { return epochs_.epoch_at(offset); }

    // For admission to transactions.
    storage::ProducerState& producers() { return producers_; }
    // Data records only, in order.
    struct Record {
        Offset offset = -1;
        LeaderEpoch epoch = -1;
        std::string key;
        std::string value;
        bool aborted = false;
        bool open = false;  // of a transaction that has not ended
    };
    std::vector<Record> records() const;

    // Rings when there is more to read, or another leader.
    runtime::Signal changed;

private:
    struct Batch {
        std::vector<uint8_t> bytes;
        Offset first;
        Offset last;
    };
    void take_in(protocol::BatchView batch);

    std::deque<Batch> batches_;
    Offset end_ = 0;
    Offset high_watermark_ = 0;
    storage::EpochCache epochs_;
    storage::ProducerState producers_;
    std::vector<storage::CompletedTransaction> ended_;
};

}  // namespace millrace::sim
