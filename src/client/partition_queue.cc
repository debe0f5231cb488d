#include "client/partition_queue.h"

#include <algorithm>

namespace millrace::client {
namespace {

// Sequence numbers go on at 0 after 2^31-1.
int32_t sequence_after(int32_t sequence, int32_t count) {
    return static_cast<int32_t>((static_cast<int64_t>(sequence) + count) & INT32_MAX);
}

}  // namespace

ProducerBatch* PartitionQueue::next(size_t in_flight_max) const {
    if (pending_.empty() || in_flight_.size() >= in_flight_max) return nullptr;
    ProducerBatch* const head = &*pending_.front();
    if (broken_) return in_flight_.empty() && head->maybe_appended ? head : nullptr;
    if (!in_flight_.empty() && in_flight_.front()->identity.known()) {
        if (!established_) return nullptr;
        // Those that were sent since the oldest may have been answered, by another leader.
        if (first_sent_ - in_flight_.front()->number >= in_flight_max) return nullptr;
    }
    const bool repeats =
        head->attempts > 0 ||
        std::ranges::any_of(in_flight_, [](const BatchRef& b) { return b->attempts > 1; });
    return repeats && !in_flight_.empty() ? nullptr : head;
}

BatchRef PartitionQueue::take_next(const ProducerIdentity& identity, bool transactional) {
    INVARIANT(!pending_.empty());
    BatchRef batch = std::move(pending_.front());
    pending_.pop_front();
    batch->closed = true;
    if (identity.known() && batch->base_sequence < 0) {
        // Another transaction, or the first batch of all.
        if (!identity_.known() || (transactional && identity_ != identity)) restart(identity);
        batch->identity = identity_;
        batch->base_sequence = next_sequence_;
        next_sequence_ = sequence_after(next_sequence_, batch->count);
        batch->number = first_sent_++;
    }
    ++batch->attempts;
    in_flight_.push_back(batch);
    return batch;
}

void PartitionQueue::settle(const BatchRef& batch, bool appended) {
    std::erase(in_flight_, batch);
    batch->maybe_appended = false;
    if (appended) established_ = true;
    if (!appended && batch->base_sequence >= 0) broken_ = true;
}

void PartitionQueue::retry(const BatchRef& batch, Fate fate) {
    std::erase(in_flight_, batch);
    if (fate != Fate::refused) batch->maybe_appended = fate == Fate::unknown;
    const auto behind = std::ranges::find_if(
        pending_, [&](const BatchRef& other) { return other->order > batch->order; });
    pending_.insert(behind, batch);
}

bool PartitionQueue::remove(const ProducerBatch& batch) {
    const auto found =
        std::ranges::find_if(pending_, [&](const BatchRef& other) { return &*other == &batch; });
    if (found == pending_.end()) return false;
    if (batch.base_sequence >= 0) broken_ = true;
    pending_.erase(found);
    return true;
}

void PartitionQueue::replace(const BatchRef& batch, const BatchRef& first, const BatchRef& second) {
    std::erase(in_flight_, batch);
    for (const BatchRef& half : {first, second}) {
        half->created = batch->created;
        half->attempts = batch->attempts;
        half->identity = batch->identity;
        half->number = batch->number;
        half->order_gap = batch->order_gap / 2;
    }
    first->order = batch->order;
    second->order = batch->order + first->order_gap;
    if (batch->base_sequence >= 0) {
        first->base_sequence = batch->base_sequence;
        second->base_sequence = sequence_after(batch->base_sequence, first->count);
    }
    const auto behind = std::ranges::find_if(
        pending_, [&](const BatchRef& other) { return other->order > batch->order; });
    pending_.insert(pending_.insert(behind, second), first);
}

bool PartitionQueue::wants_restart() const {
    return broken_ && in_flight_.empty() &&
           std::ranges::none_of(pending_, [](const BatchRef& b) { return b->maybe_appended; });
}

void PartitionQueue::restart(const ProducerIdentity& identity) {
    identity_ = identity;
    next_sequence_ = 0;
    broken_ = false;
    established_ = false;
    for (const BatchRef& batch : pending_) batch->base_sequence = -1;
}

bool PartitionQueue::is_first(const ProducerBatch& batch) const {
    const auto before = [&](const BatchRef& other) { return other->order < batch.order; };
    return std::ranges::none_of(in_flight_, before) && std::ranges::none_of(pending_, before);
}

}  // namespace millrace::client
