// The log under a coordinator's state machine: one partition of an internal topic, as the host (the
// broker) offers it.
//
// Owner: the broker; it outlives the time between load() and the completion of unload(). Loop: the
// shard that leads the partition. Several appends may be in flight; they take their places in the
// log in the order of the calls.
#pragma once

#include <functional>
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
    // not_enough_replicas, not_leader_or_follower, request_timed_out, kafka_storage_error.
    // `records` (never empty) live until it returns.
    virtual runtime::Task<Result<Offset>> append(std::span<const Record> records) = 0;

    // Calls `each` for every committed record from the start of the log, in order, tombstones too;
    // control records and those of aborted transactions are left out. Ends early with the error of
    // `each`.
    virtual runtime::Task<Result<void>> replay(
        const std::function<Result<void>(const RecordView&)>& each) = 0;
};

}  // namespace millrace::coordinator
