#include "streams/dsl/table.h"

#include "streams/dsl/table_parts.h"

namespace millrace::streams::dsl {
namespace {

// A table whose values are computed from another's, one by one.
class DerivedOp final : public TableOp {
public:
    DerivedOp(std::shared_ptr<TableOp> above, ops::TableFunctionSupplier function,
              std::shared_ptr<ops::TableSettings> settings)
        : above_(std::move(above)),
          function_(std::move(function)),
          settings_(std::move(settings)) {}

    std::shared_ptr<const TableView> view() override {
        if (settings_->kept) return std::make_shared<StoreView>(settings_->store);
        return ops::derived_view(above_->view(), function_);
    }
    bool enable_sending_old_values(bool force) override {
        if (settings_->kept || above_->enable_sending_old_values(force)) settings_->send_old = true;
        return settings_->send_old;
    }

private:
    std::shared_ptr<TableOp> above_;
    ops::TableFunctionSupplier function_;
    std::shared_ptr<ops::TableSettings> settings_;
};

struct Derivation {
    std::string_view prefix;
    ops::TableFunctionSupplier function;
    const Type* value_out;
    SerdePtr value;  // known without a store's
    bool skip_null_changes = false;
    // Old values are sent from the start, if the table above keeps its own.
    bool old_values_if_kept = false;
    bool unnamed_takes_number = true;
    std::vector<std::string> stores;
};

// A store without a name is none: it takes a number (but for transform_values), and its serdes
// count.
Table derive(const Table& above, Derivation how, const Name& name,
             const std::optional<Materialized>& materialized) {
    Graph& graph = *above.graph;
    const auto settings = std::make_shared<ops::TableSettings>();
    StoreSpecPtr store;
    if (materialized && materialized->store_name) {
        store = table_store(graph, materialized, how.prefix, *above.key_type, *how.value_out,
                            above.key, how.value);
        settings->store = store->name;
        settings->kept = true;
    } else if (materialized && how.unnamed_takes_number) {
        graph.new_store_name(how.prefix);
    }
    const std::string node_name = graph.node_name(name, how.prefix);
    if (how.old_values_if_kept) settings->send_old = above.op->enable_sending_old_values(false);

    Table table = above;
    table.name = node_name;
    table.value_type = how.value_out;
    if (materialized && materialized->key) table.key = materialized->key;
    table.value = materialized && materialized->value ? materialized->value : how.value;
    table.op = std::make_shared<DerivedOp>(above.op, how.function, settings);
    table.queryable = store ? store->name : "";
    table.versioned = store ? is_versioned(materialized) : above.versioned;
    table.node = graph.add(
        graph_node({.name = node_name,
                    .supplier = ops::derived_table(std::move(how.function), settings,
                                                   how.skip_null_changes && !above.versioned),
                    .key_in = above.key_type,
                    .key_out = above.key_type,
                    .own = [store] { return store; },
                    .stores = [stores = std::move(how.stores)] { return stores; }}),
        {above.node});
    return table;
}

}  // namespace

Table Table::filter(Predicate predicate, bool negate, const Name& name,
                    const std::optional<Materialized>& materialized) const {
    return derive(*this,
                  {.prefix = "KTABLE-FILTER-",
                   .function = ops::table_filter(std::move(predicate), negate),
                   .value_out = value_type,
                   .value = value,
                   .skip_null_changes = true,
                   .old_values_if_kept = true},
                  name, materialized);
}

Table Table::map_values(ValueMapper mapper, const Type& value_out, const Name& name,
                        const std::optional<Materialized>& materialized) const {
    return derive(*this,
                  {.prefix = "KTABLE-MAPVALUES-",
                   .function = ops::table_map_values(std::move(mapper)),
                   .value_out = &value_out},
                  name, materialized);
}

Table Table::transform_values(AnyValueTransformerSupplier supplier, const Type& value_out,
                              const Name& name, const std::optional<Materialized>& materialized,
                              std::vector<std::string> stores) const {
    return derive(*this,
                  {.prefix = "KTABLE-TRANSFORMVALUES-",
                   .function = ops::table_transform_values(std::move(supplier)),
                   .value_out = &value_out,
                   .unnamed_takes_number = false,
                   .stores = std::move(stores)},
                  name, materialized);
}

Stream Table::to_stream(const Name& name) const {
    const std::string node_name = graph->node_name(name, "KTABLE-TOSTREAM-");
    Stream stream;
    static_cast<Handle&>(stream) = *this;
    stream.name = node_name;
    stream.node = graph->add(graph_node({.name = node_name,
                                         .supplier = ops::table_to_stream(),
                                         .key_in = key_type,
                                         .key_out = key_type,
                                         .value_out = value_type}),
                             {node});
    return stream;
}

Stream Table::to_stream(KeyMapper mapper, const Type& key_out, const Name& name) const {
    // The key-selecting node is never named.
    return to_stream(name).select_key(std::move(mapper), key_out, std::nullopt);
}

}  // namespace millrace::streams::dsl
