// The partitions that a consumer has now: where it stands in each, and what was fetched and not yet
// given out.
//
// A partition's `position` is what the next poll gives; `fetch_offset` runs ahead of it by what is
// buffered. jump() moves both and forgets the buffer; `version` tells answers to what was asked
// before that they come too late.
//
// Owner: the consumer; its parts (fetcher, positions, memberships) share it. Loop: the consumer's.
// Kafka: SubscriptionState.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "client/metrics/sampled.h"
#include "client/record_batch.h"
#include "runtime/event.h"

namespace millrace::client {

struct Position {
    Offset offset = -1;
    LeaderEpoch epoch = -1;  // of the record before it; -1 = not known
    friend bool operator==(const Position&, const Position&) = default;
};

struct AbortedRange {
    ProducerId producer = -1;
    Offset first = -1;
};

// One partition's part of one answer to a fetch.
struct FetchedChunk {
    std::shared_ptr<const void> memory;
    ByteView left;                      // batches that were not given out
    std::vector<AbortedRange> aborted;  // by first offset, the last first
    std::set<ProducerId> aborting;      // whose records are to be left out here
};

struct PartitionState {
    explicit PartitionState(TopicPartition which)
        : shared_place(std::make_shared<const TopicPartition>(std::move(which))) {}

    // What must happen before it can be fetched.
    enum class Need : uint8_t { nothing, committed, reset, validation };

    const std::shared_ptr<const TopicPartition> shared_place;  // with the batches given out
    const TopicPartition& place = *shared_place;
    bool assigned = true;
    bool paused = false;
    bool leaving = false;  // is to be given back: nothing is given out any more
    Need need = Need::committed;
    std::optional<TimestampMs> reset_to;  // a place that was asked for; else by auto.offset.reset
    uint64_t version = 0;
    Position position;
    Offset fetch_offset = -1;

    // From the metadata.
    Uuid topic_id;
    NodeId leader = -1;
    LeaderEpoch leader_epoch = -1;
    // The replica that the leader told us to read from, for some time (KIP-392).
    NodeId preferred = -1;
    runtime::TimePoint preferred_until{};
    runtime::TimePoint retry_at{};

    std::optional<RecordBatch> rest;  // of a batch that was too much for one poll; goes first
    std::deque<FetchedChunk> chunks;
    uint64_t buffered_bytes = 0;
    bool in_ready = false;

    // From the last answer; -1 = not known yet.
    Offset high_watermark = -1;
    Offset last_stable = -1;
    Offset log_start = -1;

    // Records from the position to the log's end, and from its start, when records were given out.
    Sampled lag;
    Sampled lead;

    bool has_records() const { return rest || !chunks.empty(); }
    bool fetchable() const {
        return assigned && !paused && !leaving && need == Need::nothing && fetch_offset >= 0;
    }
};
using PartitionPtr = std::shared_ptr<PartitionState>;

class PartitionTable {
public:
    PartitionTable() = default;
    PartitionTable(const PartitionTable&) = delete;

    // From now on exactly these; those that stay keep all they have.
    void assign(std::span<const TopicPartition> partitions);
    // nullptr when it is not assigned.
    PartitionPtr find(const TopicPartition& place) const;
    const std::map<TopicPartition, PartitionPtr>& all() const { return all_; }
    std::vector<TopicPartition> places() const;

    // Goes on from there; validated against the leader first when the epoch is known.
    void jump(PartitionState& p, Position to);
    // Forgets the position: it is to be found again, from the commit or by `to`, or by
    // auto.offset.reset.
    void lose(PartitionState& p, PartitionState::Need need, std::optional<TimestampMs> to = {});
    void pause(PartitionState& p, bool paused);
    // Answers to what was fetched.
    void add(const PartitionPtr& p, FetchedChunk chunk);
    // The bytes left its buffer.
    void consumed(PartitionState& p, size_t bytes);
    uint64_t buffered_bytes() const { return buffered_bytes_; }

    // Partitions with chunks, in the order in which they are to be given out.
    std::deque<PartitionPtr>& ready() { return ready_; }
    // For the application's next poll.
    void raise(Error error);
    std::optional<Error> take_error();
    bool has_error() const { return !errors_.empty(); }

    // Rings when partitions, positions or pauses changed: there may be work for the parts.
    runtime::Signal changed;
    // Rings when there may be something for poll().
    runtime::Signal filled;
    // Rings when buffers have got smaller.
    runtime::Signal drained;

private:
    void forget_chunks(PartitionState& p);

    std::map<TopicPartition, PartitionPtr> all_;
    std::deque<PartitionPtr> ready_;
    std::deque<Error> errors_;  // at most kErrorsMax
    uint64_t buffered_bytes_ = 0;
};

}  // namespace millrace::client
