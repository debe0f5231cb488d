// Joins of two tables by key: each side's change meets the other's value. Kafka:
// KTableKTableInnerJoin and its kin, KTableKTableJoinMerger.
#pragma once

#include "streams/ops/table.h"

namespace millrace::streams::ops {

struct TableJoinSide {
    ValueJoiner joiner;  // (key, left, right)
    dsl::JoinKind kind = dsl::JoinKind::inner;
    bool left = false;       // changes are the left table's
    bool versioned = false;  // changes in the past are passed over
    std::shared_ptr<const dsl::TableView> other;
};
// `send_old`: looked at when the first node is made.
NodeSupplier table_join(TableJoinSide side, std::shared_ptr<const bool> send_old);

// Both sides' results, kept in a store if the settings say so.
NodeSupplier table_merge(TableSettingsPtr settings);

// The join's values, computed from both tables'.
std::shared_ptr<const dsl::TableView> table_join_view(std::shared_ptr<const dsl::TableView> left,
                                                      std::shared_ptr<const dsl::TableView> right,
                                                      ValueJoiner joiner, dsl::JoinKind kind);

}  // namespace millrace::streams::ops
