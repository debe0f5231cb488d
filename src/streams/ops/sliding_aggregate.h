// Aggregations of a stream by key in sliding windows. Kafka: KStreamSlidingWindowAggregate.
#pragma once

#include "streams/ops/window_aggregate.h"

namespace millrace::streams::ops {

NodeSupplier sliding_aggregate(const SlidingWindows& windows, const WindowAggregation& aggregation);

}  // namespace millrace::streams::ops
