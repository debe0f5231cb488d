// The state machine of one partition of __transaction_state: inputs are requests and times; outputs
// are replies and records. Pure: no I/O, no clock, no suspension.
//
// The contract with its driver is coordinator/effects.h; every input has its transactional id for
// itself until its effects are committed. Kafka: TransactionCoordinator, TransactionStateManager.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error_code.h"
#include "coordinator/effects.h"
#include "transaction/transaction.h"

namespace millrace::transaction {

using coordinator::Now;

struct Producer {
    ProducerId id = -1;
    ProducerEpoch epoch = -1;
    friend bool operator==(const Producer&, const Producer&) = default;
};

class TransactionMachine {
public:
    using Reply = std::monostate;  // nobody waits for others here
    using Effects = coordinator::Effects<Reply>;

    TransactionMachine() = default;
    TransactionMachine(const TransactionMachine&) = delete;

    // --- the log
    // While loading, every record of the log in order; then every record of Effects once it is
    // committed. Errors: malformed, unsupported_version.
    Result<void> apply(const coordinator::RecordView& record, Effects& effects);
    void apply(const coordinator::Marker&) {}
    void loaded(Now) {}

    // --- requests
    // Where `server_version` stands, it is the cluster's transaction.version: the form of the
    // records follows it.
    struct Init {
        std::string_view id;
        int32_t timeout_ms = 0;
        // Who the client says that it is (KIP-360).
        std::optional<Producer> expected;
        // Used when init_needs_producer_id() said so.
        ProducerId new_producer_id = -1;
        int16_t server_version = 0;
    };
    // The error, or whom the id belongs to from now on. concurrent_transactions with records: the
    // open transaction is aborted first, and its producer is fenced; the client asks again.
    struct InitReply {
        ErrorCode error = ErrorCode::none;
        Producer producer;
    };
    bool init_needs_producer_id(std::string_view id, const std::optional<Producer>& expected) const;
    InitReply init(const Init& request, Now now, Effects& effects);

    struct Add {
        std::string_view id;
        Producer producer;
        const PartitionSet& partitions;
        int16_t client_version = 0;
        int16_t server_version = 0;
    };
    // Errors: invalid_producer_id_mapping, producer_fenced, concurrent_transactions.
    ErrorCode add(const Add& request, Now now, Effects& effects);
    // Whether the producer's open transaction could have partitions in it at all; contains() says
    // which. Errors as add().
    ErrorCode check_open(std::string_view id, const Producer& producer) const;
    bool contains(std::string_view id, std::string_view topic, PartitionIndex partition) const;

    struct End {
        std::string_view id;
        Producer producer;
        bool commit = false;
        int16_t client_version = 0;
        ProducerId new_producer_id = -1;  // as with Init, when end_needs_producer_id()
        int16_t server_version = 0;
    };
    struct EndReply {
        ErrorCode error = ErrorCode::none;
        Producer producer;  // whom the id belongs to when the transaction is complete
    };
    bool end_needs_producer_id(std::string_view id, int16_t client_version) const;
    // With records the outcome is decided: then the markers are due. Without and without an error
    // it had been decided so before. Errors: invalid_producer_id_mapping, producer_fenced,
    // concurrent_transactions, invalid_txn_state.
    EndReply end(const End& request, Now now, Effects& effects);

    // All markers of the transaction that `prepared` describes are written. Does nothing when it is
    // not the one any more.
    void complete(std::string_view id, const Transaction& prepared, int16_t server_version, Now now,
                  Effects& effects);

    // --- time
    // The ids whose transactions are open for longer than their timeout.
    std::vector<std::string> timed_out(Now now) const;
    // Decides to abort such a one, if it still is one, and fences its producer.
    void abort_timed_out(std::string_view id, int16_t server_version, Now now, Effects& effects);
    // The ids that nobody has used for so long and that have no open transaction.
    std::vector<std::string> expired(int64_t expiration_ms, Now now) const;
    void remove_expired(std::string_view id, int64_t expiration_ms, Now now, Effects& effects);

    // --- observers
    const Transaction* find(std::string_view id) const;
    void each(const std::function<void(const std::string& id, const Transaction&)>& fn) const;

private:
    struct Entry {
        Transaction transaction;
        // The epoch before the last bump, for clients that ask twice. Not durable, as in Kafka: a
        // retry that spans a restart is fenced.
        ProducerEpoch last_epoch = -1;
    };
    const Entry* entry(std::string_view id) const;
    void write(std::string_view id, Transaction next, ProducerEpoch last_epoch,
               int16_t server_version, Now now, Effects& effects);
    EndReply prepare(const End& request, const Transaction& current, bool fence, Now now,
                     Effects& effects);
    void fence_and_abort(std::string_view id, const Transaction& current, int16_t server_version,
                         Now now, Effects& effects);
    static bool timed_out(const Transaction& transaction, Now now);
    static bool expired(const Transaction& transaction, int64_t expiration_ms, Now now);

    std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace millrace::transaction
