// Membership in a group of the classic protocol: the members agree on an assignor, one of them
// leads and shares the partitions out, the coordinator passes it on.
//
//   unjoined --JoinGroup--> joined --SyncGroup--> stable --heartbeat says so, or the subscription
//       ^                      |                    |      or the topics changed--> give back, join
//       +-- generation lost ---+--------------------+
//
// Eager assignors: everything is given back before joining. Cooperative ones: members keep what
// they have, and give back what the new assignment takes; then they join once more.
// One task joins and takes assignments, one sends heartbeats; what concerns the application runs in
// its poll(). Owner: Consumer. Kafka: ConsumerCoordinator, AbstractCoordinator.
#pragma once

#include "client/classic_leader.h"
#include "client/group_membership.h"

namespace millrace::client {

class ClassicMembership final : public GroupMembership {
public:
    explicit ClassicMembership(MembershipContext context);

    void subscribe(Subscription wanted) override;
    void set_listener(std::shared_ptr<RebalanceListener> listener) override {
        context_.listener = std::move(listener);
    }
    void polled() override;
    bool enforce_rebalance(std::string reason) override;
    runtime::Task<void> leave(runtime::TimePoint deadline) override;

private:
    runtime::Task<void> keep_joined();
    runtime::Task<void> keep_alive();
    runtime::Task<void> watch_topics();

    runtime::Task<Result<void>> rejoin();
    runtime::Task<void> give_back();
    runtime::Task<Result<Reply<protocol::JoinGroupResponse>>> join();
    runtime::Task<Result<std::vector<TopicPartition>>> sync(std::string protocol,
                                                            GroupShares shares);
    runtime::Task<void> take(std::vector<TopicPartition> given, int32_t generation);
    runtime::Task<void> heartbeat();
    runtime::Task<void> leave_group(std::string id, std::string reason,
                                    runtime::TimePoint deadline);

    std::vector<std::string> wanted_topics() const;
    void want_rejoin();
    void lose_generation(bool keep_id);
    // What a failed attempt means for what comes next; false when it is final.
    bool recover(const Error& error);
    runtime::TimePoint join_deadline() const;
    Assignor* find(std::string_view name) const;

    MembershipContext context_;
    ClassicLeader leader_;
    Subscription wanted_;
    std::vector<std::unique_ptr<Assignor>> assignors_;
    Assignor* chosen_ = nullptr;
    bool cooperative_;      // all assignors are
    bool lost_ = false;     // the partitions that are here are no longer ours
    bool expired_ = false;  // the application does not poll
    bool rejoin_wanted_ = true;
    std::string rejoin_reason_;  // the application's; what the coordinator is told
    std::vector<std::string> joined_topics_;
    runtime::TimePoint last_poll_;
    runtime::TimePoint last_alive_;
    runtime::Event wake_;
    std::optional<runtime::DroppingScope> tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
