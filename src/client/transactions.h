// The transactions of a producer: which state it is in, who coordinates it, and the requests that
// begin, extend and end a transaction, in both versions of the protocol.
//
//   version 1  Every partition is announced to the coordinator before its first batch
//              (AddPartitionsToTxn), and a group before its offsets (AddOffsetsToTxn).
//   version 2  (KIP-890) The first batch makes a partition part of the transaction, and each end of
//              a transaction raises the producer's epoch, so that what was late for it cannot get
//              into the next.
//
// Owner: Producer. Loop: its. Kafka: TransactionManager.
#pragma once

#include <map>
#include <set>

#include "client/offset_commits.h"
#include "client/producer_session.h"
#include "client/send_schedule.h"

namespace millrace::client {

class Transactions {
public:
    Transactions(Cluster& cluster, const ProducerConfig& config, SendSchedule& schedule,
                 ProducerSession& session)
        : cluster_(cluster),
          config_(config),
          schedule_(schedule),
          session_(session),
          tasks_(cluster.loop()) {}

    enum class State : uint8_t { none, ready, open, failed, ending };
    State state() const { return state_; }
    // Why an open transaction can only be aborted.
    const Error& failure() const { return failure_; }
    // Version 2.
    bool implicit() const { return implicit_; }

    // Fences earlier producers of the id and ends what they left open.
    runtime::Task<Result<void>> init(runtime::TimePoint deadline);
    // Errors of this and all below: invalid_txn_state (called out of turn); the transaction's
    // failure; what has ended the producer for good, as producer_fenced.
    Result<void> begin();
    runtime::Task<Result<void>> send_offsets(const CommittedOffsets& offsets,
                                             const GroupMetadata& group,
                                             runtime::TimePoint deadline);
    // Nothing may be on its way any more. A transaction into which nothing was sent ends without a
    // request. `raise_epoch`: sequences were broken, and the next transaction begins new ones.
    runtime::Task<Result<void>> end(bool commit, bool raise_epoch, runtime::TimePoint deadline);
    // From now on there is nothing but abort.
    void fail_transaction(Error why);

    // Whether a batch for that partition may go out. When it first must be announced, that begins
    // here, and the queue is looked at again afterwards.
    bool may_send(PartitionQueue& queue);
    // Whether records may be taken now.
    Result<void> check_open() const;

private:
    runtime::Task<void> announce();
    runtime::Task<Result<void>> announce_once(const std::set<TopicPartition>& places);
    runtime::Task<Result<void>> add_group(const std::string& group, runtime::TimePoint deadline);
    runtime::Task<Result<void>> commit_offsets(const CommittedOffsets& offsets,
                                               const GroupMetadata& group,
                                               runtime::TimePoint deadline);
    runtime::Task<Result<void>> end_once(bool commit, runtime::TimePoint deadline);
    // Repeats `attempt` while it may succeed later; notes what cannot.
    template <typename Attempt>
    runtime::Task<Result<void>> repeat(Attempt attempt, CoordinatorType type, std::string key,
                                       runtime::TimePoint deadline);
    template <typename Request>
    runtime::Task<Result<Reply<typename Request::Response>>> ask(CoordinatorType type,
                                                                 std::string key,
                                                                 const Request& request,
                                                                 runtime::TimePoint deadline,
                                                                 int16_t at_most);
    Error judged(Error error);
    void forget_transaction();

    Cluster& cluster_;
    const ProducerConfig& config_;
    SendSchedule& schedule_;
    ProducerSession& session_;
    State state_ = State::none;
    Error failure_{ErrorCode::none, {}};
    bool implicit_ = false;
    bool started_ = false;  // something of it may be known to a broker
    std::set<TopicPartition> announced_;
    std::map<TopicPartition, PartitionQueue*> to_announce_;
    bool announcing_ = false;
    runtime::DroppingScope tasks_;
};

}  // namespace millrace::client
