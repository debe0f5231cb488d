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

    // The node that an aggregation with the store stands below: this stream's, or that of a
    // repartition topic named by the group or the store. `sources`: what the result comes from.
    struct Input {
        GraphNode* node;
        std::set<std::string> sources;
    };
    Input input_for(const std::string& store_name) const;
};

// Whether old values are wanted, as operations below decide until the topology is built.
struct OldValues {
    bool wanted = false;
};

// An aggregation's table: kept in a store in any case.
class AggregateOp final : public TableOp {
public:
    AggregateOp(std::string store, std::shared_ptr<OldValues> old)
        : store_(std::move(store)), old_(std::move(old)) {}
    std::shared_ptr<const TableView> view() override { return std::make_shared<StoreView>(store_); }
    bool enable_sending_old_values(bool) override { return old_->wanted = true; }

private:
    std::string store_;
    std::shared_ptr<OldValues> old_;
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
    // The groups' inputs behind repartition topics, by their `repartition`, once there are any:
    // aggregations of the same cogrouped streams share them.
    std::shared_ptr<std::map<const void*, GroupedStream::Input>> inputs;

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
