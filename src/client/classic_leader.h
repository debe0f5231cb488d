// What the leader of a classic group does for all: shares the partitions out, and notices when the
// topics are no longer as they were then.
//
// Owner: ClassicMembership. Loop: its own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "client/assign/assignor.h"
#include "client/cluster.h"
#include "protocol/messages/join_group.h"

namespace millrace::client {

// For each member what it is told of its share.
using GroupShares = std::map<std::string, std::vector<uint8_t>>;

class ClassicLeader {
public:
    explicit ClassicLeader(Cluster& cluster) : cluster_(cluster) {}

    // `joined` made this member the leader. Errors: malformed (what a member said of itself); those
    // of Cluster::update, when there are topics that are not known yet.
    runtime::Task<Result<GroupShares>> share_out(const protocol::JoinGroupResponse& joined,
                                                 Assignor& assignor);
    // Whether a topic that was shared out has another number of partitions now.
    bool outdated();
    void resign() { shared_.clear(); }

private:
    Cluster& cluster_;
    std::map<std::string, size_t> shared_;  // topics, with the number of partitions they had
};

}  // namespace millrace::client
