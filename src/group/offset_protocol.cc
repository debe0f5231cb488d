#include "group/offset_protocol.h"

#include <set>

#include "group/classic_protocol.h"

namespace millrace::group {
namespace {

using protocol::Str;
using CommitRequest = protocol::OffsetCommitRequest;

// From this version of OffsetCommit and OffsetFetch on topics are named by id.
constexpr int16_t kTopicIdsFrom = 10;
// Members of the consumer protocol must commit with this version or a later one; since then
// GROUP_ID_NOT_FOUND is an answer.
constexpr int16_t kMemberEpochFrom = 9;

// Whether the entry is about the topic that has this name and id now, not about a deleted one of
// the same name.
bool same_topic(const OffsetEntry& entry, const Uuid& id) {
    return entry.topic_id.is_zero() || id.is_zero() || entry.topic_id == id;
}

}  // namespace

ErrorCode OffsetProtocol::check_commit(const RequestContext& context, const CommitRequest& request,
                                       Now now) {
    std::string_view id = request.group_id;
    if (const ClassicGroup* group = table_.classic(id))
        return check_classic_commit(*group, request, now);
    if (const ConsumerGroup* group = table_.consumer(id))
        return check_consumer_commit(context, *group, request);
    if (const ForeignGroup* group = table_.foreign(id)) {
        // Tools may set the offsets of a streams group; a share group keeps its own elsewhere.
        bool tool = request.generation_id_or_member_epoch < 0 && request.member_id.empty();
        return tool && group->type == "streams" ? ErrorCode::none : ErrorCode::unknown_member_id;
    }
    if (request.generation_id_or_member_epoch < 0)
        return ErrorCode::none;  // a client that only keeps offsets here
    if (table_.offsets.has(id)) return ErrorCode::unknown_member_id;
    return context.api_version >= kMemberEpochFrom ? ErrorCode::group_id_not_found
                                                   : ErrorCode::illegal_generation;
}

ErrorCode OffsetProtocol::check_classic_commit(const ClassicGroup& group,
                                               const CommitRequest& request, Now now) {
    int32_t generation = request.generation_id_or_member_epoch;
    if (generation < 0 && group.in(ClassicState::empty)) return ErrorCode::none;
    if (generation < 0 && request.member_id.empty() && !request.group_instance_id)
        return ErrorCode::unknown_member_id;  // the group has members, and this is none of them
    ErrorCode error =
        ClassicProtocol::check_member(group, request.member_id, request.group_instance_id);
    if (error != ErrorCode::none) return error;
    if (generation != group.generation()) return ErrorCode::illegal_generation;
    // In this state the assignment is being handed out: who commits now has not got its new one
    // yet.
    if (group.in(ClassicState::completing_rebalance)) return ErrorCode::rebalance_in_progress;
    if (!group.in(ClassicState::empty))
        ClassicProtocol{table_}.renew_session(group, *group.member(request.member_id), now);
    return ErrorCode::none;
}

ErrorCode OffsetProtocol::check_consumer_commit(const RequestContext& context,
                                                const ConsumerGroup& group,
                                                const CommitRequest& request) {
    int32_t epoch = request.generation_id_or_member_epoch;
    if (epoch < 0 && group.members().empty()) return ErrorCode::none;
    const ConsumerMember* member = group.member(request.member_id);
    if (!member) return ErrorCode::unknown_member_id;
    if (member->classic)
        return epoch == member->epoch ? ErrorCode::none : ErrorCode::illegal_generation;
    if (context.api_version < kMemberEpochFrom) return ErrorCode::unsupported_version;
    if (epoch == member->epoch) return ErrorCode::none;
    if (epoch > member->epoch) return ErrorCode::stale_member_epoch;
    // An older epoch is good for partitions that the member has had since then (KIP-1251); all or
    // nothing.
    for (const auto& topic : request.topics) {
        auto info = context.api_version >= kTopicIdsFrom ? table_.cluster->topic(topic.topic_id)
                                                         : table_.cluster->topic(topic.name.view());
        if (!info) continue;
        for (const auto& partition : topic.partitions) {
            if (partition.partition_index < 0 || partition.partition_index >= info->partitions)
                continue;
            auto at = member->assignment_epochs.find({info->id, partition.partition_index});
            if (at == member->assignment_epochs.end() || epoch < at->second)
                return ErrorCode::stale_member_epoch;
        }
    }
    return ErrorCode::none;
}

ErrorCode OffsetProtocol::commit_partition(Commit commit,
                                           const std::optional<protocol::Str>& metadata,
                                           Effects& effects) const {
    if (!commit.topic || commit.partition < 0 || commit.partition >= commit.topic->partitions)
        return ErrorCode::unknown_topic_or_partition;
    if (metadata) commit.entry.metadata = metadata->str();
    if (commit.entry.metadata.size() > static_cast<size_t>(table_.config.offset_metadata_max_bytes))
        return ErrorCode::offset_metadata_too_large;
    commit.entry.topic_id = commit.topic->id;
    effects.records.push_back(OffsetStore::to_record(commit.group_id, commit.topic->name,
                                                     commit.partition, commit.entry));
    return ErrorCode::none;
}

protocol::OffsetCommitResponse OffsetProtocol::commit(const RequestContext& context,
                                                      const CommitRequest& request, Now now,
                                                      Effects& effects) {
    bool by_id = context.api_version >= kTopicIdsFrom;
    ErrorCode group_error = check_commit(context, request, now);
    protocol::OffsetCommitResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name.to_owned();
        out.topic_id = topic.topic_id;
        auto info = by_id ? table_.cluster->topic(topic.topic_id)
                          : table_.cluster->topic(topic.name.view());
        for (const auto& partition : topic.partitions) {
            auto& result = out.partitions.emplace_back();
            result.partition_index = partition.partition_index;
            const bool unknown = !info || partition.partition_index < 0 ||
                                 partition.partition_index >= info->partitions;
            if (unknown) {
                result.error_code = wire(by_id && !info ? ErrorCode::unknown_topic_id
                                                        : ErrorCode::unknown_topic_or_partition);
                continue;
            }
            if (group_error != ErrorCode::none) {
                result.error_code = wire(group_error);
                continue;
            }
            OffsetEntry entry{.offset = partition.committed_offset,
                              .leader_epoch = partition.committed_leader_epoch,
                              .commit_timestamp = now.wall_ms};
            if (request.retention_time_ms != -1)
                entry.expire_timestamp = now.wall_ms + request.retention_time_ms;
            result.error_code =
                wire(commit_partition({request.group_id, &*info, partition.partition_index, entry},
                                      partition.committed_metadata, effects));
        }
    }
    return response;
}

// Members are fenced as with OffsetCommit, but only when the producer says who consumes: versions
// before 3 cannot (KIP-447).
ErrorCode OffsetProtocol::check_transactional(const protocol::TxnOffsetCommitRequest& request) {
    const std::string_view id = request.group_id;
    const int32_t generation = request.generation_id;
    const bool anonymous =
        generation < 0 && request.member_id.empty() && !request.group_instance_id;
    if (const ClassicGroup* group = table_.classic(id)) {
        if (anonymous || (generation < 0 && group->in(ClassicState::empty))) return ErrorCode::none;
        const ErrorCode error =
            ClassicProtocol::check_member(*group, request.member_id, request.group_instance_id);
        if (error != ErrorCode::none) return error;
        return generation == group->generation() ? ErrorCode::none : ErrorCode::illegal_generation;
    }
    if (const ConsumerGroup* group = table_.consumer(id)) {
        if (anonymous || (generation < 0 && group->members().empty())) return ErrorCode::none;
        const ConsumerMember* member = group->member(request.member_id);
        if (!member) return ErrorCode::unknown_member_id;
        return generation == member->epoch ? ErrorCode::none : ErrorCode::illegal_generation;
    }
    if (generation < 0) return ErrorCode::none;
    return table_.offsets.has(id) ? ErrorCode::unknown_member_id : ErrorCode::illegal_generation;
}

protocol::TxnOffsetCommitResponse OffsetProtocol::commit(
    const RequestContext&, const protocol::TxnOffsetCommitRequest& request, Now now,
    Effects& effects) {
    const ErrorCode group_error = check_transactional(request);
    protocol::TxnOffsetCommitResponse response;
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name.to_owned();
        const auto info = table_.cluster->topic(topic.name.view());
        for (const auto& partition : topic.partitions) {
            auto& result = out.partitions.emplace_back();
            result.partition_index = partition.partition_index;
            const bool unknown = !info || partition.partition_index < 0 ||
                                 partition.partition_index >= info->partitions;
            if (!unknown && group_error != ErrorCode::none) {
                result.error_code = wire(group_error);
                continue;
            }
            const OffsetEntry entry{.offset = partition.committed_offset,
                                    .leader_epoch = partition.committed_leader_epoch,
                                    .commit_timestamp = now.wall_ms};
            result.error_code = wire(commit_partition(
                {request.group_id, info ? &*info : nullptr, partition.partition_index, entry},
                partition.committed_metadata, effects));
        }
    }
    return response;
}

namespace {

using FetchGroup = protocol::OffsetFetchRequest::OffsetFetchRequestGroup;
using FetchedGroup = protocol::OffsetFetchResponse::OffsetFetchResponseGroup;
using FetchedPartition = protocol::OffsetFetchResponse::OffsetFetchResponsePartitions;

FetchedPartition fetched(PartitionIndex index, const OffsetEntry* entry) {
    FetchedPartition out;
    out.partition_index = index;
    out.committed_offset = entry ? entry->offset : -1;
    if (entry) {
        out.committed_leader_epoch = entry->leader_epoch;
        out.metadata = entry->metadata;
    }
    return out;
}

FetchedPartition unstable_offset(PartitionIndex index) {
    FetchedPartition out = fetched(index, nullptr);
    out.error_code = wire(ErrorCode::unstable_offset_commit);
    return out;
}

ErrorCode check_fetch(const ConsumerGroup& group, const FetchGroup& request) {
    // Tools ask without a member.
    if (!request.member_id && request.member_epoch < 0) return ErrorCode::none;
    const ConsumerMember* member = request.member_id ? group.member(*request.member_id) : nullptr;
    if (!member) return ErrorCode::unknown_member_id;
    return member->epoch == request.member_epoch ? ErrorCode::none : ErrorCode::stale_member_epoch;
}

}  // namespace

FetchedGroup OffsetProtocol::fetch(const FetchGroup& request, const FetchOptions& options) const {
    const bool by_id = options.by_id;
    const auto unstable = [&](std::string_view topic, PartitionIndex index) {
        return options.require_stable && table_.offsets.has_pending(request.group_id, topic, index);
    };
    FetchedGroup out;
    out.group_id = request.group_id.to_owned();
    if (const ConsumerGroup* group = table_.consumer(request.group_id)) {
        if (ErrorCode error = check_fetch(*group, request); error != ErrorCode::none) {
            out.error_code = wire(error);
            return out;
        }
    }
    const OffsetStore::Topics* topics = table_.offsets.of(request.group_id);
    if (!request.topics) {
        if (!topics) return out;
        for (const auto& [name, partitions] : *topics) {
            auto info = table_.cluster->topic(name);
            if (by_id && !info) continue;
            auto& topic = out.topics.emplace_back();
            topic.name = name;
            if (info) topic.topic_id = info->id;
            for (const auto& [index, entry] : partitions)
                if (unstable(name, index))
                    topic.partitions.push_back(unstable_offset(index));
                else if (same_topic(entry, topic.topic_id))
                    topic.partitions.push_back(fetched(index, &entry));
        }
        return out;
    }
    for (const auto& wanted : *request.topics) {
        auto& topic = out.topics.emplace_back();
        auto info = by_id ? table_.cluster->topic(wanted.topic_id)
                          : table_.cluster->topic(wanted.name.view());
        topic.name = info ? Str{info->name} : wanted.name.to_owned();
        topic.topic_id = by_id ? wanted.topic_id : info ? info->id : Uuid{};
        for (PartitionIndex index : wanted.partition_indexes) {
            if (unstable(topic.name, index)) {
                topic.partitions.push_back(unstable_offset(index));
                continue;
            }
            const OffsetEntry* entry = nullptr;
            if (!by_id || info) entry = table_.offsets.find(request.group_id, topic.name, index);
            if (entry && !same_topic(*entry, topic.topic_id)) entry = nullptr;
            topic.partitions.push_back(fetched(index, entry));
            if (by_id && !info)
                topic.partitions.back().error_code = wire(ErrorCode::unknown_topic_id);
        }
    }
    return out;
}

bool OffsetProtocol::subscribed(std::string_view group_id, std::string_view topic) const {
    if (const ClassicGroup* group = table_.classic(group_id)) return group->subscribes(topic);
    if (const ConsumerGroup* group = table_.consumer(group_id)) return group->subscribes(topic);
    return false;
}

protocol::OffsetDeleteResponse OffsetProtocol::remove(const protocol::OffsetDeleteRequest& request,
                                                      Effects& effects) const {
    protocol::OffsetDeleteResponse response;
    std::string_view id = request.group_id;
    auto refuse = [&](ErrorCode error) {
        response.error_code = wire(error);
        return response;
    };
    if (id.empty()) return refuse(ErrorCode::invalid_group_id);
    const ClassicGroup* classic = table_.classic(id);
    if (!table_.exists(id) && !table_.offsets.has(id)) return refuse(ErrorCode::group_id_not_found);
    // Of other protocols the coordinator does not know the topics that are in use.
    if (classic && !classic->in(ClassicState::empty) && !classic->uses_consumer_protocol())
        return refuse(ErrorCode::non_empty_group);
    for (const auto& topic : request.topics) {
        auto& out = response.topics.emplace_back();
        out.name = topic.name.to_owned();
        auto info = table_.cluster->topic(topic.name.view());
        bool in_use = subscribed(id, topic.name);
        for (const auto& partition : topic.partitions) {
            auto& result = out.partitions.emplace_back();
            PartitionIndex index = partition.partition_index;
            result.partition_index = index;
            if (!info || index < 0 || index >= info->partitions)
                result.error_code = wire(ErrorCode::unknown_topic_or_partition);
            else if (in_use)
                result.error_code = wire(ErrorCode::group_subscribed_to_topic);
            else if (table_.offsets.find(id, topic.name, index))
                effects.records.push_back(OffsetStore::tombstone(id, topic.name, index));
        }
    }
    return response;
}

void OffsetProtocol::remove_all(std::string_view group_id, Effects& effects) const {
    std::set<std::pair<std::string_view, PartitionIndex>> all;
    if (const OffsetStore::Topics* topics = table_.offsets.of(group_id))
        for (const auto& [topic, partitions] : *topics)
            for (const auto& [partition, entry] : partitions) all.emplace(topic, partition);
    table_.offsets.each_pending(
        group_id, [&](std::string_view topic, PartitionIndex p) { all.emplace(topic, p); });
    for (const auto& [topic, partition] : all)
        effects.records.push_back(OffsetStore::tombstone(group_id, topic, partition));
}

namespace {

// When the retention of a group's offsets starts to run; nothing when they do not expire now
// (KIP-211).
struct RetentionRule {
    bool expires = true;
    std::optional<TimestampMs> since;  // else the commit's own time
};

RetentionRule retention_of(const GroupTable& table, std::string_view group_id) {
    auto at = table.groups.find(group_id);
    const ClassicGroup* group =
        at == table.groups.end() ? nullptr : std::get_if<ClassicGroup>(&at->second);
    if (!group || !group->protocol_type()) return {};
    if (group->in(ClassicState::empty)) {
        if (group->state_timestamp() == -1) return {};
        return {.since = group->state_timestamp()};
    }
    // With members, only topics that nobody subscribes to any more; without known topics, none.
    return {.expires = group->in(ClassicState::stable) && group->subscribed_topics().has_value()};
}

}  // namespace

bool OffsetProtocol::expire(std::string_view group_id, Now now, size_t tombstones_max,
                            Effects& effects) const {
    const bool pending = table_.offsets.has_pending(group_id);
    const OffsetStore::Topics* topics = table_.offsets.of(group_id);
    if (!topics) return !pending;
    RetentionRule rule = retention_of(table_, group_id);
    if (!rule.expires) return false;
    int64_t retention_ms = int64_t{table_.config.offsets_retention_minutes} * 60'000;
    bool all = !pending;
    for (const auto& [topic, partitions] : *topics) {
        bool in_use = subscribed(group_id, topic);
        for (const auto& [partition, entry] : partitions) {
            TimestampMs base = rule.since.value_or(entry.commit_timestamp);
            bool expired = entry.expire_timestamp == -1 ? now.wall_ms - base >= retention_ms
                                                        : now.wall_ms >= entry.expire_timestamp;
            const bool open = pending && table_.offsets.has_pending(group_id, topic, partition);
            if (in_use || open || !expired || effects.records.size() >= tombstones_max)
                all = false;
            else
                effects.records.push_back(OffsetStore::tombstone(group_id, topic, partition));
        }
    }
    return all;
}

bool OffsetProtocol::has_deleted_topics() const {
    return std::ranges::any_of(table_.offsets.topics(), [&](const auto& counted) {
        const auto& [name, id] = counted.first;
        auto info = table_.cluster->topic(name);
        return !info || (!id.is_zero() && id != info->id);
    });
}

void OffsetProtocol::remove_deleted_topics(std::string_view group_id, size_t tombstones_max,
                                           Effects& effects) const {
    const OffsetStore::Topics* topics = table_.offsets.of(group_id);
    if (!topics) return;
    for (const auto& [topic, partitions] : *topics) {
        auto info = table_.cluster->topic(topic);
        for (const auto& [partition, entry] : partitions)
            if ((!info || !same_topic(entry, info->id)) && effects.records.size() < tombstones_max)
                effects.records.push_back(OffsetStore::tombstone(group_id, topic, partition));
    }
}

}  // namespace millrace::group
