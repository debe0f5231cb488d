// What compaction leaves of a batch: the batch as it is, a new one without the records that were
// superseded, a bare header that keeps a producer's sequence, or nothing.
//
// A record goes when its key has a later record, when its transaction was aborted, and, a tombstone,
// when the batch's delete horizon has passed; the horizon (KIP-534) is set by the first cleaning
// that finds the tombstone to be its key's last record. A record without key goes. A marker gets its
// horizon when nothing of its transaction is left, and goes when that has passed. Offsets, the
// batch's first and last offset, its producer's fields, codec and timestamps stay as they were.
//
// Pure. Owner: one pass of a cleaning. Kafka: Cleaner.cleanInto, MemoryRecords.filterTo.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "protocol/record_batch_builder.h"
#include "storage/cleaner_transactions.h"
#include "storage/key_offsets.h"
#include "storage/producer_state.h"

namespace millrace::storage {

struct FilterRules {
    TimestampMs now = 0;
    int64_t delete_retention_ms = 0;
    Offset mapped_end = 0;  // records at and behind are not in the key map: they stay
    Offset round_end = 0;   // the batch that ends here stays, if only as a header: it says where
                            // the cleaned part of the log ends
    protocol::CompressionLevels levels;
};

class BatchFilter {
public:
    // All of them outlive the filter.
    BatchFilter(const KeyOffsets& last_offsets, CleanedTransactions& transactions,
                const LastRecords& producers, FilterRules rules)
        : last_offsets_(last_offsets),
          transactions_(transactions),
          producers_(producers),
          rules_(rules) {}

    // Appends what stays of `batch`, at most one batch, to `out`; batches come in the log's order.
    // Errors: corrupt_message, record_list_too_large.
    Result<void> apply(protocol::BatchView batch, std::vector<uint8_t>& out);

    uint64_t records_read() const { return records_read_; }
    uint64_t records_kept() const { return records_kept_; }
    uint64_t records_without_key() const { return records_without_key_; }

private:
    struct Fate {
        bool drop_records = false;  // all of them
        bool keep_empty = false;    // the header stays without records
        bool spent_marker = false;  // a control batch whose transaction is gone
    };
    Result<Fate> judge(protocol::BatchView batch);
    bool ends_producer(protocol::BatchHeaderView batch) const;
    bool keeps(protocol::BatchHeaderView batch, const protocol::RecordView& record);
    Result<void> rebuild(protocol::BatchView batch, std::optional<TimestampMs> horizon,
                         std::vector<uint8_t>& out);
    Result<void> put_empty(protocol::BatchView batch, std::vector<uint8_t>& out);

    const KeyOffsets& last_offsets_;
    CleanedTransactions& transactions_;
    const LastRecords& producers_;
    const FilterRules rules_;
    std::vector<uint8_t> scratch_;
    std::vector<protocol::RecordView> kept_;  // of the batch at hand
    uint64_t records_read_ = 0;
    uint64_t records_kept_ = 0;
    uint64_t records_without_key_ = 0;
};

}  // namespace millrace::storage
