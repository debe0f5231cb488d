// The quorum as a pure step machine: facts in (what the disk holds, what was written, what was
// synced), decisions out (what to persist, which epoch, up to where everything is committed). No
// I/O, no clock.
//
//   unattached --campaign()--> candidate --persisted()--> leader          one voter elects itself
//
// With one voter a majority is that voter: a record is committed when its own sync has returned.
// Not for larger quorums: make() refuses them.
//
// Owner: driver/quorum_log. Kafka: QuorumState, LeaderState, KafkaRaftClient.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "raft/quorum_state.h"
#include "raft/voters.h"

namespace millrace::raft {

class Quorum {
public:
    struct Local {
        NodeId id = -1;
        Uuid directory_id;
    };
    // What the disk held at start.
    struct Found {
        QuorumState state;
        LeaderEpoch last_log_epoch = 0;
        Offset log_end = 0;
        int16_t kraft_version = 0;
        std::vector<Voter> voters;
    };

    // Errors: inconsistent_voter_set (this node is not the one voter, or its directory is another
    // one).
    static Result<Quorum> make(Local local, Found found);

    // A new epoch, with a vote for this node. The answer must be durable before persisted() is
    // called.
    QuorumState campaign();
    // The vote is durable, so the election is won: this node leads epoch(). The answer is for the
    // same file; losing it does no harm.
    QuorumState persisted();

    // The log's end moved to `end` (in the page cache). Precondition: is_leader().
    void appended(Offset end);
    // Everything below `end` is on the disk. True when the high watermark moved.
    bool synced(Offset end);

    bool is_leader() const { return role_ == Role::leader; }
    NodeId id() const { return local_.id; }
    LeaderEpoch epoch() const { return state_.leader_epoch; }
    Offset log_end() const { return log_end_; }
    // Everything below is committed; -1 before the first sync of this epoch.
    Offset high_watermark() const { return high_watermark_; }
    const std::vector<Voter>& voters() const { return voters_; }
    int16_t kraft_version() const { return kraft_version_; }

private:
    enum class Role : uint8_t { unattached, candidate, leader };

    Quorum(Local local, Found found);

    Local local_;
    Role role_ = Role::unattached;
    QuorumState state_;
    std::vector<Voter> voters_;
    int16_t kraft_version_;
    Offset log_end_;
    Offset high_watermark_ = -1;
};

}  // namespace millrace::raft
