#include "storage/producer_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.h"
#include "protocol/control_record.h"

namespace millrace::storage {
namespace {

using protocol::AppendOrigin;
using protocol::BatchHeaderView;

constexpr int64_t kSequenceModulus = int64_t{1} << 31;

int32_t sequence_minus(int32_t sequence, int32_t delta) {
    return sequence >= delta ? sequence - delta
                             : static_cast<int32_t>(sequence + kSequenceModulus - delta);
}
bool in_sequence(int32_t last, int32_t next) {
    return next == last + int64_t{1} || (next == 0 && last == INT32_MAX);
}

// Snapshot layout.
constexpr int16_t kSnapshotVersion = 1;
constexpr size_t kSnapshotHeaderBytes = 10;  // int16 version, uint32 crc, int32 count
constexpr size_t kSnapshotCrcEnd = 6;
constexpr size_t kSnapshotEntryBytes = 46;

}  // namespace

Result<std::optional<TransactionMarker>> find_marker(protocol::BatchView batch) {
    std::optional<TransactionMarker> marker;
    if (!batch.is_control() || batch.record_count() == 0) return marker;
    std::vector<uint8_t> scratch;
    TRY(protocol::RecordReader reader, batch.records(scratch));
    protocol::RecordView record;
    TRY(const bool more, reader.next(record));
    if (!more || !record.key) return fail(ErrorCode::corrupt_message, "control record without key");
    TRY(const protocol::ControlType type, protocol::decode_control_key(*record.key));
    if (type != protocol::ControlType::abort && type != protocol::ControlType::commit)
        return marker;
    if (!record.value) return fail(ErrorCode::corrupt_message, "marker without value");
    TRY(const int32_t epoch, protocol::decode_end_txn_marker(*record.value));
    return TransactionMarker{type == protocol::ControlType::abort, epoch};
}

int32_t ProducerState::Batch::first_sequence() const {
    return last_sequence < 0 ? -1 : sequence_minus(last_sequence, offset_delta);
}

void ProducerState::Producer::add(const Batch& batch) {
    if (batch_count == kBatchesKept) {
        std::shift_left(batches.begin(), batches.end(), 1);
        --batch_count;
    }
    batches[batch_count++] = batch;
}

void ProducerState::Producer::set_epoch(ProducerEpoch newer) {
    if (newer == epoch) return;
    epoch = newer;
    batch_count = 0;
}

std::optional<ProducerState::Duplicate> ProducerState::find_duplicate(const Producer& producer,
                                                                      BatchHeaderView batch) {
    if (batch.producer_epoch() != producer.epoch) return std::nullopt;
    for (size_t i = 0; i < producer.batch_count; ++i) {
        const Batch& seen = producer.batches[i];
        if (seen.first_sequence() == batch.base_sequence() &&
            seen.last_sequence == batch.last_sequence())
            return Duplicate{seen.last_offset - seen.offset_delta, seen.last_offset,
                             seen.timestamp};
    }
    return std::nullopt;
}

Result<void> ProducerState::check_sequence(const Producer& producer, BatchHeaderView batch) {
    const int32_t first = batch.base_sequence();
    if (batch.producer_epoch() != producer.epoch) {
        if (first != 0 && producer.epoch != -1)
            return fail(ErrorCode::out_of_order_sequence_number,
                        fmt::format("producer {} starts epoch {} at sequence {}, not 0",
                                    batch.producer_id(), batch.producer_epoch(), first));
        return {};
    }
    const int32_t last = producer.last() ? producer.last()->last_sequence : -1;
    if (!in_sequence(last, first))
        return fail(
            ErrorCode::out_of_order_sequence_number,
            fmt::format("producer {} sent sequence {} after {}", batch.producer_id(), first, last));
    return {};
}

bool ProducerState::in_transaction(ProducerId id, ProducerEpoch epoch) const {
    const auto found = producers_.find(id);
    return found != producers_.end() && found->second.transaction_start >= 0 &&
           found->second.epoch == epoch;
}

uint64_t ProducerState::begin_verification(const VerificationRequest& request) {
    const auto [at, added] = verifications_.try_emplace(
        request.producer_id, Verification{.number = next_verification_,
                                          .epoch = request.epoch,
                                          .lowest_sequence = request.base_sequence,
                                          .epoch_bumps = request.epoch_bumps,
                                          .since = request.now});
    Verification& entry = at->second;
    if (added) {
        ++next_verification_;
    } else if (request.epoch > entry.epoch) {
        entry.epoch = request.epoch;
        entry.lowest_sequence = request.base_sequence;
    } else if (request.epoch == entry.epoch) {
        entry.lowest_sequence = std::min(entry.lowest_sequence, request.base_sequence);
    }
    entry.since = request.now;
    return entry.number;
}

Result<void> ProducerState::check_verified(BatchHeaderView batch, const Append& how) const {
    if (!batch.is_transactional() || !how.must_be_verified) return {};
    if (in_transaction(batch.producer_id(), batch.producer_epoch())) return {};
    const auto entry = verifications_.find(batch.producer_id());
    if (how.verification == 0 || entry == verifications_.end() ||
        entry->second.number != how.verification)
        return fail(
            ErrorCode::invalid_txn_state,
            fmt::format("the batch of producer {} is of no open transaction", batch.producer_id()));
    if (how.origin != AppendOrigin::client) return {};
    const int32_t first = batch.base_sequence();
    // The epoch of such a producer is new to every partition: nothing can come before sequence 0.
    const bool too_high =
        first > entry->second.lowest_sequence ||
        (entry->second.epoch_bumps && first != 0 && !producers_.contains(batch.producer_id()));
    if (too_high)
        return fail(ErrorCode::out_of_order_sequence_number,
                    fmt::format("producer {} begins at sequence {}", batch.producer_id(), first));
    return {};
}

Result<void> ProducerState::check_marker(const Producer& producer, BatchHeaderView batch,
                                         const TransactionMarker& marker, const Append& how) const {
    const bool bumps = how.transaction_version >= 2;
    if (batch.producer_epoch() < producer.epoch ||
        (bumps && batch.producer_epoch() == producer.epoch && producer.transaction_start >= 0))
        return fail(ErrorCode::invalid_producer_epoch,
                    fmt::format("a marker of producer {} has epoch {}, {} is known",
                                batch.producer_id(), batch.producer_epoch(), producer.epoch));
    if (marker.coordinator_epoch < producer.coordinator_epoch)
        return fail(ErrorCode::transaction_coordinator_fenced,
                    fmt::format("marker of coordinator epoch {}, {} is known",
                                marker.coordinator_epoch, producer.coordinator_epoch));
    return {};
}

ProducerState::Verdict ProducerState::check(BatchHeaderView batch,
                                            const std::optional<TransactionMarker>& marker,
                                            const Append& how) const {
    if (!batch.has_producer_id()) return std::nullopt;
    const auto found = producers_.find(batch.producer_id());
    if (found == producers_.end()) {
        if (!marker) TRY_OK(check_verified(batch, how));
        return std::nullopt;
    }
    const Producer& producer = found->second;
    if (marker) {
        TRY_OK(check_marker(producer, batch, *marker, how));
        return std::nullopt;
    }
    if (how.origin == AppendOrigin::client)
        if (auto duplicate = find_duplicate(producer, batch)) return duplicate;
    TRY_OK(check_verified(batch, how));
    if (batch.producer_epoch() < producer.epoch)
        return fail(ErrorCode::invalid_producer_epoch,
                    fmt::format("producer {} has epoch {}, a newer one with {} is known",
                                batch.producer_id(), batch.producer_epoch(), producer.epoch));
    if (how.origin == AppendOrigin::client) TRY_OK(check_sequence(producer, batch));
    if (producer.transaction_start >= 0 && !batch.is_transactional())
        return fail(ErrorCode::invalid_txn_state,
                    fmt::format("producer {} has an open transaction, the batch is not part of one",
                                batch.producer_id()));
    return std::nullopt;
}

std::optional<CompletedTransaction> ProducerState::apply(
    BatchHeaderView batch, const std::optional<TransactionMarker>& marker) {
    if (!batch.has_producer_id()) return {};
    if (batch.is_control() && !marker) return {};
    if (marker || batch.is_transactional()) verifications_.erase(batch.producer_id());
    Producer& producer = producers_[batch.producer_id()];
    producer.set_epoch(batch.producer_epoch());
    producer.last_timestamp = batch.max_timestamp();
    if (!marker) {
        producer.add({batch.last_sequence(), batch.last_offset(), batch.last_offset_delta(),
                      batch.max_timestamp()});
        if (batch.is_transactional() && producer.transaction_start < 0) {
            producer.transaction_start = batch.base_offset();
            open_[batch.base_offset()] = batch.producer_id();
        }
        return {};
    }
    producer.coordinator_epoch = marker->coordinator_epoch;
    if (producer.transaction_start < 0) return {};
    const CompletedTransaction ended{batch.producer_id(), producer.transaction_start,
                                     batch.base_offset(), marker->abort};
    open_.erase(producer.transaction_start);
    ended_[ended.first_offset] = ended.last_offset;
    producer.transaction_start = -1;
    return ended;
}

void ProducerState::advance_high_watermark(Offset high_watermark) {
    std::erase_if(ended_, [&](const auto& ended) { return ended.second < high_watermark; });
}

std::optional<Offset> ProducerState::first_unstable() const {
    if (open_.empty() && ended_.empty()) return {};
    const Offset open = open_.empty() ? INT64_MAX : open_.begin()->first;
    const Offset ended = ended_.empty() ? INT64_MAX : ended_.begin()->first;
    return std::min(open, ended);
}

Offset ProducerState::stable_after(const CompletedTransaction& ended) const {
    return open_.empty() ? ended.last_offset + 1 : open_.begin()->first;
}

bool ProducerState::expired(const Producer& producer, TimestampMs now, int64_t expiration_ms) {
    // A timestamp may be anything: the difference to it would overflow.
    return producer.transaction_start < 0 && producer.last_timestamp <= now - expiration_ms;
}

void ProducerState::expire(TimestampMs now, int64_t expiration_ms) {
    std::erase_if(producers_, [&](const auto& p) { return expired(p.second, now, expiration_ms); });
    std::erase_if(verifications_,
                  [&](const auto& v) { return now - v.second.since >= expiration_ms; });
}

void ProducerState::clear() {
    producers_.clear();
    verifications_.clear();
    open_.clear();
    ended_.clear();
}

std::vector<ActiveProducer> ProducerState::active() const {
    std::vector<ActiveProducer> rows;
    rows.reserve(producers_.size());
    for (const auto& [id, p] : producers_)
        rows.push_back({id, p.epoch, p.last() ? p.last()->last_sequence : -1, p.last_timestamp,
                        p.coordinator_epoch, p.transaction_start});
    return rows;
}

LastRecords ProducerState::last_records() const {
    LastRecords records;
    records.reserve(producers_.size());
    for (const auto& [id, p] : producers_)
        records[id] = {p.last() ? p.last()->last_offset : -1, p.epoch};
    return records;
}

std::vector<uint8_t> ProducerState::encode_snapshot() const {
    std::vector<uint8_t> bytes(kSnapshotHeaderBytes + producers_.size() * kSnapshotEntryBytes);
    store_be<int16_t>(bytes.data(), kSnapshotVersion);
    store_be<int32_t>(bytes.data() + kSnapshotCrcEnd, static_cast<int32_t>(producers_.size()));
    uint8_t* p = bytes.data() + kSnapshotHeaderBytes;
    for (const auto& [id, producer] : producers_) {
        const Batch none{-1, -1, 0, -1};
        const Batch& last = producer.last() ? *producer.last() : none;
        store_be<int64_t>(p, id);
        store_be<int16_t>(p + 8, producer.epoch);
        store_be<int32_t>(p + 10, last.last_sequence);
        store_be<int64_t>(p + 14, last.last_offset);
        store_be<int32_t>(p + 22, last.offset_delta);
        store_be<int64_t>(p + 26, producer.last_timestamp);
        store_be<int32_t>(p + 34, producer.coordinator_epoch);
        store_be<int64_t>(p + 38, producer.transaction_start);
        p += kSnapshotEntryBytes;
    }
    store_be<uint32_t>(bytes.data() + 2, crc32c(ByteView{bytes}.subspan(kSnapshotCrcEnd)));
    return bytes;
}

Result<void> ProducerState::load_snapshot(ByteView bytes, TimestampMs now, int64_t expiration_ms) {
    if (bytes.size() < kSnapshotHeaderBytes) return fail(ErrorCode::malformed, "snapshot is cut");
    if (load_be<int16_t>(bytes.data()) != kSnapshotVersion)
        return fail(ErrorCode::malformed, "unknown snapshot version");
    if (load_be<uint32_t>(bytes.data() + 2) != crc32c(bytes.subspan(kSnapshotCrcEnd)))
        return fail(ErrorCode::malformed, "snapshot has a wrong checksum");
    const auto count = load_be<uint32_t>(bytes.data() + kSnapshotCrcEnd);
    if (bytes.size() != kSnapshotHeaderBytes + uint64_t{count} * kSnapshotEntryBytes)
        return fail(ErrorCode::malformed, "snapshot length does not fit its entry count");
    ProducerState next;
    for (const uint8_t* p = bytes.data() + kSnapshotHeaderBytes; p != bytes.data() + bytes.size();
         p += kSnapshotEntryBytes) {
        Producer producer;
        const auto id = load_be<int64_t>(p);
        producer.epoch = load_be<int16_t>(p + 8);
        producer.last_timestamp = load_be<int64_t>(p + 26);
        producer.coordinator_epoch = load_be<int32_t>(p + 34);
        producer.transaction_start = std::max<Offset>(-1, load_be<int64_t>(p + 38));
        const Batch last{load_be<int32_t>(p + 10), load_be<int64_t>(p + 14),
                         load_be<int32_t>(p + 22), producer.last_timestamp};
        if (last.last_offset >= 0 && last.offset_delta >= 0) producer.add(last);
        if (expired(producer, now, expiration_ms)) continue;
        const bool alone = next.producers_.emplace(id, producer).second;
        const bool open = producer.transaction_start >= 0;
        if (!alone || (open && !next.open_.emplace(producer.transaction_start, id).second))
            return fail(ErrorCode::malformed, "a producer or a transaction stands there twice");
    }
    *this = std::move(next);
    return {};
}

}  // namespace millrace::storage
