#include "group/machine.h"

#include "base/check.h"
#include "coordinator/typed_record.h"
#include "protocol/records/consumer_group_member_metadata_key.h"
#include "protocol/records/group_metadata_key.h"
#include "protocol/records/share_group_metadata_key.h"
#include "protocol/records/streams_group_metadata_key.h"

namespace millrace::group {

using coordinator::RecordView;

GroupMachine::GroupMachine(const GroupConfig& config, Rng& rng,
                           std::shared_ptr<const ClusterView> cluster)
    : table_(config, rng) {
    table_.cluster = std::move(cluster);
}

Result<void> GroupMachine::apply(const RecordView& record, Effects& effects) {
    if (record.key.size() < 2) return fail(ErrorCode::malformed, "record key without a type");
    auto type = load_be<int16_t>(record.key.data());
    switch (type) {
        case 0:
        case 1:
            return table_.offsets.apply(record);
        case 2:
            return apply_classic(record, effects);
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
        case 16:
            return apply_consumer(type, record, effects);
        case protocol::ShareGroupMetadataKey::kRecordKey:
            return apply_foreign<protocol::ShareGroupMetadataKey>("share", record, effects);
        case protocol::StreamsGroupMetadataKey::kRecordKey:
            return apply_foreign<protocol::StreamsGroupMetadataKey>("streams", record, effects);
        default:
            return {};  // the rest of those groups, and what a newer Kafka has written
    }
}

Result<void> GroupMachine::apply_classic(const RecordView& record, Effects& effects) {
    TRY(auto key, protocol::decode<protocol::GroupMetadataKey>(record.key.subspan(2), 0));
    std::string_view id = key.group;
    if (!record.value) {
        if (table_.classic(id)) erase_group(id, effects);
        return {};
    }
    // A live group is ahead of its record: members that wait in it are not in there.
    if (!loading_ && table_.classic(id)) return {};
    TRY(ClassicGroup group, ClassicGroup::from_record(id, *record.value, 0));
    erase_group(id, effects);
    table_.groups.emplace(std::string{id}, std::move(group));
    return {};
}

Result<void> GroupMachine::apply_consumer(int16_t type, const RecordView& record,
                                          Effects& effects) {
    TRY(std::string id, consumer_record_group(type, record.key));
    ConsumerGroup* group = table_.consumer(id);
    if (!group) {
        if (!record.value) return {};
        erase_group(id, effects);
        group =
            &std::get<ConsumerGroup>(table_.groups.emplace(id, ConsumerGroup{id}).first->second);
    }
    TRY(bool removed, apply_consumer_record(*group, type, record));
    if (removed) erase_group(id, effects);
    if (type == protocol::ConsumerGroupMemberMetadataKey::kRecordKey && !record.value) {
        TRY(auto key,
            protocol::decode<protocol::ConsumerGroupMemberMetadataKey>(record.key.subspan(2), 0));
        table_.timers.cancel({id, TimerKind::consumer_session, key.member_id.str()});
        table_.timers.cancel({id, TimerKind::consumer_rebalance, key.member_id.str()});
    }
    return {};
}

template <class Key>
Result<void> GroupMachine::apply_foreign(std::string_view type, const RecordView& record,
                                         Effects& effects) {
    TRY(auto key, protocol::decode<Key>(record.key.subspan(2), 0));
    std::string id = key.group_id.str();
    if (!record.value && !table_.foreign(id)) return {};
    erase_group(id, effects);
    if (record.value) table_.groups.emplace(std::move(id), ForeignGroup{type});
    return {};
}

void GroupMachine::erase_group(std::string_view group_id, Effects& effects) {
    auto at = table_.groups.find(group_id);
    if (at == table_.groups.end()) return;
    if (auto* classic = std::get_if<ClassicGroup>(&at->second))
        ClassicProtocol::complete_all(*classic, ErrorCode::rebalance_in_progress, effects);
    table_.cancel_timers(group_id);
    table_.groups.erase(at);
}

void GroupMachine::loaded(Now now) {
    loading_ = false;
    Effects effects;
    for (auto& [id, group] : table_.groups) {
        if (auto* classic = std::get_if<ClassicGroup>(&group))
            classic_.loaded(*classic, now, effects);
        else if (auto* consumer = std::get_if<ConsumerGroup>(&group))
            consumer_.loaded(*consumer, now);
    }
    // Nobody waits yet, and a rebalance that has just started is not over.
    INVARIANT(effects.records.empty() && effects.completed.empty());
}

std::optional<protocol::JoinGroupResponse> GroupMachine::join_group(
    const RequestContext& context, const protocol::JoinGroupRequest& request, Token token, Now now,
    Effects& effects) {
    if (table_.consumer(request.group_id)) return mixed_.join(context, request, now, effects);
    if (table_.foreign(request.group_id)) {
        protocol::JoinGroupResponse refused;
        refused.error_code = wire(ErrorCode::inconsistent_group_protocol);
        refused.member_id = request.member_id.to_owned();
        refused.protocol_name.reset();
        return refused;
    }
    return classic_.join(context, request, token, now, effects);
}

bool GroupMachine::is_empty_consumer_group(std::string_view group_id) const {
    auto at = table_.groups.find(group_id);
    if (at == table_.groups.end()) return false;
    const auto* group = std::get_if<ConsumerGroup>(&at->second);
    return group && group->members().empty();
}

void GroupMachine::make_way_for_classic(std::string_view group_id, Effects& effects) {
    if (is_empty_consumer_group(group_id))
        GroupChange{*table_.consumer(group_id), effects.records}.remove_group();
}

std::optional<protocol::SyncGroupResponse> GroupMachine::sync_group(
    const protocol::SyncGroupRequest& request, Token token, Now now, Effects& effects) {
    if (const ConsumerGroup* group = table_.consumer(request.group_id))
        return mixed_.sync(*group, request, now);
    return classic_.sync(request, token, now, effects);
}

protocol::HeartbeatResponse GroupMachine::heartbeat(const protocol::HeartbeatRequest& request,
                                                    Now now) {
    if (const ConsumerGroup* group = table_.consumer(request.group_id))
        return mixed_.heartbeat(*group, request, now);
    return classic_.heartbeat(request, now);
}

protocol::LeaveGroupResponse GroupMachine::leave_group(const protocol::LeaveGroupRequest& request,
                                                       Now now, Effects& effects) {
    if (const ConsumerGroup* group = table_.consumer(request.group_id))
        return mixed_.leave(*group, request, now, effects);
    return classic_.leave(request, now, effects);
}

protocol::ConsumerGroupHeartbeatResponse GroupMachine::consumer_group_heartbeat(
    const RequestContext& context, const protocol::ConsumerGroupHeartbeatRequest& request, Now now,
    Effects& effects) {
    return consumer_.heartbeat(context, request, now, effects);
}

protocol::OffsetCommitResponse GroupMachine::offset_commit(
    const RequestContext& context, const protocol::OffsetCommitRequest& request, Now now,
    Effects& effects) {
    return offsets_.commit(context, request, now, effects);
}

protocol::TxnOffsetCommitResponse GroupMachine::txn_offset_commit(
    const RequestContext& context, const protocol::TxnOffsetCommitRequest& request, Now now,
    Effects& effects) {
    return offsets_.commit(context, request, now, effects);
}

protocol::OffsetDeleteResponse GroupMachine::offset_delete(
    const protocol::OffsetDeleteRequest& request, Effects& effects) {
    return offsets_.remove(request, effects);
}

void GroupMachine::on_timer(const Timer& timer, Now now, Effects& effects) {
    switch (timer.kind) {
        case TimerKind::classic_session:
            return classic_.on_session_timeout(timer, now, effects);
        case TimerKind::classic_initial:
            return classic_.on_initial_delay(timer, now, effects);
        case TimerKind::classic_join:
            return classic_.on_join_timeout(timer, now, effects);
        case TimerKind::classic_sync:
            return classic_.on_sync_timeout(timer, now, effects);
        case TimerKind::consumer_session:
            return consumer_.on_session_timeout(timer, now, effects);
        case TimerKind::consumer_rebalance:
            return consumer_.on_rebalance_timeout(timer, now, effects);
    }
}

void GroupMachine::clean_up(std::string_view group_id, Now now, Effects& effects) {
    if (table_.foreign(group_id)) return;  // its owner may still need them
    bool no_offsets_left = offsets_.expire(group_id, now, kTombstonesMax, effects);
    if (no_offsets_left && !has_members(table_, group_id))
        remove_empty_group(table_, group_id, effects);
}

void GroupMachine::remove_deleted_topics(std::string_view group_id, Effects& effects) {
    offsets_.remove_deleted_topics(group_id, kTombstonesMax, effects);
}

ErrorCode GroupMachine::delete_group(std::string_view group_id, Effects& effects) {
    return group::delete_group(table_, group_id, effects);
}

std::vector<std::string> GroupMachine::group_ids() const {
    std::vector<std::string> ids;
    for (const auto& [id, group] : table_.groups) ids.push_back(id);
    for (const auto& [id, topics] : table_.offsets.groups())
        if (!table_.exists(id)) ids.push_back(id);
    return ids;
}

}  // namespace millrace::group
