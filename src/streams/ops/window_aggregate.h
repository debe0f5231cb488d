// Aggregations of a stream by key and window of time. Kafka: KStreamWindowAggregate.
#pragma once

#include <memory>
#include <string>

#include "streams/core/functions.h"
#include "streams/core/node.h"
#include "streams/dsl/grouped.h"

namespace millrace::streams::ops {

// What is aggregated, and where. Reducing is aggregating from null on: the aggregator is then
// called with a null aggregate.
struct WindowAggregation {
    std::string store;
    const WindowedType* windowed = nullptr;
    const Type* value = nullptr;  // of the aggregate
    Initializer initializer;
    Aggregator aggregator;
    Merger merger;  // of sessions
    EmitStrategy strategy = EmitStrategy::on_window_update;
    std::shared_ptr<const dsl::OldValues> old_values;
};

NodeSupplier window_aggregate(const TimeWindows& windows, const WindowAggregation& aggregation);
NodeSupplier window_aggregate(const UnlimitedWindows& windows,
                              const WindowAggregation& aggregation);

}  // namespace millrace::streams::ops
