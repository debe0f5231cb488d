// What both group protocols have in common: a member that says what it wants to read, is given
// partitions, and tells the application when they change.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/coordinator_link.h"
#include "client/metrics/event_stats.h"
#include "client/offset_commits.h"
#include "client/partition_table.h"
#include "client/topic_pattern.h"
#include "runtime/task_function.h"

namespace millrace::client {

// Told about changes of the assignment from inside poll() and close(), where it may commit and seek;
// the next poll() returns after it. Not to call poll(), subscribe() or close().
class RebalanceListener {
public:
    virtual ~RebalanceListener() = default;
    // These are new; their positions are not yet known.
    virtual runtime::Task<void> assigned(std::span<const TopicPartition> partitions) = 0;
    // These are about to be given to others: the last moment to commit them.
    virtual runtime::Task<void> revoked(std::span<const TopicPartition> partitions) = 0;
    // These may have been given to others already; a commit would fail.
    virtual runtime::Task<void> lost(std::span<const TopicPartition> partitions) {
        co_await revoked(partitions);
    }
};

// What to read: names, or all topics whose names match.
struct Subscription {
    std::vector<std::string> topics;  // ascending, no duplicates
    std::optional<TopicPattern> pattern;
    bool empty() const { return topics.empty() && !pattern; }
};

// Hands work of a background task to the application's poll(), and waits until it has run there.
class PollGate {
public:
    explicit PollGate(const runtime::Loop& loop) : loop_(loop) {}
    // By the background task; one at a time.
    runtime::Task<void> run(runtime::Task<void> work);
    void forget();
    bool wanted() const { return work_.has_value(); }
    // By poll().
    runtime::Task<void> serve();
    // Rings when there is work.
    runtime::Signal changed;
    EventStats events;

private:
    const runtime::Loop& loop_;
    std::optional<runtime::Task<void>> work_;
    runtime::TimePoint handed_over_{};
    runtime::Event done_;
};

// What a membership needs of its consumer.
struct MembershipContext {
    Cluster& cluster;
    CoordinatorLink& link;
    const ConsumerConfig& config;
    PartitionTable& table;
    PollGate& gate;
    MemberIdentity& identity;
    // Commits what was given out, before partitions go away, where auto commit is on. Errors are
    // only logged.
    runtime::TaskFunction<runtime::Task<void>()> commit_before_revocation;
    std::shared_ptr<RebalanceListener> listener;  // may be nullptr
    std::function<bool()> in_poll;                // the application waits in poll() now
};

enum class Change : uint8_t { assigned, revoked, lost };
// Tells the listener, if there is one, and counts how long it takes.
runtime::Task<void> tell(std::shared_ptr<RebalanceListener> listener, CoordinatorLink& link,
                         Change change, std::span<const TopicPartition> places);
// In the application's poll(): commits (revoked), tells the listener that they are revoked or lost,
// and takes the partitions off the table.
runtime::Task<void> give_back_now(MembershipContext& context, std::vector<TopicPartition> places,
                                  Change how);

class GroupMembership {
public:
    virtual ~GroupMembership() = default;
    virtual void subscribe(Subscription wanted) = 0;
    virtual void set_listener(std::shared_ptr<RebalanceListener> listener) = 0;
    // The application called poll().
    virtual void polled() = 0;
    // The application wants to join again; false: members of this protocol have no such thing.
    virtual bool enforce_rebalance(std::string reason) = 0;
    // Ends the background work and leaves the group (a static classic member just stops). The
    // partitions were given back before.
    virtual runtime::Task<void> leave(runtime::TimePoint deadline) = 0;
};

}  // namespace millrace::client
