// Aggregations of a stream by key and session. Kafka: KStreamSessionWindowAggregate.
#pragma once

#include "streams/ops/window_aggregate.h"

namespace millrace::streams::ops {

NodeSupplier session_aggregate(const SessionWindows& windows, const WindowAggregation& aggregation);

}  // namespace millrace::streams::ops
