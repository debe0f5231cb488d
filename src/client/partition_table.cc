#include "client/partition_table.h"

#include <algorithm>

namespace millrace::client {
namespace {

constexpr size_t kErrorsMax = 16;

}  // namespace

void PartitionTable::assign(std::span<const TopicPartition> partitions) {
    const std::set<TopicPartition> wanted(partitions.begin(), partitions.end());
    std::erase_if(all_, [&](const auto& entry) {
        if (wanted.contains(entry.first)) return false;
        forget_chunks(*entry.second);
        entry.second->assigned = false;
        entry.second->version++;
        return true;
    });
    for (const TopicPartition& place : wanted) {
        PartitionPtr& p = all_[place];
        if (!p) p = std::make_shared<PartitionState>(place);
        p->leaving = false;
    }
    changed.notify();
}

PartitionPtr PartitionTable::find(const TopicPartition& place) const {
    const auto found = all_.find(place);
    return found == all_.end() ? nullptr : found->second;
}

std::vector<TopicPartition> PartitionTable::places() const {
    std::vector<TopicPartition> out;
    for (const auto& [place, p] : all_) out.push_back(place);
    return out;
}

void PartitionTable::jump(PartitionState& p, Position to) {
    forget_chunks(p);
    p.version++;
    p.position = to;
    p.fetch_offset = to.offset;
    p.need = to.epoch >= 0 ? PartitionState::Need::validation : PartitionState::Need::nothing;
    p.reset_to.reset();
    p.preferred = -1;
    p.retry_at = {};
    changed.notify();
}

void PartitionTable::lose(PartitionState& p, PartitionState::Need need,
                          std::optional<TimestampMs> to) {
    forget_chunks(p);
    p.version++;
    p.position = {};
    p.fetch_offset = -1;
    p.need = need;
    p.reset_to = to;
    p.retry_at = {};
    changed.notify();
}

void PartitionTable::pause(PartitionState& p, bool paused) {
    p.paused = paused;
    changed.notify();
    if (!paused && p.has_records()) filled.notify();
}

void PartitionTable::add(const PartitionPtr& p, FetchedChunk chunk) {
    p->buffered_bytes += chunk.left.size();
    buffered_bytes_ += chunk.left.size();
    p->chunks.push_back(std::move(chunk));
    if (!std::exchange(p->in_ready, true)) ready_.push_back(p);
    filled.notify();
}

void PartitionTable::consumed(PartitionState& p, size_t bytes) {
    p.buffered_bytes -= bytes;
    buffered_bytes_ -= bytes;
    drained.notify();
}

void PartitionTable::forget_chunks(PartitionState& p) {
    buffered_bytes_ -= p.buffered_bytes;
    p.buffered_bytes = 0;
    p.rest.reset();
    p.chunks.clear();
    if (std::exchange(p.in_ready, false))
        std::erase_if(ready_, [&](const PartitionPtr& other) { return other.get() == &p; });
    drained.notify();
}

void PartitionTable::raise(Error error) {
    const bool known = std::ranges::find(errors_, error) != errors_.end();
    if (!known && errors_.size() < kErrorsMax) errors_.push_back(std::move(error));
    filled.notify();
}

std::optional<Error> PartitionTable::take_error() {
    if (errors_.empty()) return std::nullopt;
    Error first = std::move(errors_.front());
    errors_.pop_front();
    return first;
}

}  // namespace millrace::client
