// Joins of a stream with a table, or with a global one: each record meets the table's value of the
// moment, or of a versioned table the value as of the record's time. Kafka: KStreamKTableJoin.
#pragma once

#include "streams/dsl/table.h"

namespace millrace::streams::ops {

struct StreamTableJoin {
    std::shared_ptr<const dsl::TableView> table;
    KeyMapper key;  // in the table; null: the record's
    ValueJoiner joiner;
    bool left = false;  // else inner
};
NodeSupplier stream_table_join(StreamTableJoin spec);

// Records wait in the buffer until stream time is `grace_ms` past them, and are then joined in the
// order of their times. An older record is joined at once.
struct JoinGrace {
    std::string buffer;  // the store's name
    int64_t grace_ms = 0;
};
NodeSupplier stream_table_join(StreamTableJoin spec, JoinGrace grace);

}  // namespace millrace::streams::ops
