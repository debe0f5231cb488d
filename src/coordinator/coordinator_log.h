// The log under a coordinator's state machine: one partition of an internal topic, as the host (the
// broker) offers it.
//
// Owner: the broker; it outlives the time between load() and the completion of unload(). Loop: the
// shard that leads the partition. Several appends may be in flight; they take their places in the
// log in the order of the calls.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "base/units.h"
#include "coordinator/record.h"
#include "runtime/task.h"

namespace millrace::coordinator {

class CoordinatorLog {
public:
    virtual ~CoordinatorLog() = default;

    // Appends all records as one batch, all or nothing, and returns the offset of the first when
    // the batch is committed (below the high watermark). After an error none of them will ever be
    // committed, or leadership is lost and unload() follows. Errors: message_too_large,
    // not_enough_replicas, not_leader_or_follower, request_timed_out, kafka_storage_error; with a
    // writer also invalid_producer_epoch and invalid_txn_state. `records` (never empty) live until
    // it returns.
    virtual runtime::Task<Result<Offset>> append(
        std::span<const Record> records, const std::optional<TransactionalWriter>& writer) = 0;

    // Appends the marker; returns its offset when it is committed. Errors as above, and
    // transaction_coordinator_fenced.
    virtual runtime::Task<Result<Offset>> append_marker(const Marker& marker) = 0;

    // Of the partition's leader: what markers carry as the coordinator's epoch.
    virtual LeaderEpoch epoch() const = 0;

    // Hands every committed record to the visitor, in order, tombstones too, and the markers of
    // transactions where they stand. Ends early with the visitor's error.
    class Visitor {
    public:
        virtual ~Visitor() = default;
        virtual Result<void> record(const RecordView& record) = 0;
        virtual Result<void> marker(const Marker& marker) = 0;
    };
    virtual runtime::Task<Result<void>> replay(Visitor& visitor) = 0;
};

}  // namespace millrace::coordinator
