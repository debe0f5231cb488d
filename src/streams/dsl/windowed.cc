#include "streams/dsl/windowed.h"

#include <limits>

#include "base/check.h"
#include "streams/dsl/table_parts.h"
#include "streams/ops/session_aggregate.h"
#include "streams/ops/sliding_aggregate.h"

namespace millrace::streams::dsl {
namespace {

constexpr std::string_view kAggregate = "KSTREAM-AGGREGATE-";
constexpr std::string_view kReduce = "KSTREAM-REDUCE-";
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

int64_t saturating_add(int64_t a, int64_t b) {
    return a > kForever - b ? kForever : a + b;
}

class WindowGetter final : public TableGetter {
public:
    WindowGetter(std::string store, const WindowedType& windowed)
        : name_(std::move(store)), windowed_(windowed) {}
    void init(NodeContext& context) override {
        store_ = &static_cast<WindowState&>(context.store(name_));
    }
    StoredValue get(Ref key) override {
        return store_->fetch(windowed_.key_of(key), windowed_.window_of(key).start);
    }

private:
    std::string name_;
    const WindowedType& windowed_;
    WindowState* store_ = nullptr;
};

class SessionGetter final : public TableGetter {
public:
    SessionGetter(std::string store, const WindowedType& windowed)
        : name_(std::move(store)), windowed_(windowed) {}
    void init(NodeContext& context) override {
        store_ = &static_cast<SessionState&>(context.store(name_));
    }
    StoredValue get(Ref key) override {
        const Window session = windowed_.window_of(key);
        return {store_->fetch_session(windowed_.key_of(key), session.start, session.end),
                session.end};
    }

private:
    std::string name_;
    const WindowedType& windowed_;
    SessionState* store_ = nullptr;
};

class WindowView final : public TableView {
public:
    WindowView(std::string store, const WindowedType& windowed, bool sessions)
        : store_(std::move(store)), windowed_(windowed), sessions_(sessions) {}
    std::unique_ptr<TableGetter> make() const override {
        if (sessions_) return std::make_unique<SessionGetter>(store_, windowed_);
        return std::make_unique<WindowGetter>(store_, windowed_);
    }
    std::vector<std::string> stores() const override { return {store_}; }

private:
    std::string store_;
    const WindowedType& windowed_;
    bool sessions_;
};

class WindowedOp final : public TableOp {
public:
    WindowedOp(std::shared_ptr<const TableView> view, std::shared_ptr<OldValues> old)
        : view_(std::move(view)), old_(std::move(old)) {}
    std::shared_ptr<const TableView> view() override { return view_; }
    bool enable_sending_old_values(bool) override { return old_->wanted = true; }

private:
    std::shared_ptr<const TableView> view_;
    std::shared_ptr<OldValues> old_;
};

// Sliding windows may hold a record and its neighbours on both sides.
void check_retention(const StoreSpec& spec, const WindowShape& shape) {
    if (spec.retention_ms >= shape.retention_ms) return;
    throw IllegalArgumentException(
        fmt::format("the windows of the store {} need a retention of {} ms, with their grace, "
                    "which is more than {} ms",
                    spec.name, shape.retention_ms, spec.retention_ms));
}

// From null on, so that the first value is the aggregate.
Initializer nothing() {
    return [] { return Box(); };
}
Aggregator reducing(const Reducer& reducer, const Type& value) {
    return [reducer, &value](Ref, Ref next, Box aggregate) {
        if (!aggregate) return Box::copy_of(value, next);
        return reducer(std::move(aggregate), next);
    };
}
Merger merging(const Reducer& reducer) {
    return [reducer](Ref, Box left, Box right) {
        if (!left) return right;
        return reducer(std::move(left), right.get());
    };
}
Box zero() {
    return Box::of<int64_t>(0);
}
Box plus_one(Ref, Ref, Box count) {
    ++count.as<int64_t>();
    return count;
}
Box sum(Ref, Box left, Box right) {
    left.as<int64_t>() += right.as<int64_t>();
    return left;
}

// Counting into a store that was described but not named takes one more number, except in sliding
// windows.
void number_count(const GroupedStream& group, const std::optional<Materialized>& materialized) {
    if (materialized && !materialized->store_name) group.graph->new_store_name(kAggregate);
}

// An aggregation of one group. Of `aggregation`, what is user's is filled in.
Table aggregated(const GroupedStream& group, const WindowShape& shape, std::string_view prefix,
                 const Name& name, const std::optional<Materialized>& materialized,
                 const SerdePtr& value_serde, ops::WindowAggregation aggregation) {
    const StoreSpecPtr store = window_store(group, shape, aggregation.strategy, materialized,
                                            prefix, *aggregation.value, value_serde);
    const std::string node_name = group.graph->node_name(name, prefix);
    const GroupedStream::Input input = group.input_for(store->name);
    const auto old_values = std::make_shared<OldValues>();
    aggregation.old_values = old_values;

    Table table = windowed_table(group, shape, store, materialized, old_values);
    table.node =
        group.graph->add(window_node(node_name, group, shape, store, aggregation), {input.node});
    table.name = node_name;
    table.sources = input.sources;
    return table;
}

}  // namespace

WindowShape shape_of(const AnyTimeWindows& any, const WindowedType& windowed) {
    WindowShape shape{.windowed = &windowed};
    if (const auto* time = std::get_if<TimeWindows>(&any)) {
        shape.size_ms = time->size_ms();
        shape.grace_ms = time->grace_ms();
        shape.retention_ms = saturating_add(shape.size_ms, shape.grace_ms);
    } else if (const auto* sliding = std::get_if<SlidingWindows>(&any)) {
        shape.size_ms = sliding->time_difference_ms();
        shape.grace_ms = sliding->grace_ms();
        shape.retention_ms =
            saturating_add(saturating_add(shape.size_ms, shape.size_ms), shape.grace_ms);
    } else {
        shape.size_ms = kForever;
        shape.retention_ms = kForever;
    }
    shape.supplier = [any](const ops::WindowAggregation& aggregation) -> NodeSupplier {
        if (const auto* time = std::get_if<TimeWindows>(&any))
            return ops::window_aggregate(*time, aggregation);
        if (const auto* sliding = std::get_if<SlidingWindows>(&any))
            return ops::sliding_aggregate(*sliding, aggregation);
        return ops::window_aggregate(std::get<UnlimitedWindows>(any), aggregation);
    };
    return shape;
}

WindowShape shape_of(const SessionWindows& windows, const WindowedType& windowed) {
    const int64_t closed_after = saturating_add(windows.gap_ms(), windows.grace_ms());
    return {.windowed = &windowed,
            .sessions = true,
            .retention_ms = closed_after,
            .grace_ms = closed_after,
            .supplier = [windows](const ops::WindowAggregation& aggregation) {
                return ops::session_aggregate(windows, aggregation);
            }};
}

StoreSpecPtr window_store(const GroupedStream& group, const WindowShape& shape,
                          EmitStrategy strategy, const std::optional<Materialized>& materialized,
                          std::string_view prefix, const Type& value_type,
                          const SerdePtr& value_serde) {
    const StoreKind kind = shape.sessions ? StoreKind::session : StoreKind::timestamped_window;
    StoreSpec spec = store_of(*group.graph, materialized, prefix, kind, *group.key_type, value_type,
                              group.key, value_serde);
    spec.windowed = shape.windowed;
    // A supplier's store is as it is.
    if (!materialized || !materialized->supplier) {
        if (!materialized || !materialized->retention_ms) spec.retention_ms = shape.retention_ms;
        check_retention(spec, shape);
        spec.window_size_ms = shape.size_ms;
        spec.time_first = strategy == EmitStrategy::on_window_close;
    }
    return group.graph->add_store(std::move(spec),
                                  materialized ? materialized->in_memory : std::nullopt);
}

std::unique_ptr<GraphNode> window_node(std::string name, const GroupedStream& group,
                                       const WindowShape& shape, const StoreSpecPtr& store,
                                       const ops::WindowAggregation& aggregation) {
    ops::WindowAggregation complete = aggregation;
    complete.store = store->name;
    complete.windowed = shape.windowed;
    auto added = std::make_unique<GraphNode>();
    added->name = name;
    added->window_grace_ms = shape.grace_ms;
    added->windowed = shape.windowed;
    added->write = [name, store, supplier = shape.supplier(complete), windowed = shape.windowed,
                    value = group.value_type](TopologyPlan& plan, const GraphNode& self) {
        plan.add_processor({.name = name,
                            .parents = self.parent_names(),
                            .supplier = supplier,
                            .key_in = windowed->key,
                            .value_in = value,
                            .key_out = windowed->windowed,
                            .value_out = &kTypeOf<Change>});
        plan.add_store(store, {name});
    };
    return added;
}

Table windowed_table(const GroupedStream& group, const WindowShape& shape,
                     const StoreSpecPtr& store, const std::optional<Materialized>& materialized,
                     std::shared_ptr<OldValues> old_values) {
    Table table;
    table.graph = group.graph;
    table.key_type = shape.windowed->windowed;
    table.value_type = store->value_type;
    table.key = shape.sessions
                    ? session_windowed_serde(*shape.windowed, store->key_serde)
                    : time_windowed_serde(*shape.windowed, store->key_serde, shape.size_ms);
    table.value = store->value_serde;
    table.op = std::make_shared<WindowedOp>(
        std::make_shared<WindowView>(store->name, *shape.windowed, shape.sessions),
        std::move(old_values));
    const bool named = materialized && (materialized->store_name || materialized->supplier);
    table.queryable = named ? store->name : "";
    table.windowed = shape.windowed;
    return table;
}

TimeWindowedStream TimeWindowedStream::emit_strategy(EmitStrategy wanted) const {
    if (wanted == EmitStrategy::on_window_close &&
        std::holds_alternative<UnlimitedWindows>(windows))
        throw IllegalArgumentException("unlimited windows never close: they cannot emit on close");
    TimeWindowedStream copy = *this;
    copy.strategy = wanted;
    return copy;
}

Table TimeWindowedStream::count(const Name& name,
                                const std::optional<Materialized>& materialized) const {
    if (!std::holds_alternative<SlidingWindows>(windows)) number_count(group, materialized);
    return aggregated(group, shape_of(windows, *windowed), kAggregate, name, materialized,
                      default_serde<int64_t>(),
                      {.value = &kTypeOf<int64_t>,
                       .initializer = &zero,
                       .aggregator = &plus_one,
                       .strategy = strategy});
}

Table TimeWindowedStream::reduce(Reducer reducer, const Name& name,
                                 const std::optional<Materialized>& materialized) const {
    return aggregated(group, shape_of(windows, *windowed), kReduce, name, materialized, group.value,
                      {.value = group.value_type,
                       .initializer = nothing(),
                       .aggregator = reducing(reducer, *group.value_type),
                       .strategy = strategy});
}

Table TimeWindowedStream::aggregate(Initializer initializer, Aggregator aggregator,
                                    const Type& value_out, const Name& name,
                                    const std::optional<Materialized>& materialized) const {
    return aggregated(group, shape_of(windows, *windowed), kAggregate, name, materialized, nullptr,
                      {.value = &value_out,
                       .initializer = std::move(initializer),
                       .aggregator = std::move(aggregator),
                       .strategy = strategy});
}

SessionWindowedStream SessionWindowedStream::emit_strategy(EmitStrategy wanted) const {
    SessionWindowedStream copy = *this;
    copy.strategy = wanted;
    return copy;
}

Table SessionWindowedStream::count(const Name& name,
                                   const std::optional<Materialized>& materialized) const {
    number_count(group, materialized);
    return aggregated(group, shape_of(windows, *windowed), kAggregate, name, materialized,
                      default_serde<int64_t>(),
                      {.value = &kTypeOf<int64_t>,
                       .initializer = &zero,
                       .aggregator = &plus_one,
                       .merger = &sum,
                       .strategy = strategy});
}

Table SessionWindowedStream::reduce(Reducer reducer, const Name& name,
                                    const std::optional<Materialized>& materialized) const {
    return aggregated(group, shape_of(windows, *windowed), kReduce, name, materialized, group.value,
                      {.value = group.value_type,
                       .initializer = nothing(),
                       .aggregator = reducing(reducer, *group.value_type),
                       .merger = merging(reducer),
                       .strategy = strategy});
}

Table SessionWindowedStream::aggregate(Initializer initializer, Aggregator aggregator,
                                       Merger merger, const Type& value_out, const Name& name,
                                       const std::optional<Materialized>& materialized) const {
    return aggregated(group, shape_of(windows, *windowed), kAggregate, name, materialized, nullptr,
                      {.value = &value_out,
                       .initializer = std::move(initializer),
                       .aggregator = std::move(aggregator),
                       .merger = std::move(merger),
                       .strategy = strategy});
}

}  // namespace millrace::streams::dsl
