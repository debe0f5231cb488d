// What is kept of one transactional id, and its record in __transaction_state.
//
// One id has one producer at a time: the one that holds the newest (producer id, epoch). States:
//
//   empty -> ongoing -> prepare_commit -> complete_commit -> ongoing ...
//                    -> prepare_abort  -> complete_abort  -> ongoing ...
//
// prepare_*: the outcome is decided, and the markers are on their way to the partitions; complete_*:
// all of them are written. Kafka: TransactionMetadata, TransactionLog.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "coordinator/record.h"

namespace millrace::transaction {

// The numbers are those of the records.
enum class State : int8_t {
    empty = 0,
    ongoing = 1,
    prepare_commit = 2,
    prepare_abort = 3,
    complete_commit = 4,
    complete_abort = 5,
    dead = 6,
    prepare_epoch_fence = 7,
};
constexpr State kStates[] = {State::empty,
                             State::ongoing,
                             State::prepare_commit,
                             State::prepare_abort,
                             State::complete_commit,
                             State::complete_abort,
                             State::dead,
                             State::prepare_epoch_fence};

// Kafka's name, as tools show it.
std::string_view state_name(State state);

// transaction.version from which on every end of a transaction takes a new epoch (KIP-890).
constexpr int16_t kEpochBumps = 2;
// The last epoch that a client may hold; one more is kept for fencing it.
constexpr ProducerEpoch kEpochMax = INT16_MAX - 1;
// The timeout of a transaction whose outcome is decided elsewhere (KIP-939): it never ends by time.
constexpr int32_t kNoTimeout = INT32_MAX;

using PartitionSet = std::map<std::string, std::set<PartitionIndex>, std::less<>>;

struct Transaction {
    ProducerId producer_id = -1;
    ProducerId previous_producer_id = -1;
    // In prepare_*: whom the id belongs to when it is complete, because the epochs are used up.
    ProducerId next_producer_id = -1;
    ProducerEpoch epoch = -1;
    int32_t timeout_ms = 0;
    State state = State::empty;
    PartitionSet partitions;
    TimestampMs updated = -1;
    TimestampMs started = -1;
    int16_t client_version = 0;  // transaction.version as the producer speaks it: 0 or 2

    bool preparing() const {
        return state == State::prepare_commit || state == State::prepare_abort;
    }
    bool epochs_used_up() const { return epoch >= kEpochMax; }
    friend bool operator==(const Transaction&, const Transaction&) = default;
};

// Value version 1, or 0 below transaction.version 1.
coordinator::Record to_record(std::string_view transactional_id, const Transaction& transaction,
                              int16_t transaction_version);
coordinator::Record tombstone(std::string_view transactional_id);

// Errors: malformed, unsupported_version.
Result<std::string> record_id(ByteView key);
Result<Transaction> from_record(ByteView value);

}  // namespace millrace::transaction
