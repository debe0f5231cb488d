// The store that a table is kept in, whichever kind it is: timestamped or versioned.
// Kafka: KeyValueStoreWrapper.
#pragma once

#include "streams/core/node.h"
#include "streams/ops/forwarder.h"
#include "streams/state/store.h"

namespace millrace::streams::ops {

class TableStore {
public:
    enum class Put : uint8_t {
        latest,      // the key's newest value
        historical,  // a version in the past
        refused,     // older than what the store keeps: nothing has changed
    };

    // At init() of a node that is connected to it, or of any for a global one.
    void init(NodeContext& context, const std::string& name);

    StateStore& state() const {
        return versioned_ ? static_cast<StateStore&>(*versioned_) : *plain_;
    }
    bool versioned() const { return versioned_ != nullptr; }
    StoredValue get(Ref key) const;
    // What was valid then; only of a versioned store (INVARIANT).
    StoredValue get(Ref key, TimestampMs as_of) const;
    Put put(Ref key, Ref value, TimestampMs timestamp) const;

private:
    KeyValueState* plain_ = nullptr;
    VersionedState* versioned_ = nullptr;
};

// A table's results on their way into its store and to the nodes below.
class KeptTable {
public:
    void init(NodeContext& context, const std::string& store, bool send_old);
    const TableStore& store() const { return store_; }
    // Nothing is forwarded when the store refuses the value.
    void put(const RawRecord& record, Ref value, Ref old_value) const;

private:
    TableStore store_;
    ChangeForwarder forwarder_;
};

}  // namespace millrace::streams::ops
