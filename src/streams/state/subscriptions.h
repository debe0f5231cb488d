// Who of the left table of a foreign-key join waits for which key of the right one. Rows are bytes
// (ops/foreign_key.h), each with the time of the record that made it. Kafka: the join's
// subscription store.
#pragma once

#include "streams/state/ordered_bytes.h"
#include "streams/state/store.h"

namespace millrace::streams {

class Subscriptions final : public StateStore {
public:
    using StateStore::StateStore;

    void init(StoreContext& context) override;
    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers& headers) override;

    void put(BytesView key, BytesView value, TimestampMs timestamp);
    void erase(BytesView key);
    struct Row {
        Bytes key;
        Bytes value;
        TimestampMs timestamp = 0;
    };
    // All whose key begins so, in their order; of an empty prefix, all.
    std::vector<Row> rows(BytesView prefix);

private:
    // With the headers of what is processed.
    void log(BytesView key, NullableView value, std::optional<TimestampMs> timestamp);

    StoreContext* context_ = nullptr;
    std::unique_ptr<OrderedBytes> bytes_;
};

StoreSpec subscriptions_spec(std::string name);

}  // namespace millrace::streams
