// Which batches belong to aborted transactions, and which markers nobody needs any more, while a
// part of a log is read from front to back.
//
// Pure. Owner: one pass of a cleaning. Kafka: CleanedTransactionMetadata.
#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "protocol/record_batch.h"
#include "storage/index_entries.h"

namespace millrace::storage {

class CleanedTransactions {
public:
    // `aborted`: the aborted transactions that touch the part to be read, in any order.
    explicit CleanedTransactions(std::vector<AbortEntry> aborted);

    // Takes in the next batch that is no control batch. True: it is of an aborted transaction.
    bool is_aborted(protocol::BatchHeaderView batch);
    // Takes in the next control batch. True: nothing of its transaction was met, so that it may go
    // when its time has come. Errors: corrupt_message, also for the abort of a transaction with data
    // that `aborted` does not have.
    Result<bool> is_spent_marker(protocol::BatchView batch);

    // The transactions whose abort marker was met after data of theirs, since the last call: they
    // still need their entry in the transaction index.
    std::vector<AbortEntry> take_kept() { return std::exchange(kept_, {}); }

private:
    struct Open {
        AbortEntry entry;
        bool met_data = false;
    };
    void begin_up_to(Offset offset);

    std::vector<AbortEntry> aborted_;  // the one with the smallest first offset last
    std::unordered_map<ProducerId, Open> open_aborted_;
    std::unordered_set<ProducerId> open_committed_;
    std::vector<AbortEntry> kept_;
};

}  // namespace millrace::storage
