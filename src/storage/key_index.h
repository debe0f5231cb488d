// The offset of the last record of each key of a partition, for conditions on keys.
//
// It reads the log's batches in their order, each once. What counts is the log as a reader of
// committed records sees it: a record with a null value removes its key, so that the answer is the
// same before and after compaction took that record away; records of an aborted transaction never
// were; those of an open one are pending, known apart, per producer. A key whose last record lies
// below the log start has none.
//
// Keys are told apart by 128 bits of hash (key_hash.h). Memory: key_table.h; for each key that an
// open transaction wrote, about 100 bytes more until it ends. Pure. Owner: the log
// (log_keys.cc), which keeps a snapshot of it on the disk (key_snapshot.h).
#pragma once

#include <functional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/record_batch.h"
#include "storage/key_table.h"

namespace millrace::storage {

// Of the hash; kept with the index, whose entries mean nothing under another.
struct KeySeed {
    uint64_t k0 = 0;
    uint64_t k1 = 0;
};

class KeyIndex {
public:
    explicit KeyIndex(KeySeed seed) : seed_(seed), hasher_(seed.k0, seed.k1) {}

    // All records below are known.
    Offset next() const { return next_; }
    // There is nothing before `offset` that is not known.
    void skip_to(Offset offset) { next_ = std::max(next_, offset); }
    // Takes in a batch with its offsets set; what lies below next() is passed over. After an error
    // (corrupt_message: it cannot be read) the batch may be taken in again.
    Result<void> apply(protocol::BatchView batch);

    struct Last {
        Offset offset = -1;   // of the key's last record; -1: it has none
        Offset pending = -1;  // of a record in another's open transaction; -1: there is none
    };
    // As `own` sees it, the producer of a transaction (else -1), for whom its pending records count
    // as written.
    Last find(ByteView key, Offset log_start, ProducerId own) const;

    // Gives back the memory of what lies below `log_start`.
    void prune(Offset log_start) { table_.erase_below(log_start); }
    size_t keys() const { return table_.size(); }
    size_t memory_bytes() const;

private:
    friend class KeySnapshotWriter;
    friend class KeySnapshotReader;

    struct Change {
        Offset offset;
        bool removes;
    };
    struct Undecided {
        size_t writers = 0;   // open transactions that wrote the key
        Offset removed = -1;  // the last offset at which a null value removed the key
    };
    struct HashOf {
        size_t operator()(const KeyHash& hash) const { return hash.first; }
    };
    using Changes = std::unordered_map<KeyHash, Change, HashOf>;

    void write(const KeyHash& key, Change change, ProducerId transaction);
    void settle(const KeyHash& key, Change change);
    void end(ProducerId transaction, bool abort);

    KeySeed seed_;
    KeyHasher hasher_;
    Offset next_ = 0;
    KeyTable table_;
    std::unordered_map<ProducerId, Changes> open_;  // per open transaction
    std::unordered_map<KeyHash, Undecided, HashOf> undecided_;
    std::vector<uint8_t> scratch_;
};

}  // namespace millrace::storage
