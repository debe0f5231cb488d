#include "storage/cleaner_transactions.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/control_record.h"

namespace millrace::storage {

CleanedTransactions::CleanedTransactions(std::vector<AbortEntry> aborted)
    : aborted_(std::move(aborted)) {
    std::ranges::sort(aborted_, std::greater{}, &AbortEntry::first_offset);
}

void CleanedTransactions::begin_up_to(Offset offset) {
    for (; !aborted_.empty() && aborted_.back().first_offset <= offset; aborted_.pop_back())
        open_aborted_.try_emplace(aborted_.back().producer_id, Open{aborted_.back()});
}

bool CleanedTransactions::is_aborted(protocol::BatchHeaderView batch) {
    begin_up_to(batch.last_offset());
    if (!batch.is_transactional()) return false;
    const auto found = open_aborted_.find(batch.producer_id());
    if (found == open_aborted_.end()) {
        open_committed_.insert(batch.producer_id());
        return false;
    }
    found->second.met_data = true;
    return true;
}

Result<bool> CleanedTransactions::is_spent_marker(protocol::BatchView batch) {
    begin_up_to(batch.last_offset());
    // One without its record was emptied by an earlier cleaning.
    if (batch.record_count() == 0) return true;
    std::vector<uint8_t> scratch;
    TRY(protocol::RecordReader reader, batch.records(scratch));
    protocol::RecordView record;
    TRY_OK(reader.next(record));
    if (!record.key) return fail(ErrorCode::corrupt_message, "control record without key");
    TRY(const protocol::ControlType type, protocol::decode_control_key(*record.key));
    if (type == protocol::ControlType::commit)
        return open_committed_.erase(batch.producer_id()) == 0;
    if (type != protocol::ControlType::abort) return false;
    const auto found = open_aborted_.find(batch.producer_id());
    if (found == open_aborted_.end()) {
        // What was met of it was taken for committed.
        if (open_committed_.contains(batch.producer_id()))
            return fail(
                ErrorCode::corrupt_message,
                fmt::format("the transaction index lacks the abort at {}", batch.base_offset()));
        return true;
    }
    const Open ended = found->second;
    open_aborted_.erase(found);
    if (!ended.met_data) return true;
    kept_.push_back(ended.entry);
    return false;
}

}  // namespace millrace::storage
