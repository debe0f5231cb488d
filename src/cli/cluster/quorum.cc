#include "cli/cluster/quorum.h"

namespace millrace::cli {

Offset Quorum::leader_end() const {
    for (const QuorumMember& voter : voters)
        if (voter.id == leader) return voter.end;
    return -1;
}

Result<Quorum> view_quorum(Session& session) {
    Quorum out;
    TRY(const auto cluster, session.wait(session.admin().describe_cluster()));
    out.cluster_id = cluster.id;
    TRY(const auto said, session.wait(session.admin().describe_quorum()));
    out.leader = said.leader;
    out.epoch = said.epoch;
    out.high_watermark = said.high_watermark;
    const auto take = [&](const std::vector<client::QuorumMember>& members,
                          std::string_view status) {
        std::vector<QuorumMember> shown;
        for (const client::QuorumMember& member : members) {
            QuorumMember& one = shown.emplace_back();
            one.id = member.id;
            one.directory = member.directory;
            one.end = member.end;
            one.last_fetch = member.last_fetch;
            one.last_caught_up = member.last_caught_up;
            one.status = member.id == out.leader ? "Leader" : status;
            for (const client::QuorumListener& listener : member.listeners)
                one.endpoints.push_back(listener.text());
        }
        return shown;
    };
    out.voters = take(said.voters, "Follower");
    out.observers = take(said.observers, "Observer");
    return out;
}

}  // namespace millrace::cli
