// Commits, fetches, deletes and expires offsets.
// Kafka: OffsetMetadataManager, and KafkaApis for what it checks first.
#pragma once

#include "base/result.h"
#include "group/table.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/messages/offset_fetch.h"
#include "protocol/messages/txn_offset_commit.h"

namespace millrace::group {

class OffsetProtocol {
public:
    explicit OffsetProtocol(GroupTable& table) : table_(table) {}

    protocol::OffsetCommitResponse commit(const RequestContext& context,
                                          const protocol::OffsetCommitRequest& request, Now now,
                                          Effects& effects);
    // Offsets that count when the writer's transaction commits.
    protocol::TxnOffsetCommitResponse commit(const RequestContext& context,
                                             const protocol::TxnOffsetCommitRequest& request,
                                             Now now, Effects& effects);
    struct FetchOptions {
        bool by_id = false;  // from version 10 on
        // What an open transaction may change is answered UNSTABLE_OFFSET_COMMIT (KIP-447).
        bool require_stable = false;
    };
    // One group of the request, in the form of version 8 and up.
    protocol::OffsetFetchResponse::OffsetFetchResponseGroup fetch(
        const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& request,
        const FetchOptions& options) const;
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
    ErrorCode check_transactional(const protocol::TxnOffsetCommitRequest& request);
    // What is stored of one partition; nothing but an error when it is refused.
    struct Commit {
        std::string_view group_id;
        const TopicInfo* topic;
        PartitionIndex partition;
        OffsetEntry entry;
    };
    ErrorCode commit_partition(Commit commit, const std::optional<protocol::Str>& metadata,
                               Effects& effects) const;
    bool subscribed(std::string_view group_id, std::string_view topic) const;

    GroupTable& table_;
};

}  // namespace millrace::group
