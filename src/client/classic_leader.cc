#include "client/classic_leader.h"

#include "client/classic_protocol.h"

namespace millrace::client {

runtime::Task<Result<GroupShares>> ClassicLeader::share_out(
    const protocol::JoinGroupResponse& joined, Assignor& assignor) {
    std::vector<GroupMember> members;
    bool all_known = true;
    for (const auto& said : joined.members) {
        CO_TRY(GroupMember member, decode_subscription(said.metadata));
        member.id = said.member_id.str();
        if (said.group_instance_id) member.instance_id = said.group_instance_id->str();
        for (const std::string& topic : member.topics)
            all_known = cluster_.find_topic(topic) && all_known;
        members.push_back(std::move(member));
    }
    if (members.empty()) co_return fail(ErrorCode::malformed, "a group without members");
    if (!all_known)
        CO_TRY_OK(co_await cluster_.update(cluster_.after(cluster_.config().request_timeout)));
    const AssignableTopics topics = assignable_topics(members, cluster_.metadata());
    for (const GroupMember& member : members) {
        for (const std::string& name : member.topics) {
            const auto known = topics.find(name);
            shared_[name] =
                known == topics.end() ? 0 : static_cast<size_t>(known->second.partitions);
        }
    }
    const GroupAssignment given = assignor.assign(members, topics);
    GroupShares out;
    for (size_t i = 0; i < members.size(); i++) out[members[i].id] = encode_assignment(given[i]);
    co_return out;
}

bool ClassicLeader::outdated() {
    bool out = false;
    // All of them: looking keeps them in the metadata.
    for (const auto& [name, size] : shared_) {
        const TopicPtr topic = cluster_.find_topic(name);
        // A topic that is briefly not known has not gone.
        const bool known =
            topic || cluster_.metadata().error(name) == ErrorCode::unknown_topic_or_partition;
        out = out || (known && (topic ? topic->partitions.size() : 0) != size);
    }
    return out;
}

}  // namespace millrace::client
