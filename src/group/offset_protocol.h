// Commits, fetches, deletes and expires offsets.
// Kafka: OffsetMetadataManager, and KafkaApis for what it checks first.
#pragma once

#include "base/result.h"
#include "group/table.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"

namespace millrace::group {

class OffsetProtocol {
public:
    explicit OffsetProtocol(GroupTable& table) : table_(table) {}

    protocol::OffsetCommitResponse commit(const RequestContext& context,
                                          const protocol::OffsetCommitRequest& request, Now now,
                                          Effects& effects);
    // One group of the request, in the form of version 8 and up; `by_id` from version 10 on.
    protocol::OffsetFetchResponse::OffsetFetchResponseGroup fetch(
        const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& request, bool by_id) const;
    protocol::OffsetDeleteResponse remove(const protocol::OffsetDeleteRequest& request,
                                          Effects& effects) const;

    // Tombstones for all offsets of the group.
    void remove_all(std::string_view group_id, Effects& effects) const;
    // Tombstones for what retention lets go; at most `tombstones_max`. True when the group has no
    // offsets left then.
    bool expire(std::string_view group_id, Now now, size_t tombstones_max, Effects& effects) const;
    // Whether there are offsets of topics that are gone.
    bool has_deleted_topics() const;
    // Tombstones for them.
    void remove_deleted_topics(std::string_view group_id, size_t tombstones_max,
                               Effects& effects) const;

private:
    ErrorCode check_commit(const RequestContext& context,
                           const protocol::OffsetCommitRequest& request, Now now);
    ErrorCode check_classic_commit(const ClassicGroup& group,
                                   const protocol::OffsetCommitRequest& request, Now now);
    ErrorCode check_consumer_commit(const RequestContext& context, const ConsumerGroup& group,
                                    const protocol::OffsetCommitRequest& request);
    ErrorCode commit_partition(
        const protocol::OffsetCommitRequest& request, const TopicInfo* topic, bool by_id,
        const protocol::OffsetCommitRequest::OffsetCommitRequestPartition& partition, Now now,
        Effects& effects);
    bool subscribed(std::string_view group_id, std::string_view topic) const;

    GroupTable& table_;
};

}  // namespace millrace::group
