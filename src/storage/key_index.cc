#include "storage/key_index.h"

#include "storage/producer_state.h"

namespace millrace::storage {
namespace {

// What is kept of the decompression buffer between batches.
constexpr size_t kScratchKeptBytes = size_t{1} << 20;

}  // namespace

// A change that is part of the log as readers of committed records see it. They need not come in
// the order of their offsets: a transaction's come when it ends.
void KeyIndex::settle(const KeyHash& key, Change change) {
    const auto undecided = undecided_.empty() ? undecided_.end() : undecided_.find(key);
    if (undecided != undecided_.end() && undecided->second.removed > change.offset) return;
    if (table_.find(key) > change.offset) return;
    if (!change.removes) {
        table_.put(key, change.offset);
    } else {
        table_.erase(key);
        // An earlier record that is still to be committed must not bring the key back.
        if (undecided != undecided_.end()) undecided->second.removed = change.offset;
    }
}

void KeyIndex::write(const KeyHash& key, Change change, ProducerId transaction) {
    if (transaction < 0) return settle(key, change);
    const auto [at, first] = open_[transaction].insert_or_assign(key, change);
    if (first) ++undecided_[key].writers;
}

void KeyIndex::end(ProducerId transaction, bool abort) {
    const auto changes = open_.extract(transaction);
    if (!changes) return;
    for (const auto& [key, change] : changes.mapped()) {
        if (!abort) settle(key, change);
        const auto at = undecided_.find(key);
        if (--at->second.writers == 0) undecided_.erase(at);
    }
}

Result<void> KeyIndex::apply(protocol::BatchView batch) {
    if (batch.next_offset() <= next_) return {};
    if (batch.is_control()) {
        // A marker that cannot be read ends nothing, for the log either.
        const auto marker = find_marker(batch);
        if (marker && *marker) end(batch.producer_id(), (*marker)->abort);
    } else {
        const ProducerId transaction = batch.is_transactional() ? batch.producer_id() : -1;
        const auto note = [&](const protocol::RecordView& record) {
            if (record.key && record.offset >= next_)
                write(hasher_(*record.key), {record.offset, !record.value}, transaction);
        };
        TRY_OK(protocol::for_each_record(batch, scratch_, note));
        if (scratch_.size() > kScratchKeptBytes) std::vector<uint8_t>().swap(scratch_);
    }
    next_ = batch.next_offset();
    return {};
}

KeyIndex::Last KeyIndex::find(ByteView key, Offset log_start, ProducerId own) const {
    const KeyHash hash = hasher_(key);
    Last last{.offset = table_.find(hash)};
    if (const auto undecided = undecided_.empty() ? undecided_.end() : undecided_.find(hash);
        undecided != undecided_.end()) {
        for (const auto& [producer, changes] : open_) {
            const auto change = changes.find(hash);
            if (change == changes.end() || change->second.offset < log_start) continue;
            const Offset at = change->second.offset;
            if (producer != own) {
                last.pending = std::max(last.pending, at);
            } else if (at > last.offset && at > undecided->second.removed) {
                last.offset = change->second.removes ? -1 : at;
            }
        }
    }
    if (last.offset < log_start) last.offset = -1;
    return last;
}

size_t KeyIndex::memory_bytes() const {
    size_t bytes = table_.memory_bytes();
    constexpr size_t kNodeBytes = 64;
    bytes += undecided_.size() * kNodeBytes;
    for (const auto& [producer, changes] : open_) bytes += kNodeBytes * (1 + changes.size());
    return bytes;
}

}  // namespace millrace::storage
