// A user's functions as the engine calls them: over references to values whose types it does not
// know. The typed interface makes them (adapt.h). What they throw goes to the processing exception
// handler.
#pragma once

#include <functional>
#include <utility>

#include "streams/core/record.h"
#include "streams/core/value.h"

namespace millrace::streams {

using Predicate = std::function<bool(Ref key, Ref value)>;
using ForeachAction = std::function<void(Ref key, Ref value)>;
using ValueMapper = std::function<Box(Ref key, Ref value)>;
using KeyMapper = std::function<Box(Ref key, Ref value)>;
using KeyValueMapper = std::function<std::pair<Box, Box>(Ref key, Ref value)>;
// Calls `emit` once for each result, in order.
using FlatKeyValueMapper =
    std::function<void(Ref key, Ref value, const std::function<void(Ref, Ref)>& emit)>;
using FlatValueMapper =
    std::function<void(Ref key, Ref value, const std::function<void(Ref)>& emit)>;
using Initializer = std::function<Box()>;
// The aggregate is handed over, and the new one returned; null deletes.
using Aggregator = std::function<Box(Ref key, Ref value, Box aggregate)>;
using Reducer = std::function<Box(Box aggregate, Ref value)>;
using Merger = std::function<Box(Ref key, Box left, Box right)>;
// Either side may be null in left and outer joins.
using ValueJoiner = std::function<Box(Ref key, Ref left, Ref right)>;

}  // namespace millrace::streams
