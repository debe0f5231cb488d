#include "cli/cluster/quorum.h"

#include "protocol/messages/describe_quorum.h"

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
    protocol::DescribeQuorumRequest request;
    request.topics.push_back({protocol::Str::borrow("__cluster_metadata"), {{0}}});
    TRY(const auto reply, session.ask(request));
    if (reply->error_code != 0) return client::said_error(reply->error_code, reply->error_message);
    if (reply->topics.empty() || reply->topics[0].partitions.empty())
        return fail(ErrorCode::unknown_server_error, "the answer has no quorum in it");
    const auto& said = reply->topics[0].partitions[0];
    if (said.error_code != 0) return client::said_error(said.error_code, said.error_message);
    out.leader = said.leader_id;
    out.epoch = said.leader_epoch;
    out.high_watermark = said.high_watermark;
    const auto take = [&](const auto& states, std::string_view status) {
        std::vector<QuorumMember> members;
        for (const auto& state : states) {
            QuorumMember& one = members.emplace_back();
            one.id = state.replica_id;
            one.directory = state.replica_directory_id;
            one.end = state.log_end_offset;
            one.last_fetch = state.last_fetch_timestamp;
            one.last_caught_up = state.last_caught_up_timestamp;
            one.status = state.replica_id == out.leader ? "Leader" : status;
            for (const auto& node : reply->nodes)
                if (node.node_id == one.id)
                    for (const auto& listener : node.listeners)
                        one.endpoints.push_back(
                            fmt::format("{}://{}:{}", std::string_view{listener.name},
                                        std::string_view{listener.host}, listener.port));
        }
        return members;
    };
    out.voters = take(said.current_voters, "Follower");
    out.observers = take(said.observers, "Observer");
    return out;
}

}  // namespace millrace::cli
