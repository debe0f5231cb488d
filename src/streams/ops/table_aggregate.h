// Aggregations of a table by a new key: changes travel through a topic as pairs of the value now
// and the value before. Kafka: KTableRepartitionMap, KTableAggregate, KTableReduce.
#pragma once

#include "streams/core/bytes.h"
#include "streams/core/functions.h"
#include "streams/dsl/grouped.h"

namespace millrace::streams::ops {

// A change in the topic: the new value and a 1, the old one and a 0, or both: the new one's length
// (a zigzag varint), the new, the old, and a 2.
struct ChangeBytes {
    NullableView new_value;
    NullableView old_value;
};
Bytes encode_change(const ChangeBytes& change);
// SerializationException for bytes that are no change. Views into `bytes`.
ChangeBytes decode_change(BytesView bytes);

// Changes by their new keys, as bytes.
struct GroupBy {
    KeyValueMapper mapper;
    const Type* key;
    const Type* value;
    SerdePtr key_serde;
    SerdePtr value_serde;
    bool versioned = false;  // changes in the past are passed over
    std::string name;
};
NodeSupplier group_by(GroupBy spec);

// Takes an aggregate (null: none yet) to the next one.
struct TableAggregation {
    std::string name;
    std::string store;
    const Type* value;  // of the changes
    SerdePtr value_serde;
    std::function<Box(Ref key, Box value, Box aggregate)> subtract;  // of a value and an aggregate
    std::function<Box(Ref key, Box value, Box aggregate)> add;       // the aggregate may be null
    std::shared_ptr<const dsl::OldValues> old_values;
};
NodeSupplier table_aggregate(TableAggregation spec);

}  // namespace millrace::streams::ops
