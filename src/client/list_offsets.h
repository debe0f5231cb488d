// Asks leaders where in their logs something is: the ends, or the first record that is not older
// than a time.
#pragma once

#include "client/cluster.h"
#include "client/consumer_config.h"
#include "client/offset_times.h"

namespace millrace::client {

struct OffsetAt {
    Offset offset = -1;  // -1: there is no such record
    TimestampMs timestamp = -1;
    LeaderEpoch epoch = -1;
};
using OffsetQueries = std::map<TopicPartition, TimestampMs>;
using OffsetAnswers = std::map<TopicPartition, OffsetAt>;

// One attempt for each; those that failed but may succeed later are left out of the answer, and the
// metadata is asked for again where that is why. The first error that is final otherwise.
runtime::Task<Result<OffsetAnswers>> list_offsets_once(Cluster& cluster, OffsetQueries queries,
                                                       IsolationLevel isolation,
                                                       runtime::TimePoint deadline);
// All of them; deadline_exceeded.
runtime::Task<Result<OffsetAnswers>> list_offsets(Cluster& cluster, OffsetQueries queries,
                                                  IsolationLevel isolation,
                                                  runtime::TimePoint deadline);

}  // namespace millrace::client
