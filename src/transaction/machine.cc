#include "transaction/machine.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace millrace::transaction {
namespace {

constexpr int16_t kRecordType = 0;

bool includes(const PartitionSet& all, const PartitionSet& some) {
    return std::ranges::all_of(some, [&](const auto& topic) {
        const auto found = all.find(topic.first);
        return found != all.end() && std::ranges::includes(found->second, topic.second);
    });
}

ProducerEpoch after(ProducerEpoch epoch) {
    return static_cast<ProducerEpoch>(epoch == INT16_MAX ? epoch : epoch + 1);
}

}  // namespace

Result<void> TransactionMachine::apply(const coordinator::RecordView& record, Effects&) {
    if (record.key.size() < 2) return fail(ErrorCode::malformed, "record key without a type");
    // Types of a newer Kafka are passed over.
    if (load_be<int16_t>(record.key.data()) != kRecordType) return {};
    TRY(std::string id, record_id(record.key));
    if (!record.value) {
        entries_.erase(id);
        return {};
    }
    TRY(Transaction transaction, from_record(*record.value));
    entries_[std::move(id)].transaction = std::move(transaction);
    return {};
}

const TransactionMachine::Entry* TransactionMachine::entry(std::string_view id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
}

const Transaction* TransactionMachine::find(std::string_view id) const {
    const Entry* found = entry(id);
    return found ? &found->transaction : nullptr;
}

void TransactionMachine::each(
    const std::function<void(const std::string& id, const Transaction&)>& fn) const {
    for (const auto& [id, entry] : entries_) fn(id, entry.transaction);
}

void TransactionMachine::write(std::string_view id, Transaction next, ProducerEpoch last_epoch,
                               int16_t server_version, Now now, Effects& effects) {
    next.updated = now.wall_ms;
    effects.records.push_back(to_record(id, next, server_version));
    coordinator::then(effects,
                      [this, key = std::string{id}, last_epoch](ErrorCode error, Effects&) {
                          if (error == ErrorCode::none) entries_[key].last_epoch = last_epoch;
                      });
}

// --- InitProducerId

bool TransactionMachine::init_needs_producer_id(std::string_view id,
                                                const std::optional<Producer>& expected) const {
    const Transaction* current = find(id);
    if (!current) return true;
    if (current->state == State::ongoing || current->preparing()) return false;
    return current->epochs_used_up() && (!expected || expected->epoch == current->epoch);
}

TransactionMachine::InitReply TransactionMachine::init(const Init& request, Now now,
                                                       Effects& effects) {
    const Entry* known = entry(request.id);
    Transaction current;
    if (known)
        current = known->transaction;
    else
        current.producer_id = request.new_producer_id;
    const auto& expected = request.expected;
    // A client that asks again after its epochs were used up still has the producer id before.
    if (expected && current.epoch != -1 && expected->id != current.producer_id &&
        !(expected->id == current.previous_producer_id && expected->epoch >= kEpochMax))
        return {.error = ErrorCode::producer_fenced};
    if (current.preparing()) return {.error = ErrorCode::concurrent_transactions};
    if (current.state == State::ongoing) {
        fence_and_abort(request.id, current, request.server_version, now, effects);
        return {.error = ErrorCode::concurrent_transactions};
    }

    Transaction next = current;
    next.state = State::empty;
    next.timeout_ms = request.timeout_ms;
    next.previous_producer_id = current.producer_id;
    next.next_producer_id = -1;
    next.partitions.clear();
    next.started = -1;
    ProducerEpoch last_epoch = -1;
    if (current.epochs_used_up() && (!expected || expected->epoch == current.epoch)) {
        next.producer_id = request.new_producer_id;
        next.epoch = 0;
        if (expected) last_epoch = current.epoch;
    } else if (!expected || current.epoch == -1 || expected->epoch == current.epoch) {
        next.epoch = after(current.epoch);
        if (expected) last_epoch = current.epoch;
    } else if (known && expected->epoch == known->last_epoch) {
        last_epoch = known->last_epoch;  // the answer was lost: the same again
    } else {
        return {.error = ErrorCode::producer_fenced};
    }
    const Producer producer{next.producer_id, next.epoch};
    write(request.id, std::move(next), last_epoch, request.server_version, now, effects);
    return {.producer = producer};
}

// --- partitions

ErrorCode TransactionMachine::check_open(std::string_view id, const Producer& producer) const {
    const Transaction* current = find(id);
    if (!current || current->producer_id != producer.id)
        return ErrorCode::invalid_producer_id_mapping;
    if (current->epoch != producer.epoch) return ErrorCode::producer_fenced;
    if (current->preparing()) return ErrorCode::concurrent_transactions;
    return ErrorCode::none;
}

bool TransactionMachine::contains(std::string_view id, std::string_view topic,
                                  PartitionIndex partition) const {
    const Transaction* current = find(id);
    if (!current) return false;
    const auto found = current->partitions.find(topic);
    return found != current->partitions.end() && found->second.contains(partition);
}

ErrorCode TransactionMachine::add(const Add& request, Now now, Effects& effects) {
    const ErrorCode refused = check_open(request.id, request.producer);
    if (refused != ErrorCode::none) return refused;
    const Entry& known = *entry(request.id);
    const Transaction& current = known.transaction;
    if (current.state == State::ongoing && includes(current.partitions, request.partitions))
        return ErrorCode::none;
    Transaction next = current;
    if (current.state != State::ongoing) next.started = now.wall_ms;
    next.state = State::ongoing;
    next.previous_producer_id = current.producer_id;
    next.client_version = request.client_version;
    for (const auto& [topic, partitions] : request.partitions)
        next.partitions[topic].insert(partitions.begin(), partitions.end());
    write(request.id, std::move(next), known.last_epoch, request.server_version, now, effects);
    return ErrorCode::none;
}

// --- EndTxn

bool TransactionMachine::end_needs_producer_id(std::string_view id, int16_t client_version) const {
    const Transaction* current = find(id);
    return current && client_version >= kEpochBumps && !current->preparing() &&
           current->epochs_used_up();
}

// What follows when the outcome is decided. `fence`: not by the producer itself, which must not go
// on.
TransactionMachine::EndReply TransactionMachine::prepare(const End& request,
                                                         const Transaction& current, bool fence,
                                                         Now now, Effects& effects) {
    const bool bumps = request.client_version >= kEpochBumps;
    Transaction next = current;
    next.state = request.commit ? State::prepare_commit : State::prepare_abort;
    next.previous_producer_id = current.producer_id;
    next.client_version = request.client_version;
    if (current.state != State::ongoing) next.started = now.wall_ms;
    if (bumps || fence) next.epoch = after(current.epoch);
    next.next_producer_id =
        !fence && bumps && current.epochs_used_up() ? request.new_producer_id : ProducerId{-1};
    const Producer producer = next.next_producer_id == -1 ? Producer{next.producer_id, next.epoch}
                                                          : Producer{next.next_producer_id, 0};
    const ProducerEpoch last = fence ? ProducerEpoch{-1} : current.epoch;
    write(request.id, std::move(next), last, request.server_version, now, effects);
    return {.producer = producer};
}

TransactionMachine::EndReply TransactionMachine::end(const End& request, Now now,
                                                     Effects& effects) {
    const Transaction* found = find(request.id);
    if (!found) return {.error = ErrorCode::invalid_producer_id_mapping};
    const Transaction& current = *found;
    const bool bumps = request.client_version >= kEpochBumps;
    // A repeated request still has the epoch, or the producer id, from before it ended.
    const bool after_bump = bumps && current.epoch == request.producer.epoch + 1;
    const bool after_rotation = bumps && current.previous_producer_id == request.producer.id &&
                                request.producer.epoch == kEpochMax && current.epoch == 0;
    const bool same_epoch = current.epoch == request.producer.epoch;
    if (current.producer_id != request.producer.id && !after_rotation)
        return {.error = ErrorCode::invalid_producer_id_mapping};
    const EndReply as_before{.producer = {current.producer_id, current.epoch}};
    switch (current.state) {
        case State::prepare_commit:
        case State::prepare_abort:
            if (bumps ? !after_bump : !same_epoch) return {.error = ErrorCode::producer_fenced};
            return {.error = request.commit == (current.state == State::prepare_commit)
                                 ? ErrorCode::concurrent_transactions
                                 : ErrorCode::invalid_txn_state};
        case State::complete_commit:
        case State::complete_abort:
            if (!same_epoch && !after_bump && !after_rotation)
                return {.error = ErrorCode::producer_fenced};
            if (!bumps || after_bump || after_rotation)
                return request.commit == (current.state == State::complete_commit)
                           ? as_before
                           : EndReply{.error = ErrorCode::invalid_txn_state};
            break;
        default:
            if (!same_epoch) return {.error = ErrorCode::producer_fenced};
    }
    // Without an open transaction only a client whose epoch is bumped may end one: it may not know
    // that nothing reached us.
    if (current.state != State::ongoing && (!bumps || request.commit))
        return {.error = ErrorCode::invalid_txn_state};
    return prepare(request, current, false, now, effects);
}

void TransactionMachine::complete(std::string_view id, const Transaction& prepared,
                                  int16_t server_version, Now now, Effects& effects) {
    const Entry* known = entry(id);
    if (!known || known->transaction != prepared || !prepared.preparing()) return;
    Transaction next = prepared;
    next.state =
        prepared.state == State::prepare_commit ? State::complete_commit : State::complete_abort;
    next.previous_producer_id = prepared.producer_id;
    if (prepared.next_producer_id != -1) {
        next.producer_id = prepared.next_producer_id;
        next.epoch = 0;
    }
    next.next_producer_id = -1;
    next.partitions.clear();
    write(id, std::move(next), known->last_epoch, server_version, now, effects);
}

// --- time

void TransactionMachine::fence_and_abort(std::string_view id, const Transaction& current,
                                         int16_t server_version, Now now, Effects& effects) {
    const End end{.id = id,
                  .producer = {current.producer_id, current.epoch},
                  .commit = false,
                  .client_version = server_version >= kEpochBumps ? kEpochBumps : int16_t{0},
                  .server_version = server_version};
    prepare(end, current, true, now, effects);
}

bool TransactionMachine::timed_out(const Transaction& transaction, Now now) {
    return transaction.state == State::ongoing && transaction.timeout_ms != kNoTimeout &&
           transaction.started + transaction.timeout_ms < now.wall_ms;
}

std::vector<std::string> TransactionMachine::timed_out(Now now) const {
    std::vector<std::string> ids;
    for (const auto& [id, entry] : entries_)
        if (timed_out(entry.transaction, now)) ids.push_back(id);
    return ids;
}

void TransactionMachine::abort_timed_out(std::string_view id, int16_t server_version, Now now,
                                         Effects& effects) {
    const Transaction* current = find(id);
    if (current && timed_out(*current, now))
        fence_and_abort(id, *current, server_version, now, effects);
}

bool TransactionMachine::expired(const Transaction& transaction, int64_t expiration_ms, Now now) {
    const bool at_rest = transaction.state == State::empty ||
                         transaction.state == State::complete_commit ||
                         transaction.state == State::complete_abort;
    return at_rest && transaction.updated + expiration_ms <= now.wall_ms;
}

std::vector<std::string> TransactionMachine::expired(int64_t expiration_ms, Now now) const {
    std::vector<std::string> ids;
    for (const auto& [id, entry] : entries_)
        if (expired(entry.transaction, expiration_ms, now)) ids.push_back(id);
    return ids;
}

void TransactionMachine::remove_expired(std::string_view id, int64_t expiration_ms, Now now,
                                        Effects& effects) {
    const Transaction* current = find(id);
    if (current && expired(*current, expiration_ms, now)) effects.records.push_back(tombstone(id));
}

}  // namespace millrace::transaction
