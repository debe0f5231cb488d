// The records of a stream that wait to be joined with a versioned table, in the order of their
// times. Kafka: RocksDBTimeOrderedKeyValueBuffer.
//
// A key is 0 · time (8) · key · sequence (4), a value the record's context, its bytes, and what an
// entry of a suppression has beside them.
#pragma once

#include "streams/state/ordered_bytes.h"
#include "streams/state/store.h"

namespace millrace::streams {

class JoinBuffer final : public StateStore {
public:
    using StateStore::StateStore;

    void init(StoreContext& context) override;
    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers& headers) override;

    // The record, with the context of the moment. Neither key nor value is null (INVARIANT).
    void put(const RawRecord& record);
    // Hands over what is not younger than `until`, oldest first, and removes it.
    void take(TimestampMs until, const std::function<void(const RawRecord&)>& each);

private:
    StoreContext* context_ = nullptr;
    std::unique_ptr<OrderedBytes> bytes_;
    const AnySerde* key_ = nullptr;
    const AnySerde* value_ = nullptr;
    int32_t sequence_ = 0;
};

// The spec of such a store.
StoreSpec join_buffer_spec(std::string name, const Type& key, const Type& value,
                           const SerdePtr& key_serde, const SerdePtr& value_serde);

}  // namespace millrace::streams
