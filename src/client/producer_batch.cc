#include "client/producer_batch.h"

namespace millrace::client {

Delivery::Place Delivery::settled() const {
    Place at{&*batch_, index_};
    while (at.batch->first_half) {
        const ProducerBatch& first = *at.batch->first_half;
        if (at.index < first.count) {
            at.batch = &first;
        } else {
            at.index -= first.count;
            at.batch = &*at.batch->second_half;
        }
    }
    return at;
}

runtime::Task<Result<RecordPlace>> Delivery::wait() const {
    const Delivery self = *this;  // the caller's may die first
    while (!self.done()) {
        // A batch that is cut in two sets this as well.
        auto* batch = const_cast<ProducerBatch*>(self.settled().batch);
        const BatchRef alive{batch};
        co_await batch->done.wait();
    }
    co_return self.result();
}

Result<RecordPlace> Delivery::result() const {
    const Place at = settled();
    INVARIANT(at.batch->done.is_set());
    if (at.batch->error.code != ErrorCode::none) return at.batch->error;
    RecordPlace out;
    out.partition = at.batch->partition;
    out.offset = at.batch->base_offset < 0 ? -1 : at.batch->base_offset + at.index;
    out.append_time = at.batch->append_time;
    return out;
}

}  // namespace millrace::client
