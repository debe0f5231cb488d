// What the operations on tables have in common: how a table is kept, and how its node is written.
#pragma once

#include "streams/dsl/table.h"
#include "streams/ops/table.h"

namespace millrace::streams::dsl {

// A table from a topic, or of a foreign-key join's results: kept when it is asked for its values.
class SourceOp final : public TableOp {
public:
    // `kept`: from the start, since a user named the store.
    SourceOp(StoreSpecPtr store, bool kept);
    std::shared_ptr<const TableView> view() override;
    bool enable_sending_old_values(bool force) override;

    const StoreSpecPtr& store() const { return store_; }
    const std::shared_ptr<ops::TableSettings>& settings() const { return settings_; }

private:
    StoreSpecPtr store_;
    std::shared_ptr<ops::TableSettings> settings_;
};

// The store of a table that may have one, placed as the options or else the configuration say.
StoreSpecPtr table_store(Graph& graph, const std::optional<Materialized>& materialized,
                         std::string_view prefix, const Type& key, const Type& value,
                         const SerdePtr& key_serde, const SerdePtr& value_serde);

// A processor that gives changes. What `stores()` says when the topology is written, it is
// connected to; `own` is added, if it is not null.
struct TableNode {
    std::string name;
    NodeSupplier supplier;
    const Type* key_in = nullptr;
    const Type* value_in = &kTypeOf<Change>;
    const Type* key_out = nullptr;
    const Type* value_out = &kTypeOf<Change>;
    std::function<StoreSpecPtr()> own;
    std::function<std::vector<std::string>()> stores;
};
std::unique_ptr<GraphNode> graph_node(TableNode node);

// Whether the store keeps versions.
inline bool is_versioned(const std::optional<Materialized>& materialized) {
    return materialized && materialized->supplier &&
           materialized->supplier->kind == StoreKind::versioned;
}
inline std::set<std::string> union_of(const std::set<std::string>& a,
                                      const std::set<std::string>& b) {
    std::set<std::string> all = a;
    all.insert(b.begin(), b.end());
    return all;
}

}  // namespace millrace::streams::dsl
