// Membership in a group of the consumer protocol (KIP-848): the coordinator shares the partitions
// out; heartbeats say what this member wants and has, and their answers what it is to have.
//
//   epoch 0 --heartbeat--> member --answer with an assignment--> give back, take, say so
//      ^                      |
//      +--- fenced, unknown --+   (what it had is lost)
//
// A full heartbeat is sent to join and after each failure; the others carry only what changed. One
// task sends heartbeats, one makes what was assigned true; the latter waits for the application's
// poll(). Owner: Consumer. Kafka: ConsumerHeartbeatRequestManager, ConsumerMembershipManager.
#pragma once

#include "client/group_membership.h"
#include "protocol/messages/consumer_group_heartbeat.h"

namespace millrace::client {

class ConsumerMembership final : public GroupMembership {
public:
    explicit ConsumerMembership(MembershipContext context);

    void subscribe(Subscription wanted) override;
    void set_listener(std::shared_ptr<RebalanceListener> listener) override {
        context_.listener = std::move(listener);
    }
    void polled() override;
    bool enforce_rebalance(std::string) override { return false; }
    runtime::Task<void> leave(runtime::TimePoint deadline) override;

private:
    // What was assigned, by topic id.
    using Target = std::map<Uuid, std::vector<PartitionIndex>>;

    runtime::Task<void> keep_alive();
    runtime::Task<void> keep_true();

    protocol::ConsumerGroupHeartbeatRequest request(bool full);
    runtime::Task<Result<void>> heartbeat();
    void take_answer(const protocol::ConsumerGroupHeartbeatResponse& said);
    // Whether it is worth another attempt.
    bool recover(const Error& error);
    void lose_membership();
    runtime::Task<void> leave_group(int32_t epoch, runtime::TimePoint deadline);
    // The names of what was assigned, as far as the metadata knows them.
    std::vector<TopicPartition> resolved(bool& all) const;
    runtime::Task<void> take(std::vector<TopicPartition> given, uint64_t membership);
    int32_t leave_epoch() const;

    MembershipContext context_;
    const std::string id_;
    Subscription wanted_;
    int32_t epoch_ = 0;         // 0: is to join
    uint64_t memberships_ = 0;  // how often one was lost
    bool full_ = true;          // the next heartbeat says everything
    bool lost_ = false;         // the partitions that are here are no longer ours
    bool expired_ = false;
    bool failed_ = false;  // until it subscribes anew
    std::chrono::milliseconds interval_{5'000};
    std::optional<Target> target_;
    std::vector<TopicPartition> said_;  // what the last heartbeat said that we have
    std::vector<TopicPartition> have_;  // what we have, once the application knows
    runtime::TimePoint last_poll_;
    runtime::Event wake_;                          // a heartbeat is due at once
    runtime::Signal target_moved_;                 // there is something for keep_true
    std::optional<runtime::DroppingScope> tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
