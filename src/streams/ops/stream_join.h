// Joins of two streams within a window of time. Kafka: KStreamJoinWindow, KStreamKStreamJoin,
// KStreamKStreamSelfJoin.
#pragma once

#include "streams/core/functions.h"
#include "streams/core/node.h"
#include "streams/windows.h"

namespace millrace::streams::ops {

// Forwards a record and then keeps it in its side's window store.
NodeSupplier join_window(std::string store);

struct StreamJoinSide {
    bool left = false;
    ValueJoiner joiner;  // (key, left, right)
    JoinWindows windows;
    std::string other;             // the other side's window store
    std::string waiting;           // the store of records without a partner; empty: an inner join
    bool emits_unmatched = false;  // of this side
};
// What comes from this side meets the other side's records. Records of either side that wait are
// released when their windows are closed.
NodeSupplier stream_join(StreamJoinSide side);

// A stream joined with itself, over one store.
NodeSupplier stream_self_join(ValueJoiner joiner, JoinWindows windows, std::string store);

}  // namespace millrace::streams::ops
