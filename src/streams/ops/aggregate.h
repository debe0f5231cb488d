// Aggregations of a stream by key, without windows. Kafka: KStreamAggregate, KStreamReduce.
#pragma once

#include <memory>
#include <string>

#include "streams/core/functions.h"
#include "streams/core/node.h"
#include "streams/dsl/grouped.h"

namespace millrace::streams::ops {

NodeSupplier aggregate(std::string store, Initializer initializer, Aggregator aggregator,
                       const Type& value, std::shared_ptr<const dsl::OldValues> old_values);
// The first value of a key is its aggregate.
NodeSupplier reduce(std::string store, Reducer reducer, const Type& value,
                    std::shared_ptr<const dsl::OldValues> old_values);

}  // namespace millrace::streams::ops
