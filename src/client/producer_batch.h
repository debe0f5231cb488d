// A batch of a producer from its first record to its outcome, and what callers hold of it.
#pragma once

#include <memory>
#include <utility>

#include "base/result.h"
#include "client/record.h"
#include "protocol/record_batch_builder.h"
#include "runtime/event.h"
#include "runtime/list.h"

namespace millrace::client {

class PartitionQueue;

// Who a producer is to the brokers: an id and an epoch that fences its earlier lives.
struct ProducerIdentity {
    ProducerId id = -1;
    ProducerEpoch epoch = -1;
    bool known() const { return id >= 0; }
    friend bool operator==(const ProducerIdentity&, const ProducerIdentity&) = default;
};

// Counted references of one loop. (A std::shared_ptr would count atomically, for each record.)
class ProducerBatch;
class BatchRef {
public:
    BatchRef() = default;
    explicit BatchRef(ProducerBatch* batch);
    BatchRef(const BatchRef& other);
    BatchRef(BatchRef&& other) noexcept : batch_(std::exchange(other.batch_, nullptr)) {}
    BatchRef& operator=(BatchRef other) noexcept {
        std::swap(batch_, other.batch_);
        return *this;
    }
    ~BatchRef();
    ProducerBatch* operator->() const { return batch_; }
    ProducerBatch& operator*() const { return *batch_; }
    explicit operator bool() const { return batch_ != nullptr; }
    friend bool operator==(const BatchRef&, const BatchRef&) = default;

private:
    ProducerBatch* batch_ = nullptr;
};

// Linked: in the producer's list of what is not delivered, from the oldest on.
class ProducerBatch : public runtime::Link {
public:
    ProducerBatch(PartitionQueue& of, PartitionIndex index, protocol::BatchOptions options)
        : queue(of), partition(index), builder(std::move(options)) {}

    PartitionQueue& queue;  // dead once the batch is done and its producer gone
    const PartitionIndex partition;
    // Of its making, over all partitions; numbers from here to order + order_gap are its own, for
    // the parts that it may be cut into.
    uint64_t order = 0;
    uint64_t order_gap = 0;
    runtime::TimePoint created{};
    int64_t charged = 0;  // of buffer.memory

    // While records come in.
    protocol::BatchBuilder builder;
    bool closed = false;  // takes no more records
    int32_t count = 0;
    size_t record_bytes_max = 0;  // of its largest record, without compression

    // From then on.
    size_t plain_bytes = 0;                       // without compression
    std::shared_ptr<std::vector<uint8_t>> bytes;  // as it is sent
    ProducerIdentity identity;
    int32_t base_sequence = -1;
    uint64_t number = 0;  // among those of its partition, by base_sequence
    int attempts = 0;
    // An attempt failed, and nobody said that it was not appended.
    bool maybe_appended = false;
    // Append on condition, of a batch of its own; -1: none.
    Offset expected_end_offset = -1;

    // The outcome.
    runtime::Event done;
    Error error{ErrorCode::none, {}};
    Offset base_offset = -1;
    TimestampMs append_time = -1;   // -1: the records keep their own times
    Offset actual_end_offset = -1;  // with append_condition_failed
    // It was too large and went on as these two.
    BatchRef first_half;
    BatchRef second_half;

private:
    friend class BatchRef;
    int references_ = 0;
};

inline BatchRef::BatchRef(ProducerBatch* batch) : batch_(batch) {
    if (batch_) ++batch_->references_;
}
inline BatchRef::BatchRef(const BatchRef& other) : BatchRef(other.batch_) {}
inline BatchRef::~BatchRef() {
    if (batch_ && --batch_->references_ == 0) delete batch_;
}

// The delivery of one record. Copies are cheap; dropping it changes nothing for the record.
//
//   CO_TRY(Delivery delivery, co_await producer.send(record));
//   CO_TRY(RecordPlace place, co_await delivery.wait());
//
// Loop: the producer's. It may outlive the producer, which fails with `cancelled` what it leaves.
class Delivery {
public:
    Delivery(BatchRef batch, int32_t index) : batch_(std::move(batch)), index_(index) {}

    bool done() const { return settled().batch->done.is_set(); }
    // Until the outcome is known. Errors: what the broker refused the record with;
    // request_timed_out after delivery.timeout.ms; cancelled.
    runtime::Task<Result<RecordPlace>> wait() const;
    // Precondition: done().
    Result<RecordPlace> result() const;

private:
    struct Place {
        const ProducerBatch* batch;
        int32_t index;
    };
    // Where the record is now: its batch may have been cut in two.
    Place settled() const;

    BatchRef batch_;
    int32_t index_;
};

}  // namespace millrace::client
