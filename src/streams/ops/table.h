// The nodes of tables that come from a topic or, record by record, from another table.
// Kafka: KTableSource, KTableFilter, KTableMapValues, KTableTransformValues.
#pragma once

#include "streams/core/functions.h"
#include "streams/dsl/table.h"

namespace millrace::streams::ops {

// What the operations below a table decide until the topology is built. The nodes look at it when
// they are made.
struct TableSettings {
    std::string store;
    bool kept = false;      // in the store
    bool send_old = false;  // changes carry the value before
};
using TableSettingsPtr = std::shared_ptr<const TableSettings>;

// Makes changes of records.
NodeSupplier table_source(TableSettingsPtr settings);

// From a table's value to that of the table below it, in a task.
class TableFunction {
public:
    virtual ~TableFunction() = default;
    virtual void init(NodeContext&) {}
    // `value` may be null. A result that is not `value` itself is held by `holder`.
    virtual Ref apply(Ref key, Ref value, Box& holder) = 0;
    virtual void close() {}
};
using TableFunctionSupplier = std::function<std::unique_ptr<TableFunction>()>;

TableFunctionSupplier table_filter(Predicate predicate, bool negate);
TableFunctionSupplier table_map_values(ValueMapper mapper);
TableFunctionSupplier table_transform_values(dsl::AnyValueTransformerSupplier supplier);

// `skip_null_changes`: nothing is forwarded when both values of a change are null and old ones are
// sent.
NodeSupplier derived_table(TableFunctionSupplier function, TableSettingsPtr settings,
                           bool skip_null_changes);
// The values of a derived table that is kept nowhere.
std::shared_ptr<const dsl::TableView> derived_view(std::shared_ptr<const dsl::TableView> above,
                                                   TableFunctionSupplier function);

// A change as a record: its new value.
NodeSupplier table_to_stream();

}  // namespace millrace::streams::ops
