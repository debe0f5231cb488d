// Grouped and windowed streams without types. Kafka: KGroupedStreamImpl, TimeWindowedKStreamImpl,
// SessionWindowedKStreamImpl, CogroupedKStreamImpl.
#pragma once

#include <variant>

#include "streams/dsl/table.h"

namespace millrace::streams::dsl {

// How a time-windowed aggregation cuts time.
using AnyTimeWindows = std::variant<TimeWindows, UnlimitedWindows, SlidingWindows>;

class TimeWindowedStream;
class SessionWindowedStream;
class CogroupedStream;

class GroupedStream : public Handle {
public:
    bool repartition_required = false;
    Grouped grouped;
    std::shared_ptr<GraphNode*> repartition;  // the one of a named group, once it is there

    Table count(const Name& name, const std::optional<Materialized>& materialized) const;
    Table reduce(Reducer reducer, const Name& name,
                 const std::optional<Materialized>& materialized) const;
    Table aggregate(Initializer initializer, Aggregator aggregator, const Type& value_out,
                    const Name& name, const std::optional<Materialized>& materialized) const;
    TimeWindowedStream windowed_by(AnyTimeWindows windows, const WindowedType& windowed) const;
    SessionWindowedStream windowed_by(SessionWindows windows, const WindowedType& windowed) const;
    CogroupedStream cogroup(Aggregator aggregator, const Type& value_out) const;
};

class TimeWindowedStream {
public:
    GroupedStream group;
    AnyTimeWindows windows;
    const WindowedType* windowed = nullptr;
    EmitStrategy strategy = EmitStrategy::on_window_update;

    // TopologyException for on_window_close of unlimited windows.
    TimeWindowedStream emit_strategy(EmitStrategy strategy) const;
    Table count(const Name& name, const std::optional<Materialized>& materialized) const;
    Table reduce(Reducer reducer, const Name& name,
                 const std::optional<Materialized>& materialized) const;
    Table aggregate(Initializer initializer, Aggregator aggregator, const Type& value_out,
                    const Name& name, const std::optional<Materialized>& materialized) const;
};

class SessionWindowedStream {
public:
    GroupedStream group;
    SessionWindows windows;
    const WindowedType* windowed = nullptr;
    EmitStrategy strategy = EmitStrategy::on_window_update;

    SessionWindowedStream emit_strategy(EmitStrategy strategy) const;
    Table count(const Name& name, const std::optional<Materialized>& materialized) const;
    Table reduce(Reducer reducer, const Name& name,
                 const std::optional<Materialized>& materialized) const;
    Table aggregate(Initializer initializer, Aggregator aggregator, Merger merger,
                    const Type& value_out, const Name& name,
                    const std::optional<Materialized>& materialized) const;
};

class CogroupedStream {
public:
    std::vector<std::pair<GroupedStream, Aggregator>> groups;
    const Type* value_type = nullptr;

    CogroupedStream cogroup(const GroupedStream& group, Aggregator aggregator) const;
    Table aggregate(Initializer initializer, const Name& name,
                    const std::optional<Materialized>& materialized) const;
    Table aggregate(AnyTimeWindows windows, const WindowedType& windowed, Initializer initializer,
                    const Name& name, const std::optional<Materialized>& materialized) const;
    Table aggregate(SessionWindows windows, const WindowedType& windowed, Initializer initializer,
                    Merger merger, const Name& name,
                    const std::optional<Materialized>& materialized) const;
};

}  // namespace millrace::streams::dsl
