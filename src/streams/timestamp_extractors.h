// Where a record's time comes from. Kafka: FailOnInvalidTimestamp and its kin.
#pragma once

#include "streams/core/topology_plan.h"

namespace millrace::streams {

// The record's own; a negative one ends the application's work with StreamsException.
TimestampExtractor fail_on_invalid_timestamp();
// A record with a negative time is passed over.
TimestampExtractor log_and_skip_on_invalid_timestamp();
// It counts as the largest time seen in its partition; StreamsException if there was none.
TimestampExtractor use_partition_time_on_invalid_timestamp();

}  // namespace millrace::streams
