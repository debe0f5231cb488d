// How the nodes that write a table's store tell the nodes below: at once, or, when the store is
// cached, as the cache is flushed. Kafka: TimestampedTupleForwarder.
#pragma once

#include "streams/core/node.h"
#include "streams/state/store.h"

namespace millrace::streams::ops {

class ChangeForwarder {
public:
    // At init(). `send_old`: changes carry the value before.
    void init(NodeContext& context, StateStore& store, bool send_old) {
        context_ = &context;
        send_old_ = send_old;
        store.set_flush_listener(
            [&context](Ref key, Change change, TimestampMs timestamp) {
                // The headers are those of the record that made the change.
                const RecordContext* from = context.record_context();
                Headers none;
                context.forward(
                    {key, &change, timestamp, from && from->headers ? from->headers : &none});
            },
            send_old);
        by_store_ = store.forwards_on_flush();
    }
    // After a write, with the record that made it. `record.value` is not looked at.
    void forward(const RawRecord& record, Change change) const {
        if (by_store_) return;
        if (!send_old_) change.old_value = nullptr;
        context_->forward(record.with_value(&change));
    }

private:
    NodeContext* context_ = nullptr;
    bool send_old_ = false;
    bool by_store_ = false;
};

}  // namespace millrace::streams::ops
