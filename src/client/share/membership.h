// Membership in a share group (KIP-932): heartbeats say what this member wants, their answers name
// the partitions that it may fetch from. Other members may have the same ones; so nothing is handed
// over, and an assignment counts as soon as it is here.
//
//   epoch 0 --heartbeat--> member --expired--> left --poll()--> epoch 0
//      ^                     |
//      +--- fenced, unknown -+   (nothing is assigned then)
//
// Owner: ShareConsumer. Loop: its own. Kafka: ShareHeartbeatRequestManager, ShareMembershipManager.
#pragma once

#include <functional>
#include <set>

#include "client/coordinator_link.h"
#include "client/share/config.h"
#include "protocol/messages/share_group_heartbeat.h"

namespace millrace::client {

// What was assigned.
using ShareAssignment = std::map<TopicPartition, Uuid>;

class ShareMembership {
public:
    struct Listener {
        std::function<void(ShareAssignment)> assigned;
        // For the application's next poll(): the member is out of its group for good.
        std::function<void(Error)> failed;
        std::function<bool()> in_poll;
    };
    ShareMembership(Cluster& cluster, CoordinatorLink& link, const ShareConsumerConfig& config,
                    Listener listener);

    // The same for all lives of this member; requests for records carry it.
    const std::string& id() const { return id_; }
    // 0: not joined.
    int32_t epoch() const { return epoch_; }
    void subscribe(std::set<std::string> topics);
    void polled();
    // Ends the background work and leaves the group.
    runtime::Task<void> leave(runtime::TimePoint deadline);

private:
    runtime::Task<void> keep_alive();
    runtime::Task<void> keep_names();
    runtime::Task<Result<void>> heartbeat();
    runtime::Task<void> leave_group(runtime::TimePoint deadline);
    bool recover(const Error& error);
    void rejoin();
    void resolve();

    Cluster& cluster_;
    CoordinatorLink& link_;
    const ShareConsumerConfig& config_;
    const Listener listener_;
    const std::string id_;
    std::set<std::string> wanted_;
    int32_t epoch_ = 0;
    bool full_ = true;  // the next heartbeat says everything
    bool expired_ = false;
    bool failed_ = false;  // until it subscribes anew
    std::chrono::milliseconds interval_{5'000};
    // As said by the coordinator; names come from the metadata.
    std::map<Uuid, std::vector<PartitionIndex>> target_;
    bool unresolved_ = false;
    runtime::TimePoint last_poll_;
    runtime::Event wake_;
    std::optional<runtime::DroppingScope> tasks_;  // last: its tasks use what is above
};

}  // namespace millrace::client
