// What aggregations in windows have in common, whatever the windows are: store, node and table.
#pragma once

#include "streams/dsl/grouped.h"
#include "streams/ops/window_aggregate.h"

namespace millrace::streams::dsl {

// What a kind of windows asks for.
struct WindowShape {
    const WindowedType* windowed = nullptr;
    bool sessions = false;
    int64_t size_ms = 0;       // of the windows in the store
    int64_t retention_ms = 0;  // at least
    int64_t grace_ms = 0;      // from a window's end until nothing changes it any more
    std::function<NodeSupplier(const ops::WindowAggregation& aggregation)> supplier;
};
WindowShape shape_of(const AnyTimeWindows& windows, const WindowedType& windowed);
WindowShape shape_of(const SessionWindows& windows, const WindowedType& windowed);

// The store of an aggregation in windows. IllegalArgumentException for a retention that the windows
// do not fit in.
StoreSpecPtr window_store(const GroupedStream& group, const WindowShape& shape,
                          EmitStrategy strategy, const std::optional<Materialized>& materialized,
                          std::string_view prefix, const Type& value_type,
                          const SerdePtr& value_serde);

// The node that aggregates a group's stream into the store.
std::unique_ptr<GraphNode> window_node(std::string name, const GroupedStream& group,
                                       const WindowShape& shape, const StoreSpecPtr& store,
                                       const ops::WindowAggregation& aggregation);

// The table in the store. Its node, name and sources are for the caller to fill in.
Table windowed_table(const GroupedStream& group, const WindowShape& shape,
                     const StoreSpecPtr& store, const std::optional<Materialized>& materialized,
                     std::shared_ptr<OldValues> old_values);

}  // namespace millrace::streams::dsl
