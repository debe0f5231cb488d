// The transaction coordinator of one shard: all transactional ids whose partition of
// __transaction_state this shard leads.
//
// A call decides on the state machine, appends the record that follows to the partition's log, and
// answers when it is committed. Once the outcome of a transaction is decided, its markers are
// written to all of its partitions, again and again until each of them has it, also after a
// restart; then the transaction is complete.
//
// Owner: server. Loop: the shard's. Calls may overlap freely; what they are given must outlive the
// task. Errors travel in the replies: NOT_COORDINATOR when the id's partition is not loaded here,
// COORDINATOR_LOAD_IN_PROGRESS while it loads, COORDINATOR_NOT_AVAILABLE when the log refuses for
// now. Authorisation, and whether topics exist, is the caller's. Kafka: TransactionCoordinator,
// TransactionMarkerChannelManager.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "coordinator/shards.h"
#include "protocol/messages/describe_transactions.h"
#include "protocol/messages/list_transactions.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "transaction/machine.h"

namespace millrace::transaction {

// transaction.*, transactional.id.*
struct TransactionConfig {
    int32_t max_timeout_ms = 900'000;
    int32_t id_expiration_ms = 604'800'000;
    int32_t timeout_check_interval_ms = 10'000;
    int32_t expiration_check_interval_ms = 3'600'000;
    // Of a topic that does not exist yet; else what it has counts.
    int32_t topic_partitions = 50;
    bool two_phase_commit = false;
    // How long an implicit addition of partitions waits for the transaction before to be complete
    // (add.partitions.to.txn.retry.backoff.max.ms).
    int32_t add_wait_ms = 100;
};

// What the coordinator needs of the node. It outlives the coordinator's run().
class Host {
public:
    virtual ~Host() = default;
    virtual runtime::Task<Result<ProducerId>> new_producer_id() = 0;
    // Writes one marker. none and unknown_topic_or_partition (nothing is left to be ended) are
    // final, as are invalid_producer_epoch and transaction_coordinator_fenced (somebody newer has
    // ended it); all else is tried again.
    virtual runtime::Task<ErrorCode> write_marker(const TopicPartition& partition,
                                                  const coordinator::Marker& marker) = 0;
    // The finalized transaction.version.
    virtual int16_t transaction_version() const = 0;
};

class TransactionCoordinator : public coordinator::Coordinator {
public:
    TransactionCoordinator(runtime::Loop& loop, TransactionConfig config);
    ~TransactionCoordinator() override;
    TransactionCoordinator(const TransactionCoordinator&) = delete;

    // Before anything else.
    void connect(Host& host);
    // How many partitions __transaction_state has; 0: it does not exist.
    void set_partition_count(int32_t count);
    // The partition of __transaction_state that keeps the id.
    PartitionIndex partition_for(std::string_view transactional_id) const;

    runtime::Task<Result<void>> load(PartitionIndex partition,
                                     coordinator::CoordinatorLog& log) override;
    runtime::Task<void> unload(PartitionIndex partition) override;
    // Timeouts and expiry of ids. Ends after stop().
    runtime::Task<void> run();
    void stop();

    struct Init {
        std::string_view id;
        int32_t timeout_ms = 0;
        std::optional<Producer> expected;
        bool two_phase_commit = false;
        bool keep_prepared = false;
    };
    struct Outcome {
        ErrorCode error = ErrorCode::none;
        Producer producer{-1, -1};
    };
    runtime::Task<Outcome> init_producer_id(const Init& request);

    // Partitions that the transaction is to have. `patient`: waits for a while when the transaction
    // before is not complete yet, instead of answering concurrent_transactions.
    struct Add {
        std::string_view id;
        Producer producer;
        PartitionSet partitions;
        int16_t client_version = 0;
        bool patient = false;
    };
    runtime::Task<ErrorCode> add_partitions(const Add& request);
    // Whether the transaction is open and has the partition: transaction_abortable when it has not.
    ErrorCode verify(std::string_view id, const Producer& producer, std::string_view topic,
                     PartitionIndex partition) const;

    // Decides the outcome. Answers when the markers are written, or when that takes long: the
    // outcome stands as soon as its record is committed.
    struct End {
        std::string_view id;
        Producer producer;
        bool commit = false;
        int16_t client_version = 0;
    };
    runtime::Task<Outcome> end(const End& request);

    protocol::DescribeTransactionsResponse::TransactionState describe(std::string_view id) const;
    protocol::ListTransactionsResponse list(const protocol::ListTransactionsRequest& request) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::transaction
