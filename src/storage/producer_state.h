// What a partition knows of its producers: the last batches of each idempotent producer, to answer
// retries and refuse gaps; and the open transactions, to know the last stable offset.
//
// check() decides, apply() changes; a batch that is appended goes through both, a replayed one only
// through apply(). Pure. Owner: Log.
// Kafka: ProducerStateManager, ProducerAppendInfo.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "protocol/record_batch.h"
#include "protocol/record_batch_validator.h"
#include "storage/log.h"

namespace millrace::storage {

// What an append needs of a commit or abort marker.
struct TransactionMarker {
    bool abort = false;
    int32_t coordinator_epoch = -1;
};
// The marker in `batch`; none when it is no control batch, or its control record is of another
// kind.
Result<std::optional<TransactionMarker>> find_marker(protocol::BatchView batch);

struct CompletedTransaction {
    ProducerId producer_id;
    Offset first_offset;
    Offset last_offset;  // the marker's
    bool abort;
};

// The last that a known producer wrote, for compaction, which must not lose it: the last offset of
// its last batch, -1 when only a marker is known; and its epoch.
struct LastRecord {
    Offset last_data_offset = -1;
    ProducerEpoch epoch = -1;
};
using LastRecords = std::unordered_map<ProducerId, LastRecord>;

class ProducerState {
public:
    struct Duplicate {
        Offset first_offset;
        Offset last_offset;
        TimestampMs timestamp;
    };

    // What an append is, besides its batch.
    struct Append {
        protocol::AppendOrigin origin = protocol::AppendOrigin::client;
        bool must_be_verified = false;
        uint64_t verification = 0;
        int16_t transaction_version = 0;
    };

    // Whether the leader may append `batch`. A Duplicate: it is there already, with those offsets.
    // Errors: out_of_order_sequence_number, invalid_producer_epoch, invalid_txn_state,
    // transaction_coordinator_fenced.
    Result<std::optional<Duplicate>> check(protocol::BatchHeaderView batch,
                                           const std::optional<TransactionMarker>& marker,
                                           const Append& how) const;
    // Takes in `batch`, which now lies in the log with its base offset set. The transaction that it
    // ended, if it did.
    std::optional<CompletedTransaction> apply(protocol::BatchHeaderView batch,
                                              const std::optional<TransactionMarker>& marker);

    bool in_transaction(ProducerId producer, ProducerEpoch epoch) const;
    uint64_t begin_verification(const VerificationRequest& request);

    // A finished transaction stays unstable until the high watermark is above its marker.
    void advance_high_watermark(Offset high_watermark);
    // The first offset of the first transaction that is open, or finished but not yet below the
    // high watermark.
    std::optional<Offset> first_unstable() const;
    // The last stable offset right after `ended` was applied, for the transaction index.
    Offset stable_after(const CompletedTransaction& ended) const;

    void expire(TimestampMs now, int64_t expiration_ms);
    void clear();
    bool empty() const { return producers_.empty(); }
    std::vector<ActiveProducer> active() const;
    LastRecords last_records() const;

    // Kafka's snapshot format, version 1: formats.md section 5 has the layout.
    std::vector<uint8_t> encode_snapshot() const;
    // Replaces the state. Producers that are expired at `now` are left out. On malformed the state
    // is as before.
    Result<void> load_snapshot(ByteView bytes, TimestampMs now, int64_t expiration_ms);

private:
    static constexpr size_t kBatchesKept = 5;

    struct Batch {
        int32_t last_sequence;
        Offset last_offset;
        int32_t offset_delta;
        TimestampMs timestamp;
        int32_t first_sequence() const;
    };
    struct Producer {
        ProducerEpoch epoch = -1;
        int32_t coordinator_epoch = -1;
        TimestampMs last_timestamp = -1;
        Offset transaction_start = -1;
        uint8_t batch_count = 0;
        std::array<Batch, kBatchesKept> batches{};  // oldest first

        const Batch* last() const { return batch_count ? &batches[batch_count - 1] : nullptr; }
        void add(const Batch& batch);
        void set_epoch(ProducerEpoch newer);
    };
    // What a producer that wants to begin a transaction has shown so far.
    struct Verification {
        uint64_t number;
        ProducerEpoch epoch;
        int32_t lowest_sequence;  // batches may overtake each other while the coordinator is asked
        bool epoch_bumps;
        TimestampMs since;
    };
    using Verdict = Result<std::optional<Duplicate>>;
    static std::optional<Duplicate> find_duplicate(const Producer& producer,
                                                   protocol::BatchHeaderView batch);
    static Result<void> check_sequence(const Producer& producer, protocol::BatchHeaderView batch);
    Result<void> check_verified(protocol::BatchHeaderView batch, const Append& how) const;
    Result<void> check_marker(const Producer& producer, protocol::BatchHeaderView batch,
                              const TransactionMarker& marker, const Append& how) const;
    static bool expired(const Producer& producer, TimestampMs now, int64_t expiration_ms);

    std::unordered_map<ProducerId, Producer> producers_;
    std::map<Offset, ProducerId> open_;  // by first offset
    std::unordered_map<ProducerId, Verification> verifications_;
    uint64_t next_verification_ = 1;
    std::map<Offset, Offset> ended_;  // first -> last offset, not yet below the high watermark
};

}  // namespace millrace::storage
