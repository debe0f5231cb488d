// The records of a left or outer stream-stream join that have met no partner yet, in the order of
// their times, then the right side's before the left's, then of their keys' bytes.
//
// A key is time (8) · side (1: left) · key, a value all records of that key, time and side: 1 ·
// count (4) · for each its length (4), side (1) and bytes. Kafka: the outer join's ListValueStore
// of TimestampedKeyAndJoinSide.
#pragma once

#include "streams/state/ordered_bytes.h"
#include "streams/state/store.h"

namespace millrace::streams {

class WaitingRecords final : public StateStore {
public:
    // `right_serde`, `right_type`: of the right side's values; the left side's are the spec's.
    WaitingRecords(const StoreSpec& spec, const Type& right_type, SerdePtr right_serde)
        : StateStore(spec), right_type_(right_type), right_given_(std::move(right_serde)) {}

    void init(StoreContext& context) override;
    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers& headers) override;

    struct Place {
        TimestampMs timestamp = 0;
        bool left = false;
        Ref key = nullptr;
    };
    void add(const Place& place, Ref value);
    // All of that place; nothing if there are none.
    void remove(const Place& place);

    enum class Visit : uint8_t { keep, remove, stop };
    // From the first on; `values` gives them one by one, and only if it is called.
    using Values = std::function<void(const std::function<void(Ref)>&)>;
    void visit(const std::function<Visit(const Place&, const Values& values)>& visitor);

    // What both sides of the join know of time. Kafka: TimeTracker.
    struct Times {
        TimestampMs stream = -1;
        TimestampMs first = std::numeric_limits<TimestampMs>::max();  // a bound of what waits
        TimestampMs next_release = 0;                                 // of the wall clock
    };
    Times times;

private:
    const AnySerde& value_serde(bool left) const { return left ? *left_ : *right_; }
    Bytes key_of(const Place& place) const;
    void write(BytesView key, NullableView value);

    const Type& right_type_;
    SerdePtr right_given_;
    StoreContext* context_ = nullptr;
    std::unique_ptr<OrderedBytes> bytes_;
    const AnySerde* key_ = nullptr;
    const AnySerde* left_ = nullptr;
    const AnySerde* right_ = nullptr;
};

struct WaitingRecordsTypes {
    const Type* key;
    const Type* left;
    const Type* right;
    SerdePtr key_serde;
    SerdePtr left_serde;
    SerdePtr right_serde;
};
StoreSpec waiting_records_spec(std::string name, const WaitingRecordsTypes& types);

}  // namespace millrace::streams
