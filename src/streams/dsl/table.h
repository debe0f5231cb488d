// The tables of the DSL without types: what kstream.h's KTable, KGroupedTable and GlobalKTable
// call. A record of a table carries a Change. Kafka: KTableImpl.
#pragma once

#include "streams/dsl/stream.h"

namespace millrace::streams::dsl {

// Reads a table's values in a task: from its store, or computed from the table above.
class TableGetter {
public:
    virtual ~TableGetter() = default;
    virtual void init(NodeContext& context) = 0;
    virtual StoredValue get(Ref key) = 0;
    // As of a time; only of versioned tables (INVARIANT).
    virtual StoredValue get(Ref key, TimestampMs as_of);
    virtual bool versioned() const { return false; }
};

class TableView {
public:
    virtual ~TableView() = default;
    virtual std::unique_ptr<TableGetter> make() const = 0;
    // The stores that a node needs to be connected to.
    virtual std::vector<std::string> stores() const = 0;
};

// How a table comes to be. Until the topology is built, the operations below may ask it for what
// costs a store. Owner: the tables that come from it. Kafka: KTableProcessorSupplier.
class TableOp {
public:
    virtual ~TableOp() = default;
    // The table's values, for whoever joins or filters it; makes the table keep them if need be.
    virtual std::shared_ptr<const TableView> view() = 0;
    // From now on changes carry the value before. Without `force` a table that keeps no values
    // refuses.
    virtual bool enable_sending_old_values(bool force) = 0;
};

class GroupedTable;
// Makes a user's value transformer for a task.
class AnyValueTransformer {
public:
    virtual ~AnyValueTransformer() = default;
    virtual void init(NodeContext& context) = 0;
    virtual Box transform(Ref key, Ref value) = 0;
    virtual void close() = 0;
};
using AnyValueTransformerSupplier = std::function<std::unique_ptr<AnyValueTransformer>()>;

class Table : public Handle {
public:
    std::shared_ptr<TableOp> op;
    // The store that a user named; empty: none.
    std::string queryable;
    bool versioned = false;
    // Of a windowed key.
    const WindowedType* windowed = nullptr;

    Table filter(Predicate predicate, bool negate, const Name& name,
                 const std::optional<Materialized>& materialized) const;
    Table map_values(ValueMapper mapper, const Type& value_out, const Name& name,
                     const std::optional<Materialized>& materialized) const;
    Table transform_values(AnyValueTransformerSupplier supplier, const Type& value_out,
                           const Name& name, const std::optional<Materialized>& materialized,
                           std::vector<std::string> stores) const;
    Stream to_stream(const Name& name) const;
    Stream to_stream(KeyMapper mapper, const Type& key_out, const Name& name) const;
    GroupedTable group_by(KeyValueMapper mapper, const Type& key_out, const Type& value_out,
                          const Grouped& grouped) const;
    Table suppress(const Suppressed& suppressed) const;
    Table join(const Table& other, ValueJoiner joiner, JoinKind kind, const Type& value_out,
               const Name& name, const std::optional<Materialized>& materialized) const;
    // Inner or left. `extractor` gives the key of the other table; null joins nothing.
    Table join_by_foreign_key(const Table& other, KeyMapper extractor, ValueJoiner joiner,
                              JoinKind kind, const Type& value_out, const Name& name,
                              const std::optional<Materialized>& materialized) const;
};

class GroupedTable : public Handle {
public:
    Grouped grouped;
    std::shared_ptr<GraphNode*> repartition;  // the one of a named group, once it is there

    Table count(const Name& name, const std::optional<Materialized>& materialized) const;
    Table reduce(Reducer adder, Reducer subtractor, const Name& name,
                 const std::optional<Materialized>& materialized) const;
    Table aggregate(Initializer initializer, Aggregator adder, Aggregator subtractor,
                    const Type& value_out, const Name& name,
                    const std::optional<Materialized>& materialized) const;
};

// A table that every instance has whole.
class GlobalTable {
public:
    std::shared_ptr<Graph> graph;
    std::string store;
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
};

Table source_table(const std::shared_ptr<Graph>& graph, std::string topic, const Consumed& consumed,
                   const std::optional<Materialized>& materialized);
GlobalTable global_table(const std::shared_ptr<Graph>& graph, std::string topic,
                         const Consumed& consumed, const std::optional<Materialized>& materialized);

// A store of a user's, filled by a processor of theirs.
void add_global_store(const std::shared_ptr<Graph>& graph, StoreSpecPtr store, std::string topic,
                      const Consumed& consumed, NodeSupplier supplier);

// A table that stands in a store of its own: what reads it reads the store.
class StoreView final : public TableView {
public:
    explicit StoreView(std::string store) : store_(std::move(store)) {}
    std::unique_ptr<TableGetter> make() const override;
    std::vector<std::string> stores() const override { return {store_}; }

private:
    std::string store_;
};

// The store of an operation that keeps its results in one: named as the user said, or PREFIX and a
// number. `kind` timestamped_key_value, window or session; the key's type is without its window.
StoreSpec store_of(Graph& graph, const std::optional<Materialized>& materialized,
                   std::string_view prefix, StoreKind kind, const Type& key, const Type& value,
                   const SerdePtr& key_serde, const SerdePtr& value_serde);

}  // namespace millrace::streams::dsl
