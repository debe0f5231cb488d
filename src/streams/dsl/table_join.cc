#include "streams/ops/table_join.h"
#include "streams/dsl/table_parts.h"

namespace millrace::streams::dsl {
namespace {

class JoinOp final : public TableOp {
public:
    JoinOp(std::shared_ptr<TableOp> left, std::shared_ptr<TableOp> right, ValueJoiner joiner,
           JoinKind kind, std::shared_ptr<ops::TableSettings> merged,
           std::shared_ptr<bool> send_old)
        : left_(std::move(left)),
          right_(std::move(right)),
          joiner_(std::move(joiner)),
          kind_(kind),
          merged_(std::move(merged)),
          send_old_(std::move(send_old)) {}

    std::shared_ptr<const TableView> view() override {
        if (merged_->kept) return std::make_shared<StoreView>(merged_->store);
        return ops::table_join_view(left_->view(), right_->view(), joiner_, kind_);
    }
    // Both tables are kept in any case.
    bool enable_sending_old_values(bool) override {
        left_->enable_sending_old_values(true);
        right_->enable_sending_old_values(true);
        *send_old_ = true;
        return merged_->send_old = true;
    }

private:
    std::shared_ptr<TableOp> left_;
    std::shared_ptr<TableOp> right_;
    ValueJoiner joiner_;
    JoinKind kind_;
    std::shared_ptr<ops::TableSettings> merged_;
    std::shared_ptr<bool> send_old_;
};

struct JoinNames {
    std::string merge;
    std::string left;
    std::string right;
};

void write_side(TopologyPlan& plan, const std::string& name, const GraphNode& above,
                const Type* key, NodeSupplier supplier, const TableView& other) {
    plan.add_processor({.name = name,
                        .parents = {above.name},
                        .supplier = std::move(supplier),
                        .key_in = key,
                        .value_in = &kTypeOf<Change>,
                        .key_out = key,
                        .value_out = &kTypeOf<Change>});
    plan.connect(name, other.stores());
}

}  // namespace

Table Table::join(const Table& other, ValueJoiner joiner, JoinKind kind, const Type& value_out,
                  const Name& given, const std::optional<Materialized>& materialized) const {
    constexpr std::string_view kMerge = "KTABLE-MERGE-";
    // A side whose absence can end a result says what was there before.
    if (kind != JoinKind::inner) op->enable_sending_old_values(true);
    if (kind == JoinKind::outer) other.op->enable_sending_old_values(true);

    const auto settings = std::make_shared<ops::TableSettings>();
    StoreSpecPtr store;
    if (materialized) {
        store = table_store(*graph, materialized, kMerge, *key_type, value_out, key, nullptr);
        settings->store = store->name;
        settings->kept = true;
    }
    JoinNames names;
    names.merge = graph->node_name(given, kMerge);
    names.left = graph->node_name(given, "-join-this", "KTABLE-JOINTHIS-");
    names.right = graph->node_name(given, "-join-other", "KTABLE-JOINOTHER-");
    const auto send_old = std::make_shared<bool>(false);

    const ops::TableJoinSide left{.joiner = joiner,
                                  .kind = kind,
                                  .left = true,
                                  .versioned = versioned,
                                  .other = other.op->view()};
    const ops::TableJoinSide right{.joiner = joiner,
                                   .kind = kind,
                                   .left = false,
                                   .versioned = other.versioned,
                                   .other = op->view()};
    Table table;
    table.sources = union_of(sources, other.sources);

    auto added = std::make_unique<GraphNode>();
    added->name = names.merge;
    added->write = [=, above = node, above_other = other.node, key = key_type,
                    sources = table.sources](TopologyPlan& plan, const GraphNode&) {
        write_side(plan, names.left, *above, key, ops::table_join(left, send_old), *left.other);
        write_side(plan, names.right, *above_other, key, ops::table_join(right, send_old),
                   *right.other);
        plan.add_processor({.name = names.merge,
                            .parents = {names.left, names.right},
                            .supplier = ops::table_merge(settings),
                            .key_in = key,
                            .value_in = &kTypeOf<Change>,
                            .key_out = key,
                            .value_out = &kTypeOf<Change>});
        if (store) plan.add_store(store, {names.merge});
        plan.copartition({sources.begin(), sources.end()});
    };
    table.graph = graph;
    table.node = graph->add(std::move(added), {node, other.node});
    table.name = names.merge;
    table.key_type = key_type;
    table.value_type = &value_out;
    table.key = materialized && materialized->key ? materialized->key : key;
    table.value = materialized ? materialized->value : nullptr;
    table.op = std::make_shared<JoinOp>(op, other.op, std::move(joiner), kind, settings, send_old);
    table.queryable = materialized && materialized->store_name ? store->name : "";
    table.versioned = is_versioned(materialized);
    table.windowed = windowed;
    return table;
}

}  // namespace millrace::streams::dsl
