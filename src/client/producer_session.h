// Who a producer is to the brokers, from InitProducerId on: its id and epoch, and whether it has
// been fenced.
//
// Owner: Producer. Loop: its. Kafka: the part of TransactionManager that plain idempotence needs.
#pragma once

#include "client/cluster.h"
#include "client/producer_batch.h"
#include "client/producer_config.h"

namespace millrace::client {

class ProducerSession {
public:
    ProducerSession(Cluster& cluster, const ProducerConfig& config)
        : cluster_(cluster), config_(config) {}

    // Whether batches carry an identity at all.
    bool wanted() const { return config_.idempotent; }
    const ProducerIdentity& identity() const { return identity_; }
    bool ready() const { return !wanted() || identity_.known(); }

    // A new identity; with a transactional id, of that, and the one before is fenced and its open
    // transaction aborted. `raise` keeps the producer id and raises its epoch. Repeats what may be
    // repeated. Errors: those of InitProducerId; deadline_exceeded.
    runtime::Task<Result<void>> acquire(runtime::TimePoint deadline, bool raise = false);
    // The broker gave it in another answer (EndTxn, from version 5 on).
    void adopt(const ProducerIdentity& identity) { identity_ = identity; }
    // The next epoch, without asking anybody: for producers without transactions. False when there
    // is none; then the identity is forgotten.
    bool raise_epoch();

    // Nothing can be sent any more, and why.
    void fail_for_good(Error why) {
        if (!broken_) broken_ = std::move(why);
    }
    const std::optional<Error>& broken() const { return broken_; }

private:
    runtime::Task<Result<ProducerIdentity>> ask(bool raise, runtime::TimePoint deadline);

    Cluster& cluster_;
    const ProducerConfig& config_;
    ProducerIdentity identity_;
    std::optional<Error> broken_;
};

}  // namespace millrace::client
